"""The weightings on tensors: no model, no words."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from limner.errors import UsageError
from limner.text.weighting import apply_maps, compel, lerp, scale

B, L, D = 3, 8, 6
HALVES = [torch.float16, torch.bfloat16]


@pytest.fixture
def context() -> Tensor:
    return torch.randn(B, L, D) + 0.5  # a mean far from 0


@pytest.fixture
def empty() -> Tensor:
    return torch.randn(1, L, D)


@pytest.fixture
def weights() -> Tensor:
    """Each row with a span of its own; the last without any."""
    weights = torch.ones(B, L)
    weights[0, 1:3], weights[0, 5], weights[1, 2:6] = 1.5, 0.0, -0.7
    return weights


def by_scale(context: Tensor, weights: Tensor, empty: Tensor) -> Tensor:
    return scale(context, weights)


def by_scale_plain(context: Tensor, weights: Tensor, empty: Tensor) -> Tensor:
    return scale(context, weights, restore_mean=False)


def by_compel(context: Tensor, weights: Tensor, empty: Tensor) -> Tensor:
    """Row by row, each a prompt of one chunk whose only span is all that is not 1."""
    rows = []
    for row, own in zip(context, weights, strict=True):
        lowered = {0: float(own.min())} if own.min() < 1 else {}
        other = row.roll(1, dims=0)[None]
        without = lambda k, other=other, own=own: (other, own[None])  # noqa: E731
        rows.append(compel(row[None], own[None], empty, lowered, without))
    return torch.cat(rows)


Weigh = Callable[[Tensor, Tensor, Tensor], Tensor]
ALL = [by_scale, by_scale_plain, lerp, by_compel]


@pytest.mark.parametrize("weigh", ALL)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, *HALVES])
def test_weights_of_one_change_no_bit(weigh: Weigh, dtype: torch.dtype, context, empty) -> None:
    context, empty = context.to(dtype), empty.to(dtype)
    assert torch.equal(weigh(context, torch.ones(B, L), empty), context)
    flat = torch.zeros(B, L, D)  # even where the mean is 0
    assert torch.equal(weigh(flat, torch.ones(B, L), empty.float()), flat)


@pytest.mark.parametrize("weigh", ALL)
def test_a_row_does_not_depend_on_its_neighbours(weigh: Weigh, context, weights, empty) -> None:
    together = weigh(context, weights, empty)
    for row in range(B):
        alone = weigh(context[row : row + 1], weights[row : row + 1], empty)
        assert torch.equal(together[row], alone[0])
    assert torch.equal(together[2], context[2])  # the one without weights
    assert not torch.equal(together[1], context[1])


def test_scale_is_the_formula(context, weights) -> None:
    z, m = context.double().numpy(), weights.double().numpy()
    plain = np.stack([[m[b, i] * z[b, i] for i in range(L)] for b in range(B)])
    ours = scale(context, weights, restore_mean=False)
    np.testing.assert_allclose(ours.numpy(), plain, atol=1e-6)
    restored = [plain[b] * (z[b].mean() / plain[b].mean()) for b in range(B)]
    np.testing.assert_allclose(scale(context, weights).numpy(), restored, atol=1e-4, rtol=1e-4)


def test_the_restored_mean_is_the_old_one(context, weights) -> None:
    new = scale(context, weights).mean(dim=(1, 2))
    torch.testing.assert_close(new, context.mean(dim=(1, 2)))
    assert not torch.allclose(scale(context, weights, restore_mean=False).mean(dim=(1, 2)), new)


def test_lerp_is_the_formula_and_changes_its_positions_only(context, weights, empty) -> None:
    ours = lerp(context, weights, empty)
    for b in range(B):
        for i in range(L):
            w = float(weights[b, i])
            if w == 1:
                assert torch.equal(ours[b, i], context[b, i])
            else:
                expected = (1 - w) * empty[0, i] + w * context[b, i]
                torch.testing.assert_close(ours[b, i], expected, atol=1e-6, rtol=1e-5)
    assert torch.equal(ours[0, 5], empty[0, 5])  # r = 0


def test_compel_is_the_formula_with_two_lowered_spans(context, empty) -> None:
    z, without = context[:1], {4: context[1:2], 7: context[2:3]}
    weights = torch.tensor([[1.0, 1.3, 0.4, 0.4, 1.0, 0.9, 1.0, 1.0]])
    ours = compel(z, weights, empty, {4: 0.4, 7: 0.9, 2: 1.3}, lambda k: (without[k], weights))
    b = empty + weights[..., None] * (z - empty)
    m = {k: empty + weights[..., None] * (x - empty) for k, x in without.items()}
    t = {4: math.tan(0.6 * math.pi / 2), 7: math.tan(0.1 * math.pi / 2)}
    expected = (b + t[4] * m[4] + t[7] * m[7]) / (1 + t[4] + t[7])
    torch.testing.assert_close(ours, expected)


@pytest.mark.parametrize("weight", [0.0, -0.5, -3.0])
def test_compel_at_and_below_zero_is_the_prompt_without(weight: float, context, empty) -> None:
    weights = torch.ones(1, L)
    weights[0, 2] = weight
    other = torch.randn(1, L, D)
    ours = compel(context[:1], weights, empty, {0: weight}, lambda k: (other, torch.ones(1, L)))
    torch.testing.assert_close(ours, other, atol=2e-4, rtol=1e-3)


def test_compel_asks_for_lowered_spans_only(context, weights, empty) -> None:
    asked = []

    def without(k: int) -> tuple[Tensor, Tensor]:
        asked.append(k)
        return context[:1], weights[:1]

    compel(context[:1], weights[:1], empty, {0: 1.5, 3: 0.5, 5: 1.0, 6: -1.0}, without)
    assert asked == [3, 6]


def test_compel_draws_out_what_has_fewer_chunks(context, weights, empty) -> None:
    """Two chunks, one without the span; and the other way round."""
    whole, ones = context[:2], torch.ones(2, L)
    part = context[2:]
    mixed = compel(whole, ones, empty, {0: 0.5}, lambda k: (part, ones[:1]))
    torch.testing.assert_close(mixed, (whole + torch.cat([part, empty])) / 2)
    mixed = compel(part, ones[:1], empty, {0: 0.5}, lambda k: (whole, ones))
    torch.testing.assert_close(mixed, (whole + torch.cat([part, empty])) / 2)


def test_scale_and_lerp_are_choices_of_maps(context, weights, empty) -> None:
    sets = torch.arange(L).expand(B, L).where(weights[1] != 1, -1)
    own = weights[1].expand(B, L)
    by_map = apply_maps(context, sets, {i: lambda x: -0.7 * x for i in range(2, 6)})
    torch.testing.assert_close(by_map, scale(context, own, restore_mean=False))
    lerps = {i: lambda x, e=empty[0, i]: e - 0.7 * (x - e) for i in range(2, 6)}
    torch.testing.assert_close(apply_maps(context, sets, lerps), lerp(context, own, empty))


def test_a_map_gets_one_vector_and_acts_on_its_set(context) -> None:
    sets = torch.tensor([[-1, 0, 0, 1, 1, 1, -1, -1]]).expand(B, L)
    before = context.clone()
    ours = apply_maps(context, sets, {1: lambda x: x / x.norm()})
    torch.testing.assert_close(ours[:, 3:6].norm(dim=-1), torch.ones(B, 3))
    untouched = [0, 1, 2, 6, 7]
    assert torch.equal(ours[:, untouched], context[:, untouched])
    assert torch.equal(context, before)
    assert torch.equal(apply_maps(context, sets, {5: lambda x: 0 * x}), context)  # an empty set


def test_a_map_must_return_a_finite_vector(context) -> None:
    sets = torch.zeros(B, L, dtype=torch.long)
    with pytest.raises(UsageError, match=r"span 0 must return a vector of 6 numbers, not \(2,\)"):
        apply_maps(context, sets, {0: lambda x: x[:2]})
    with pytest.raises(UsageError, match="out of the range"):
        apply_maps(context, sets, {0: lambda x: x / 0})


@pytest.mark.parametrize("weigh", ALL)
@pytest.mark.parametrize("dtype", HALVES)
def test_half_precision_is_rounded_once(weigh: Weigh, dtype, context, weights, empty) -> None:
    context, empty = context.to(dtype), empty.to(dtype)
    ours = weigh(context, weights, empty)
    assert ours.dtype == dtype
    exact = weigh(context.double(), weights, empty.double())
    assert torch.allclose(ours.double(), exact, rtol=torch.finfo(dtype).eps, atol=1e-6)


def test_a_mean_near_zero_cannot_be_restored(context, weights) -> None:
    centred = context - context.mean(dim=(1, 2), keepdim=True)
    with pytest.raises(UsageError, match="scale_plain or lerp, not scale"):
        scale(centred, weights)
    emptied = context.clone()  # the weights take the mean away
    emptied[0, 3] -= (weights[0, :, None] * context[0]).mean() * L
    assert emptied[0].mean().abs() > 0.01
    with pytest.raises(UsageError, match="mean of this prompt's encoding is near 0"):
        scale(emptied, weights)
    assert torch.isfinite(scale(centred, weights, restore_mean=False)).all()


def test_a_mean_near_zero_is_no_matter_where_nothing_is_weighted(context, weights) -> None:
    context[2] -= context[2].mean()
    assert torch.equal(scale(context, weights)[2], context[2])


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("weigh", [by_scale_plain, lerp])
def test_infinite_weights_are_refused(weigh: Weigh, bad: float, context, weights, empty) -> None:
    weights[0, 1] = bad
    with pytest.raises(UsageError, match=r"out of the range of torch.float32: take finite"):
        weigh(context, weights, empty)


def test_weights_beyond_half_precision_are_refused(context, weights, empty) -> None:
    weights[0, 1] = 1e6
    assert torch.isfinite(lerp(context, weights, empty)).all()
    with pytest.raises(UsageError, match=r"out of the range of torch.float16"):
        lerp(context.half(), weights, empty.half())


def test_weights_must_be_the_contexts(context, weights, empty) -> None:
    unchecked = lerp.__wrapped__  # as it runs outside the tests, where nothing checks shapes
    with pytest.raises(UsageError, match=r"\(3, 8\) positions takes as many weights, not \(1, 8\)"):
        unchecked(context, weights[:1], empty)


@pytest.mark.parametrize("weigh", ALL)
def test_gradients_flow_and_are_finite(weigh: Weigh, context, weights, empty) -> None:
    context.requires_grad_()
    weigh(context, weights, empty).square().sum().backward()
    assert torch.isfinite(context.grad).all()
    assert (context.grad != 0).any(dim=-1)[2].all()
