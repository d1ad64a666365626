"""Linear layers in fp32 on the CPU by oneDNN, where the BLAS behind torch is slow.

Which one is taken is measured on the machine, and the numbers of both are the same but for
rounding.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from limner.engine.devices import LARGE

SLOW = 0.7
"""oneDNN's time in parts of the BLAS's below which it is taken: well beside what noise makes."""

MEASURED = (512, 1280, 1280)
"""Rows, width in and width out that are measured: a layer of Stable Diffusion's."""


class ByOneDnn(TorchFunctionMode):
    """While it is entered, linear layers of fp32 on the CPU without gradients are oneDNN's."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func is F.linear and not kwargs and _can(*args):
            return by_onednn(*args)
        return func(*args, **(kwargs or {}))


def by_onednn(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x (..., I) and weight (O, I) -> (..., O), as `F.linear`."""
    product: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return product


def linears_for(model: nn.Module) -> AbstractContextManager[object]:
    """In what a model is to be called without gradients."""
    first = next(model.parameters())
    fits = first.device.type == "cpu" and first.dtype == torch.float32
    return ByOneDnn() if fits and _size(model) >= LARGE and blas_is_slow() else nullcontext()


@cache
def blas_is_slow() -> bool:
    """Whether oneDNN does a linear layer in much less time here, measured once."""
    if (
        not hasattr(torch.ops.mkldnn, "_linear_pointwise")
        or not torch.backends.mkldnn.is_available()
    ):
        return False
    blas, onednn = seconds()
    return onednn < SLOW * blas


@torch.inference_mode()
def seconds(turns: int = 3, shape: tuple[int, int, int] = MEASURED) -> tuple[float, float]:
    """The least time of one layer by the BLAS and by oneDNN, in turns after one not counted."""
    rows, width, out = shape
    x, weight, bias = torch.ones(rows, width), torch.ones(out, width), torch.ones(out)
    ways = (F.linear, by_onednn)
    spent: tuple[list[float], list[float]] = ([], [])
    for _ in range(turns + 1):
        for way, taken in zip(ways, spent, strict=True):
            began = time.perf_counter()
            way(x, weight, bias)
            taken.append(time.perf_counter() - began)
    return min(spent[0][1:]), min(spent[1][1:])


def _size(model: nn.Module) -> int:
    """Parameters of a model, counted once: every evaluation asks."""
    if model not in _sizes:
        _sizes[model] = sum(each.numel() for each in model.parameters())
    return _sizes[model]


_sizes = WeakKeyDictionary[nn.Module, int]()


def _can(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> bool:
    plain = type(x) is Tensor and x.device.type == "cpu" and x.numel() > 0
    return plain and x.dtype == weight.dtype == torch.float32 and not torch.is_grad_enabled()
