"""The attention of a thing's word is led onto the thing."""

import math

import pytest
import torch

from limner.training.objectives.grounding import off_the_thing

WORDS = torch.tensor([[[False, True, True, False]]])  # one thing, named by two of four tokens


def thing() -> torch.Tensor:
    """The left quarter of a map of 4x4."""
    covered = torch.zeros(1, 1, 4, 4)
    covered[..., 0] = 1
    return covered


def attention(weights: torch.Tensor) -> torch.Tensor:
    """(1, 2, N, 4): two heads, the second looks as the first; the weights are those of a token."""
    return torch.stack([weights / 2, weights, weights, 1 - weights], dim=-1)[None, None].repeat(
        1, 2, 1, 1
    )


def test_attention_evenly_on_the_thing_costs_nothing():
    on = attention(0.4 * thing()[0, 0].flatten())
    assert off_the_thing({"layer": on}, WORDS, thing()).item() == pytest.approx(0, abs=1e-4)


def test_the_divergence_is_that_of_the_formula():
    weights = torch.rand(16)
    found = off_the_thing({"layer": attention(weights)}, WORDS, thing()).item()
    share = weights.reshape(4, 4)[:, 0] / weights.sum()
    by_hand = sum(0.25 * math.log(0.25 / part) for part in share.tolist())
    assert found == pytest.approx(by_hand, rel=1e-4)


def test_coarser_layers_see_the_thing_coarsely():
    coarse = attention(torch.tensor([0.3, 0.0, 0.3, 0.0]))  # 2x2, its left column
    assert off_the_thing({"layer": coarse}, WORDS, thing()).item() == pytest.approx(0, abs=1e-4)


def test_only_things_that_are_named_count():
    weights = torch.rand(16)
    words = torch.cat([WORDS, torch.zeros_like(WORDS)], dim=1)
    covered = torch.cat([thing(), thing().flip(3)], dim=1)
    maps = {"layer": attention(weights)}
    alone = off_the_thing(maps, WORDS, thing())
    torch.testing.assert_close(off_the_thing(maps, words, covered), alone)
    assert off_the_thing(maps, torch.zeros_like(WORDS), thing()) == 0


def test_its_gradient_leads_onto_the_thing():
    weights = torch.full((16,), 0.5, requires_grad=True)
    off_the_thing({"layer": attention(weights)}, WORDS, thing()).backward()
    on = weights.grad.reshape(4, 4)
    assert (on[:, 0] < 0).all()
    assert (on[:, 1:] > 0).all()
