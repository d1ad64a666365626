"""Heat maps of a painting: what is recorded, of which text, and that nothing else changes."""

from dataclasses import replace

import pytest
import torch

import limner
from limner.errors import RequestError, UsageError

FIXED = {"seed": 1, "steps": 3, "guidance": 3.0}


def paint(painter, prompt, **fields):
    return painter.generate(prompt, **{**FIXED, "attention": "mean", **fields})


def test_the_picture_is_the_same_to_the_bit(painter):
    plain = paint(painter, "a red apple", attention=None)
    assert plain.attention is None
    for how in ("mean", "heads"):
        assert torch.equal(paint(painter, "a red apple", attention=how).latents, plain.latents)
    with pytest.raises(UsageError, match='attention="mean"'):
        plain.heatmap("apple")
    with pytest.raises(RequestError, match="attention 'all' is unknown"):
        paint(painter, "a red apple", attention="all")


def test_a_heat_map_of_each_word(painter):
    result = paint(painter, "a red apple", negative="blue", count=2)
    maps = result.attention
    assert maps.sides == ("negative", "prompt")
    assert [moment.step for moment in maps.moments] == [1, 2, 3]
    size = tuple(result.latents.shape[-2:])
    red, apple = result.heatmap("red"), result.heatmap("apple")
    assert red.shape == apple.shape == size
    assert not torch.equal(red, apple)
    assert 0 < red.mean() < 1
    assert not torch.equal(result.heatmap("red", picture=1), red)
    assert result.heatmap("blue", side="negative").shape == size


def test_all_tokens_together_are_everything(painter):
    """What a place looks at sums to 1."""
    result = paint(painter, "a red apple", attention="heads")
    for moment in result.attention.moments:
        for maps in moment.maps.values():
            torch.testing.assert_close(
                maps.float().sum(2), torch.ones(maps[:, :, 0].shape), atol=5e-3, rtol=0
            )


def test_without_guidance_there_is_no_negative(painter):
    assert paint(painter, "a red apple", guidance=1.0).attention.sides == ("prompt",)


def test_members_swaps_blends_and_schedules(painter):
    both = paint(painter, "a red apple AND a blue cat")
    assert both.attention.sides == ("negative", "prompt 1", "prompt 2")
    assert not torch.equal(both.heatmap("a", side="prompt 1"), both.heatmap("a", side="prompt 2"))
    swapped = paint(painter, "a red.swap(blue, t_start=0) cat", dialect="compel")
    assert swapped.attention.sides == ("negative", "prompt", "original prompt")
    assert swapped.heatmap("red", side="original prompt").isfinite().all()
    assert swapped.heatmap("blue").isfinite().all()
    blended = paint(painter, '("a red apple", "a blue cat").blend(1, 1)', dialect="compel")
    assert blended.heatmap("red").isfinite().all()
    assert blended.heatmap("cat").isfinite().all()
    late = paint(painter, "a [apple:cat:1]")
    assert torch.equal(late.heatmap("cat"), late.heatmap("cat", steps=(2, 3)))
    with pytest.raises(UsageError, match="'cat' is not in the prompt"):
        late.heatmap("cat", steps=(1, 1))


def test_a_transformer_is_recorded_too(painter, tiny_transformer):
    other = limner.Painter(replace(painter.parts, denoiser=tiny_transformer))
    result = paint(other, "a red apple")
    assert result.attention.layers == ("blocks.0.cross_attention", "blocks.1.cross_attention")
    assert result.heatmap("apple").shape == tuple(result.latents.shape[-2:])
