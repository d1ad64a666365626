"""Linear layers in fp32 on the CPU by oneDNN, where the BLAS behind torch is slow.

Which one is taken is measured on the machine, and the numbers of both are the same but for
rounding.
"""

from __future__ import annotations

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from limner.engine.timing import SLOW, least

MEASURED = (512, 1280, 1280)
"""Rows, width in and width out that are measured: a layer of Stable Diffusion's."""


def by_onednn(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x (..., I) and weight (O, I) -> (..., O), as `F.linear`."""
    dense = weight.contiguous()  # a strided one is multiplied a hundred times slower
    product: Tensor = torch.ops.mkldnn._linear_pointwise(x, dense, bias, "none", [], "")
    return product


def has_onednn() -> bool:
    """Whether this torch can be told to multiply by oneDNN."""
    there: bool = torch.backends.mkldnn.is_available()
    return there and hasattr(torch.ops.mkldnn, "_linear_pointwise")


@cache
def blas_is_slow() -> bool:
    """Whether oneDNN does a linear layer in much less time here, measured once."""
    if not has_onednn():
        return False
    blas, onednn = seconds()
    return onednn < SLOW * blas


@torch.inference_mode()
def seconds(turns: int = 3, shape: tuple[int, int, int] = MEASURED) -> tuple[float, float]:
    """The least time of one layer by the BLAS and by oneDNN."""
    rows, width, out = shape
    given = torch.ones(rows, width), torch.ones(out, width), torch.ones(out)
    blas, onednn = least((F.linear, by_onednn), given, turns)
    return blas, onednn
