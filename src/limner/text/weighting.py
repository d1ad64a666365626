"""Weights on a text encoder's output (lecture, Definition 7): tensors in, tensors out.

Every row of a batch is weighted by itself. Half precision is computed in single and rounded once.
A weight of 1 changes no bit of its position; where all are 1, the context itself comes back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from limner.errors import UsageError
from limner.text.dialect import Weighting

NEAR_ZERO = 1e-4  # of the mean magnitude: a mean below is what fp16's rounding leaves of 0
LEAST_WEIGHT = 1e-5  # Compel: a lower weight counts as this, so that tan stays finite

Map = Callable[[Float[Tensor, "D"]], Float[Tensor, "D"]]


def apply_maps(
    context: Float[Tensor, "B L D"], sets: Int[Tensor, "B L"], maps: Mapping[int, Map]
) -> Float[Tensor, "B L D"]:
    """PW, the general weighting (lecture eq. 12-13): c^_i = psi_k(c_i) for each i in S_k.

    sets: the k of the S_k that each position is in, so the sets are disjoint and cover them all.
    maps: psi_k by k, called with one vector (D,) at a time; positions of other sets stay as is.
    Raises UsageError where a map returns something else than a finite vector of that size.
    """
    result = context.clone()
    for k, psi in maps.items():
        inside = (sets == k).to(context.device)
        rows = [psi(row) for row in context[inside]]
        if any(row.shape != context.shape[-1:] for row in rows):
            raise UsageError(
                f"the map of span {k} must return a vector of {context.shape[-1]} numbers, "
                f"not {tuple(rows[0].shape)}"
            )
        if rows:
            result[inside] = torch.stack(rows).to(context.dtype)
    return in_range(result, context)


def scale(
    context: Float[Tensor, "B L D"], weights: Float[Tensor, "B L"], *, restore_mean: bool = True
) -> Float[Tensor, "B L D"]:
    """c^_i = r_i c_i (lecture eq. 14); A1111's two weightings.

    restore_mean: scale each row of the batch, a chunk, to the mean that it had before. Raises
    UsageError where a mean that is near 0 leaves that undefined.
    """
    if _all_one(weights):
        return context
    wide, factors = _wide(context), _factors(weights, context)
    scaled = wide * factors
    if restore_mean:
        scaled = scaled * _mean_ratio(wide, scaled, (factors != 1).any(dim=1)[..., None])
    return in_range(scaled.to(context.dtype), context)


def _mean_ratio(
    before: Float[Tensor, "B L D"], after: Float[Tensor, "B L D"], changed: Bool[Tensor, "B 1 1"]
) -> Float[Tensor, "B 1 1"]:
    """What brings the mean of `after` back to that of `before`; 1 for rows that did not change."""
    means = [x.mean(dim=(1, 2), keepdim=True) for x in (before, after)]
    sizes = [x.abs().mean(dim=(1, 2), keepdim=True) for x in (before, after)]
    for mean, size in zip(means, sizes, strict=True):
        if (changed & (mean.abs() <= NEAR_ZERO * size)).any():
            raise UsageError(
                "the mean of this prompt's encoding is near 0 and cannot be restored: take the "
                f"weighting {Weighting.SCALE_PLAIN.value} or {Weighting.LERP.value}, not "
                f"{Weighting.SCALE.value}"
            )
    kept, gone = (torch.where(changed, mean, 1.0) for mean in means)
    return kept / gone


def lerp(
    context: Float[Tensor, "B L D"], weights: Float[Tensor, "B L"], empty: Float[Tensor, "1 L D"]
) -> Float[Tensor, "B L D"]:
    """c^_i = e_i + r_i (c_i - e_i), from the encoding of the empty prompt: ComfyUI's weighting.

    Also Compel's of weights above 1. empty: (1, L, D), one chunk.
    """
    if _all_one(weights):
        return context
    factors = _factors(weights, context)
    lerped = _lerped(_wide(context), factors, _wide(empty))
    return in_range(lerped.to(context.dtype), context)


def _lerped(wide: Tensor, factors: Tensor, empty: Tensor) -> Tensor:
    return torch.where(factors == 1, wide, empty + factors * (wide - empty))


def compel(
    context: Float[Tensor, "n L D"],
    weights: Float[Tensor, "n L"],
    empty: Float[Tensor, "1 L D"],
    lowered: Mapping[int, float],
    without: Callable[[int], tuple[Float[Tensor, "m L D"], Float[Tensor, "m L"]]],
) -> Float[Tensor, "N L D"]:
    """Compel's weighting of one prompt's chunks: (B + sum_k t_k M_k) / (1 + sum_k t_k).

    B is `lerp`; M_k is `lerp` of the prompt without span k; t_k = tan((1 - r_k) pi / 2). A span
    below 1 so acts twice, and on what comes after it too (lecture, remark on eq. 19-20).

    lowered: the weights of the spans, by their numbers; those of 1 and above are left to `lerp`.
    without: the context and weights of the prompt without a span: with its tokens hidden from the
    encoder, or taken out. Where that leaves fewer chunks, empty ones follow them.
    """
    below = {k: weight for k, weight in lowered.items() if weight < 1}
    if not below:
        return lerp(context, weights, empty)
    base = _wide(empty)
    shares, parts = [1.0], [_lerped(_wide(context), _factors(weights, context), base)]
    for k, weight in below.items():
        other, its_weights = without(k)
        shares.append(_share(weight))
        parts.append(_lerped(_wide(other), _factors(its_weights, other), base))
    return in_range(_mixed(parts, shares, base).to(context.dtype), context)


def _share(weight: float) -> float:
    """t_k: how much of the prompt without a span is mixed in, next to 1 of the whole."""
    return math.tan((1 - max(LEAST_WEIGHT, weight)) * math.pi / 2)


def _mixed(parts: list[Tensor], shares: list[float], empty: Tensor) -> Tensor:
    """The mean of the parts by their shares, each drawn out to the longest with empty chunks."""
    chunks = max(len(part) for part in parts)
    longest = [torch.cat([part, empty.expand(chunks - len(part), -1, -1)]) for part in parts]
    total = sum(shares)
    mixed = longest[0] * (shares[0] / total)
    for part, share in zip(longest[1:], shares[1:], strict=True):
        mixed = mixed + part * (share / total)
    return mixed


def _all_one(weights: Tensor) -> bool:
    return bool((weights == 1).all())


def _wide(x: Tensor) -> Tensor:
    """At least single precision."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _factors(weights: Tensor, context: Tensor) -> Tensor:
    """(B, L, 1), to multiply a context with. Raises UsageError where the weights are not its."""
    if weights.shape != context.shape[:2]:
        raise UsageError(
            f"a context of {tuple(context.shape[:2])} positions takes as many weights, "
            f"not {tuple(weights.shape)}"
        )
    return weights.to(context.device, torch.promote_types(context.dtype, torch.float32))[..., None]


def in_range(result: Tensor, *inputs: Tensor) -> Tensor:
    """The result; UsageError where it is not finite though it was made of finite inputs."""
    if torch.isfinite(result).all() or not all(torch.isfinite(x).all() for x in inputs):
        return result
    raise UsageError(
        f"the weights take this prompt's encoding out of the range of {result.dtype}: "
        "take finite and smaller ones"
    )
