"""A judge's training repeats, is told, and changes its pictures."""

from __future__ import annotations

import pytest
import torch
from judged_shapes import TINY, shapes, trained

from limner.errors import TrainingError
from limner.evaluate.judge_training import augment, train_judge


def test_training_is_told_and_repeats_to_the_bit():
    first, losses = trained(10)
    second, again = trained(10)
    other, _ = trained(10, seed=4)
    assert len(losses) == 2
    assert losses == again
    weights = [model.concept_head.weight for model in (first, second, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.allclose(weights[0], weights[2])


def test_bf16_starts_as_fp32_does_and_learns():
    losses, first = trained(20, bf16=True)[1], {}
    for bf16 in (True, False):
        run = train_judge(
            *shapes(), steps=20, seed=3, batch=18, channels=TINY, bf16=bf16, report_every=1
        )
        first[bf16] = next(run).loss
    assert first[True] == pytest.approx(first[False], rel=0.01)
    assert first[True] != first[False]
    assert losses[-1] < 0.7 * losses[0]


def test_training_leaves_the_global_random_state_alone():
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    trained(1)
    assert torch.equal(torch.rand(3), expected)


def test_wrong_counts_are_refused():
    with pytest.raises(TrainingError, match="9 pictures, 8 concepts"):
        next(train_judge(shapes()[0], ["a"] * 8, ["b"] * 9, steps=1, seed=0))


def test_augmentation_changes_each_picture_in_its_own_way():
    pixels = (shapes()[0][:1].float() / 255).expand(4, -1, -1, -1)
    changed = augment(pixels, torch.Generator().manual_seed(0))
    again = augment(pixels, torch.Generator().manual_seed(0))
    assert torch.equal(changed, again)
    for first in range(4):
        assert not torch.allclose(changed[first], pixels[first], atol=0.05)
        for second in range(first):
            assert not torch.allclose(changed[first], changed[second], atol=0.05)


def test_augmentation_keeps_side_and_colour():
    pixels = (shapes()[0].float() / 255).repeat(20, 1, 1, 1)
    changed = augment(pixels, torch.Generator().manual_seed(1))
    weight = torch.linspace(-1, 1, 32)
    centre = (changed[:, 3] * weight).sum((1, 2)) / changed[:, 3].sum((1, 2))
    side = torch.tensor([0.0, -1.0, 1.0]).repeat(60)
    assert (centre[side < 0] < 0).all()
    assert (centre[side > 0] > 0).all()
    strongest = changed[:, :3].sum((2, 3)).argmax(1)
    assert strongest.tolist() == torch.arange(3).repeat_interleave(3).repeat(20).tolist()
