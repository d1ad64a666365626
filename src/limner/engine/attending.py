"""Attention on the CPU by products and a softmax, where torch's own kernel is slower.

The kernel multiplies by the BLAS, which some processors run at half of what oneDNN makes of them,
and in bf16 it does not use what the processor has for it. The numbers of both are the same but for
rounding; in bf16 the scores are rounded to bf16 before the softmax, which the kernel does not do.
"""

from __future__ import annotations

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from limner.engine.linears import blas_is_slow, by_onednn, has_onednn
from limner.engine.timing import SLOW, least

MANY = 1024
"""Queries from which each head is worth calls of its own."""

PORTION = 4 << 20
"""Bytes of the scores that are in memory at once: as much as stays in the processor's caches."""

MEASURED = (8, 1024, 80)
"""Heads, places and width that are measured: attention of Stable Diffusion's second level."""


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """softmax(q k^T / sqrt(D)) v of (B, H, N, D) and (B, H, L, D), as the kernel; no mask.

    Many queries a head at a time, in portions; few of bf16 all at once, few of fp32 by the kernel.
    """
    if q.shape[-2] >= MANY:
        return by_heads(q, k, v)
    if q.dtype == torch.bfloat16:
        return at_once(q, k, v)
    return F.scaled_dot_product_attention(q, k, v)


def by_heads(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """One head after another, a portion of the queries at a time."""
    batch, heads, queries, width = q.shape
    q, k, v = q.contiguous(), _scaled(k), v.mT.contiguous()
    most = max(1, PORTION // (k.shape[-2] * k.element_size()))
    out = q.new_empty(batch, queries, heads, width).transpose(1, 2)
    for row in range(batch):
        for head in range(heads):
            for first in range(0, queries, most):
                some = row, head, slice(first, first + most)
                scores = by_onednn(q[some], k[row, head])
                out[some] = by_onednn(scores.softmax(-1), v[row, head])
    return out


def at_once(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """All heads by one product."""
    return torch.matmul(torch.matmul(q, _scaled(k).mT).softmax(-1), v)


def _scaled(k: Tensor) -> Tensor:
    """Keys whose products with queries are the scores.

    Their mean is taken away: it adds the same to all scores of a query, which no softmax sees, and
    smaller scores are rounded less.
    """
    return ((k - k.mean(-2, keepdim=True)) * k.shape[-1] ** -0.5).contiguous()


def is_faster(dtype: torch.dtype) -> bool:
    """Whether `attend` is much faster than the kernel on this machine."""
    if dtype == torch.float32:
        return blas_is_slow()
    return dtype == torch.bfloat16 and is_faster_in_bf16()


@cache
def is_faster_in_bf16() -> bool:
    """Measured once, in bf16."""
    if not has_onednn():
        return False
    kernel, products = seconds(torch.bfloat16)
    return products < SLOW * kernel


@torch.inference_mode()
def seconds(
    dtype: torch.dtype, turns: int = 3, shape: tuple[int, int, int] = MEASURED
) -> tuple[float, float]:
    """The least time by the kernel and by `attend`."""
    q = torch.ones(1, *shape, dtype=dtype)
    kernel, products = least((F.scaled_dot_product_attention, attend), (q, q, q), turns)
    return kernel, products
