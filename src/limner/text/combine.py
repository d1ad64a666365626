"""Several encodings as one: blends, conjunctions, and equal lengths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from limner.errors import UsageError
from limner.text.weighting import in_range
from limner.types import Conditioning

NEAR_ZERO = 1e-6  # of the weights' magnitude: a sum below is what rounding leaves of 0


def same_length(
    members: Sequence[Conditioning], empty: Conditioning | None = None
) -> list[Conditioning]:
    """Conditionings drawn out to as many tokens as the longest has.

    empty: the encoding of the empty prompt, put behind the shorter ones as often as it takes: what
    Compel does. None: positions that the mask leaves out, so that each means what it means alone:
    what A1111 comes to, which runs prompts of unequal length apart, and ComfyUI, which repeats
    their tokens so that attention is the same.
    Raises UsageError where whole copies of `empty` do not fill up a member.
    """
    length = max((member.context.shape[1] for member in members), default=0)
    if all(member.context.shape[1] == length for member in members):
        return list(members)
    if empty is not None:
        return [_with_empty(member, length, empty) for member in members]
    return [_with_nothing(member, length) for member in members]


def blend(
    members: Sequence[Conditioning],
    weights: Sequence[float],
    empty: Conditioning,
    *,
    normalise: bool = True,
) -> Conditioning:
    """Compel's blend: sum_i w_i c_i / sum_i w_i, of the contexts and of the pooled outputs.

    normalise: False leaves out the division. Shorter members are drawn out with `empty`. Raises
    UsageError where the weights sum to 0.
    """
    _check_weights(members, weights)
    shares = _shares(weights) if normalise else weights
    members = same_length(members, empty)
    pooled = [member.pooled for member in members if member.pooled is not None]
    masks = [member.mask for member in members if member.mask is not None]
    return Conditioning(
        context=_sum([member.context for member in members], shares),
        mask=torch.stack(masks).any(dim=0) if masks else None,
        pooled=_sum(pooled, shares) if pooled else None,
    )


def conjunction(
    members: Sequence[Conditioning], weights: Sequence[float], empty: Conditioning
) -> Conditioning:
    """Compel's and: the members one behind the other, each e + w (c - e) with its weight.

    pooled is the first member's, as it is the first chunk's of a long prompt.
    """
    _check_weights(members, weights)
    pairs = zip(members, weights, strict=True)
    return in_turn([replace(m, context=_leaned(m, weight, empty)) for m, weight in pairs])


def in_turn(members: Sequence[Conditioning]) -> Conditioning:
    """The tokens of all, one member's behind the other's; pooled is the first one's."""
    masks = [member.mask for member in members if member.mask is not None]
    return Conditioning(
        context=torch.cat([member.context for member in members], dim=1),
        mask=torch.cat(masks, dim=1) if masks else None,
        pooled=members[0].pooled,
    )


def _shares(weights: Sequence[float]) -> list[float]:
    total = sum(weights)
    if abs(total) <= NEAR_ZERO * sum(map(abs, weights)):
        raise UsageError(f"the weights of a blend must not sum to 0, as {list(weights)} do")
    return [weight / total for weight in weights]


def _leaned(member: Conditioning, weight: float, empty: Conditioning) -> Tensor:
    """e + w (c - e), e as long as c."""
    if weight == 1:
        return member.context
    base = empty.context.repeat(1, _copies(member.context.shape[1], empty), 1)
    wide = torch.promote_types(base.dtype, torch.float32)
    leaned = base.to(wide) + weight * (member.context.to(wide) - base.to(wide))
    return in_range(leaned.to(base.dtype), member.context)


def _sum(members: Sequence[Tensor], shares: Sequence[float]) -> Tensor:
    wide = torch.promote_types(members[0].dtype, torch.float32)
    total = members[0].to(wide) * shares[0]
    for member, share in zip(members[1:], shares[1:], strict=True):
        total = total + member.to(wide) * share
    return in_range(total.to(members[0].dtype), *members)


def _with_empty(member: Conditioning, length: int, empty: Conditioning) -> Conditioning:
    rows, missing = len(member.context), length - member.context.shape[1]
    copies = _copies(missing, empty)
    context = [member.context, empty.context.expand(rows, -1, -1).repeat(1, copies, 1)]
    mask = member.mask
    if mask is not None and empty.mask is not None:
        mask = torch.cat([mask, empty.mask.expand(rows, -1).repeat(1, copies)], dim=1)
    return replace(member, context=torch.cat(context, dim=1), mask=mask)


def _with_nothing(member: Conditioning, length: int) -> Conditioning:
    context = member.context
    rows, own, width = context.shape
    mask = context.new_ones(rows, own, dtype=torch.bool) if member.mask is None else member.mask
    zeros = context.new_zeros(rows, length - own, width)
    return replace(
        member,
        context=torch.cat([context, zeros], dim=1),
        mask=torch.cat([mask, mask.new_zeros(rows, length - own)], dim=1),
    )


def _copies(length: int, empty: Conditioning) -> int:
    copies, rest = divmod(length, empty.context.shape[1])
    if rest:
        raise UsageError(
            f"{length} tokens cannot be filled up with empty prompts of {empty.context.shape[1]}"
        )
    return copies


def _check_weights(members: Sequence[Conditioning], weights: Sequence[float]) -> None:
    if not members or len(members) != len(weights):
        raise UsageError(
            f"give at least one encoding and a weight for each, not {len(members)} encodings "
            f"and {len(weights)} weights"
        )
    if not all(abs(weight) < float("inf") for weight in weights):
        raise UsageError(f"weights must be finite numbers, not {list(weights)}")
