"""Texts in parts of the picture: sizes, who sees what, and what cannot be combined."""

import pytest
import torch

from limner.errors import RequestError

FIXED = {"seed": 1, "steps": 3, "solver": "euler"}


def latents(painter, prompt, **fields):
    return painter.generate(prompt, **{**FIXED, **fields}).latents


@pytest.mark.parametrize(
    ("layout", "prompt", "size"),
    [
        ("beside", "a cat AND a red apple", (32, 16)),
        ("stacked", "a cat AND a red apple", (16, 32)),
        ("beside", "a cat AND a red apple AND 3d", (48, 16)),
    ],
)
def test_there_is_room_for_a_picture_in_each_part(painter, layout, prompt, size):
    assert painter.generate(prompt, layout=layout, **FIXED).images[0].size == size
    own = painter.generate(prompt, layout=layout, size=(32, 32), **FIXED)
    assert own.images[0].size == (32, 32)


def test_equal_texts_in_all_parts_are_one_text_over_all(painter):
    """softmax over the tokens of a part alone is softmax over the one text."""
    parted = latents(painter, "a cat AND a cat", layout="beside", negative="3d")
    whole = latents(painter, "a cat", size=(32, 16), negative="3d")
    torch.testing.assert_close(parted, whole, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(parted, latents(painter, "a cat AND a red apple", layout="beside"))


def test_the_order_of_the_texts_is_that_of_the_parts(painter):
    one, other = (
        latents(painter, prompt, layout="stacked", guidance=8.0)
        for prompt in ("a cat AND a red apple", "a red apple AND a cat")
    )
    assert not torch.allclose(one, other, atol=1e-3)


def test_a_word_is_looked_at_in_its_own_part_alone(painter):
    seen = painter.generate("a cat AND a red apple", layout="beside", attention="mean", **FIXED)
    cat, apple = seen.heatmap("cat"), seen.heatmap("red apple")
    middle = cat.shape[1] // 2
    assert cat[:, : middle - 1].min() > 0
    assert cat[:, middle + 1 :].max() == 0
    assert apple[:, : middle - 1].max() == 0
    assert seen.attention.sides == ("negative", "prompt")


def test_compels_and_is_a_layout_too(painter):
    by_and = latents(painter, "a cat AND a red apple", layout="beside")
    prompt = '("a cat", "a red apple").and()'
    assert torch.equal(by_and, latents(painter, prompt, layout="beside", dialect="compel"))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"prompt": "a cat"}, "the prompt has one"),
        ({"prompt": "a cat AND a dog", "layout": "above"}, "layout 'above' is unknown"),
        (
            {"prompt": '("a cat", "a dog").blend(1, 1)', "dialect": "compel"},
            "cannot be combined with blends",
        ),
        ({"prompt": "a cat AND " + "red apple " * 20}, "all of one length"),
    ],
)
def test_what_has_no_parts_says_so_before_any_work(painter, fields, said):
    calls = []
    painter.parts.denoiser.register_forward_pre_hook(lambda *given: calls.append(given))
    with pytest.raises(RequestError, match=said):
        painter.generate(**{"layout": "beside", **FIXED, **fields})
    assert calls == []


def test_layouts_are_written_and_read(painter):
    from limner.pipeline.infotext import format, parse

    result = painter.generate("a cat AND a red apple", layout="stacked", **FIXED)
    assert "Layout: stacked" in format(result.request)
    assert parse(format(result.request)).request.layout == "stacked"
