"""Blends, conjunctions and equal lengths of encodings."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from limner.errors import UsageError
from limner.text.combine import blend, conjunction, same_length
from limner.types import Conditioning

L, D, P = 4, 6, 3


def encoding(chunks: int = 1, mask: bool = False, dtype: torch.dtype = torch.float32):
    return Conditioning(
        context=torch.randn(1, chunks * L, D).to(dtype),
        mask=torch.arange(chunks * L)[None] % L < 3 if mask else None,
        pooled=torch.randn(1, P).to(dtype),
    )


def attend(conditioning: Conditioning) -> torch.Tensor:
    """What a picture's token gets of a prompt by cross-attention."""
    torch.manual_seed(7)
    query = torch.randn(1, 1, 2, D)
    context = conditioning.context[:, None]
    mask = None if conditioning.mask is None else conditioning.mask[:, None, None]
    return F.scaled_dot_product_attention(query, context, context, attn_mask=mask)


@pytest.mark.parametrize("mask", [False, True])
def test_unequal_conditionings_mean_what_each_means_alone(mask: bool) -> None:
    short, long = encoding(1, mask), encoding(3, mask)
    padded = same_length([short, long])
    assert [member.context.shape for member in padded] == [(1, 12, D)] * 2
    assert all(member.mask.shape == (1, 12) for member in padded)
    for before, after in zip([short, long], padded, strict=True):
        torch.testing.assert_close(attend(after), attend(before))
        assert torch.equal(after.pooled, before.pooled)
    assert torch.equal(padded[1].context, long.context)


def test_comfy_repeats_tokens_to_the_same_effect() -> None:
    """What `same_length` says of ComfyUI: attention to a context twice is attention to it once."""
    short = encoding()
    twice = Conditioning(context=short.context.repeat(1, 2, 1))
    padded, _ = same_length([short, encoding(2)])
    torch.testing.assert_close(attend(twice), attend(padded))


@pytest.mark.parametrize("mask", [False, True])
def test_compel_fills_up_with_the_empty_prompt(mask: bool) -> None:
    short, long, empty = encoding(1, mask), encoding(3, mask), encoding(1, mask)
    one, three = same_length([short, long], empty)
    assert torch.equal(one.context, torch.cat([short.context, *[empty.context] * 2], dim=1))
    assert torch.equal(three.context, long.context)
    if mask:
        assert torch.equal(one.mask, torch.cat([short.mask, *[empty.mask] * 2], dim=1))
    else:
        assert one.mask is None


@pytest.mark.parametrize("empty", [None, encoding()])
def test_equal_lengths_stay_as_they_are(empty: Conditioning | None) -> None:
    members = [encoding(2), encoding(2)]
    assert all(a is b for a, b in zip(same_length(members, empty), members, strict=True))
    assert same_length([], empty) == []


def test_what_empty_prompts_cannot_fill_up() -> None:
    odd = Conditioning(context=torch.randn(1, 6, D))
    with pytest.raises(UsageError, match="6 tokens cannot be filled up with empty prompts of 4"):
        same_length([encoding(3), odd], encoding())


def test_blend_is_the_weighted_mean() -> None:
    a, b, empty = encoding(), encoding(2), encoding()
    out = blend([a, b], [0.7, 0.1], empty)
    longer = torch.cat([a.context, empty.context], dim=1)
    torch.testing.assert_close(out.context, (0.7 * longer + 0.1 * b.context) / 0.8)
    torch.testing.assert_close(out.pooled, (0.7 * a.pooled + 0.1 * b.pooled) / 0.8)
    raw = blend([a, b], [0.7, -0.7], empty, normalise=False)
    torch.testing.assert_close(raw.context, 0.7 * (longer - b.context))


def test_blend_of_masks_is_what_any_member_has() -> None:
    a, b = encoding(1, mask=True), encoding(1, mask=True)
    b.mask[0, 3], b.mask[0, 0] = True, False
    assert blend([a, b], [1.0, 1.0], encoding()).mask.tolist() == [[True] * 4]


def test_blend_of_one_is_itself() -> None:
    a = encoding()
    assert torch.equal(blend([a], [3.0], encoding()).context, a.context)


@pytest.mark.parametrize("weights", [[1.0, -1.0], [0.0, 0.0], [0.3, -0.1 - 0.2]])
def test_weights_that_sum_to_zero(weights: list[float]) -> None:
    with pytest.raises(UsageError, match="weights of a blend must not sum to 0"):
        blend([encoding(), encoding()], weights, encoding())
    assert torch.isfinite(
        blend([encoding()] * 2, weights, encoding(), normalise=False).context
    ).all()


def test_conjunction_puts_the_members_in_a_row() -> None:
    a, b, empty = encoding(2), encoding(), encoding()
    out = conjunction([a, b], [0.5, 1.0], empty)
    tiled = torch.cat([empty.context] * 2, dim=1)
    torch.testing.assert_close(out.context[:, : 2 * L], tiled + 0.5 * (a.context - tiled))
    assert torch.equal(out.context[:, 2 * L :], b.context)
    assert torch.equal(out.pooled, a.pooled)
    masked = conjunction([encoding(2, True), encoding(1, True)], [1.0, 2.0], empty)
    assert masked.mask.tolist() == [[True, True, True, False] * 3]


@pytest.mark.parametrize("combine", [blend, conjunction])
def test_weights_are_one_a_member_and_finite(combine) -> None:
    with pytest.raises(UsageError, match="not 2 encodings and 1 weights"):
        combine([encoding(), encoding()], [1.0], encoding())
    with pytest.raises(UsageError, match="at least one encoding"):
        combine([], [], encoding())
    for bad in (math.nan, math.inf):
        with pytest.raises(UsageError, match="finite numbers"):
            combine([encoding(), encoding()], [1.0, bad], encoding())


@pytest.mark.parametrize("combine", [blend, conjunction])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_rounded_once(combine, dtype: torch.dtype) -> None:
    members, empty = [encoding(dtype=dtype), encoding(dtype=dtype)], encoding(dtype=dtype)
    out = combine(members, [0.3, 0.6], empty)
    assert out.context.dtype == dtype
    wide = [Conditioning(context=x.context.double(), pooled=x.pooled.double()) for x in members]
    exact = combine(wide, [0.3, 0.6], Conditioning(context=empty.context.double())).context
    tolerance = torch.finfo(dtype).eps
    assert torch.allclose(out.context.double(), exact, rtol=tolerance, atol=1e-6)
    if dtype is torch.float16:
        with pytest.raises(UsageError, match=r"out of the range of torch.float16"):
            combine(members, [1e5, 1 - 1e5], empty)
