"""What a large model's modules are computed by on the CPU, in the place of what torch takes.

Each of it was measured faster on the machine, and has the same numbers but for rounding. Models of
fewer parameters than LARGE are left alone, so that they paint the same bits on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from limner.engine.attending import attend, is_faster
from limner.engine.devices import LARGE
from limner.engine.linears import blas_is_slow, by_onednn


class Measured(TorchFunctionMode):
    """While it is entered, linear layers and attention without gradients are the faster ones."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func is F.linear and not kwargs and _linear_can(*args):
            return by_onednn(*args)
        if func is F.scaled_dot_product_attention and _attention_can(args, kwargs):
            return attend(*args)
        return func(*args, **kwargs)


def kernels_for(model: nn.Module) -> AbstractContextManager[object]:
    """In what a model, or another part beside it, is to be called without gradients."""
    return Measured() if is_heavy(model) else nullcontext()


def lay_out(model: nn.Module) -> None:
    """Have the weights of a large model's convolutions lie channels last, which is read faster."""
    if is_heavy(model):
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def is_heavy(model: nn.Module) -> bool:
    """Whether it has LARGE parameters and is on the CPU."""
    return size_of(model) >= LARGE and next(model.parameters()).device.type == "cpu"


def size_of(model: nn.Module) -> int:
    """How many parameters it has, counted once, as every evaluation asks."""
    if model not in _sizes:
        _sizes[model] = sum(each.numel() for each in model.parameters())
    return _sizes[model]


_sizes = WeakKeyDictionary[nn.Module, int]()


def _linear_can(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> bool:
    return x.dtype == weight.dtype == torch.float32 and _plain(x) and blas_is_slow()


def _attention_can(args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Queries, keys and values alone, in heads."""
    named = {name for name, value in kwargs.items() if value is not None}
    if len(args) != 3 or named or any(each.ndim != 4 for each in args):
        return False
    q, k, v = args
    alike = q.dtype == k.dtype == v.dtype and q.shape[:2] == k.shape[:2] == v.shape[:2]
    return alike and k.numel() > 0 and _plain(q) and is_faster(q.dtype)


def _plain(x: Tensor) -> bool:
    on_cpu = type(x) is Tensor and x.device.type == "cpu"
    return on_cpu and x.numel() > 0 and not torch.is_grad_enabled()
