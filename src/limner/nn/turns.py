"""Rotations of groups of a weight's inputs, as peft's OFT and BOFT learn them.

OFT: Qiu et al. 2023; BOFT: Liu et al. 2024; the series for the inverse: Qiu et al. 2025.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

Weight = Float[Tensor, "out in ..."]
Turns = Float[Tensor, "n s s"]


def turned(weight: Weight, by: Turns) -> Weight:
    """W R^T - W, R the rotations of n groups of s inputs each, a kernel's places among them.

    One rotation of a part of the inputs is that of every such part.
    """
    flat = weight.flatten(1)
    groups = flat.reshape(len(flat), -1, by.shape[-1])
    by = by.expand(groups.shape[1], -1, -1)
    return torch.einsum("grc,ogc->ogr", by, groups).reshape(weight.shape) - weight


def turns(halves: Float[Tensor, "n k"], terms: int | None, most: float | None = None) -> Turns:
    """The rotations of n skew matrices Q, given by what is above their diagonals.

    terms: of the series of (I + Q)(I - Q)^-1; None: (I - Q)(I + Q)^-1 itself, of the other sense,
    as peft has it. most: of Q's norm, times sqrt(n) (constrained OFT); None: any.
    """
    size = round((1 + math.sqrt(1 + 8 * halves.shape[1])) / 2)
    rows, columns = torch.triu_indices(size, size, 1)
    upper = halves.new_zeros(len(halves), size, size)
    upper[:, rows, columns] = halves
    skew = upper - upper.transpose(1, 2)
    if most is not None:
        limit = most / math.sqrt(len(halves))
        norms = torch.linalg.vector_norm(skew, dim=(1, 2), keepdim=True)
        skew = torch.where(norms <= limit, skew, skew * limit / norms)
    return _inverted(skew) if terms is None else _series(skew, terms)


def cayley_turns(blocks: Turns) -> Turns:
    """As `turns` without a series, of matrices whose skew halves (B - B^T) / 2 count."""
    return _inverted((blocks - blocks.transpose(1, 2)) / 2)


def _inverted(skew: Turns) -> Turns:
    unit = torch.eye(skew.shape[-1], dtype=skew.dtype, device=skew.device)
    return torch.linalg.solve(unit + skew, unit - skew, left=False)


def _series(skew: Turns, terms: int) -> Turns:
    """I + 2 Q + 2 Q^2 + ... + Q^(terms - 1), whose last term counts once."""
    total = torch.eye(skew.shape[-1], dtype=skew.dtype, device=skew.device).expand_as(skew)
    if terms > 1:
        total = total + 2 * skew
    if terms > 2:
        power = skew @ skew
        total = total + 2 * power
        for _ in range(3, terms - 1):
            power = power @ skew
            total = total + 2 * power
        total = total + power @ skew
    return total
