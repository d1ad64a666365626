"""Restyling: what content and style do to a painting, and what cannot be asked for."""

import inspect
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import limner
from limner import Request
from limner.checkpoints import (
    ModelFolder,
    load_folder,
    save_folder,
    ship_branches,
    ship_style_namer,
)
from limner.data.pixels import from_picture
from limner.errors import CheckpointError, RequestError
from limner.models.content import ContentConfig, ContentEncoder, mean_token
from limner.nn.adapter import Adapter, LowRank
from limner.pipeline.features.restyle import read_style


@pytest.fixture
def painter(restyling_model):
    return limner.load(restyling_model, device="cpu")


def picture(seed=0, size=(16, 16), mode="RGBA"):
    shape = (size[1], size[0], len(mode))
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, np.uint8))


def latents(painter, **fields):
    return painter.paint(Request(prompt=fields.pop("prompt", ""), seed=1, **fields)).latents


def test_content_and_style_change_what_is_painted_and_leave_the_model_as_it_is(painter):
    before = latents(painter, prompt="a red apple")
    led = [
        latents(painter, prompt="a red apple", **fields)
        for fields in (
            {"content": picture()}, {"content": picture(1)}, {"style": "3d"},
            {"content": picture(), "style": "3d"},
        )
    ]  # fmt: skip
    every = [before, *led]
    assert all(
        not torch.equal(first, second) for i, first in enumerate(every) for second in every[:i]
    )
    assert torch.equal(latents(painter, prompt="a red apple"), before)


def test_a_painter_that_has_the_parts_paints_a_prompt_as_one_that_has_not(painter, tiny_model):
    plain = limner.load(tiny_model, device="cpu")
    assert torch.equal(latents(painter, prompt="a blue cat"), latents(plain, prompt="a blue cat"))


def test_weights_of_0_are_the_painting_without(painter):
    before = latents(painter, prompt="a red apple")
    none = {"content": picture(), "content_weight": 0.0}
    assert torch.equal(latents(painter, prompt="a red apple", **none), before)
    half = {"content": picture(), "content_weight": 0.5}
    assert not torch.equal(latents(painter, prompt="a red apple", **half), before)
    silent = latents(painter, prompt="a red apple", style="3d", style_weight=0.0)
    torch.testing.assert_close(silent, before, rtol=1e-4, atol=1e-4)


def test_the_content_is_attached_to_every_call_with_its_style(painter):
    """By hand: the maps are those of the branch, and stay on over the whole painting."""
    parts, asked = painter.parts, Request(prompt="3d", seed=1)
    told = painter.encode(["3d"])
    pixels = from_picture(picture())[None]
    with torch.no_grad():
        maps = parts.content_encoder(pixels, mean_token(told.context, told.mask))
    call = parts.denoiser.forward

    def with_maps(x, t, text, beside):
        added = tuple((0.7 * each).expand(len(x), -1, -1, -1) for each in maps)
        return call(x, t, text, beside=beside._replace(added=added))

    parts.denoiser.forward = with_maps
    by_hand = painter.paint(asked).latents
    parts.denoiser.forward = call
    restyled = latents(painter, content=picture(), style="3d", content_weight=0.7)
    torch.testing.assert_close(restyled, by_hand, rtol=1e-5, atol=1e-5)


def test_a_style_without_a_prompt_is_as_the_word_for_a_prompt(painter):
    torch.testing.assert_close(latents(painter, style="3d"), latents(painter, prompt="3d"))


def test_a_style_beside_a_prompt_is_as_the_member_of_an_and(painter):
    joined = latents(painter, prompt="a red apple AND 3d :0.5")
    styled = latents(painter, prompt="a red apple", style="3d", style_weight=0.5)
    torch.testing.assert_close(styled, joined, rtol=1e-5, atol=1e-5)


def test_a_style_picture_is_told_by_the_word_that_it_is_named(painter):
    by_picture = painter.paint(Request(prompt="a red apple", seed=1, style=picture()))
    (word,) = painter.parts.style_namer.name(from_picture(picture())[None])
    told = painter.paint(Request(prompt=f"a red apple AND {word}", seed=1))
    torch.testing.assert_close(by_picture.latents, told.latents, rtol=1e-5, atol=1e-5)
    said = f"the style's picture is taken for {word!r}: a style word says otherwise"
    assert said in by_picture.warnings


def test_each_picture_of_several_is_as_alone(painter):
    fields = {"content": picture(), "style": "3d"}
    both = painter.paint(Request(prompt="", seed=1, count=2, **fields)).latents
    alone = painter.paint(Request(prompt="", seed=2, **fields)).latents
    torch.testing.assert_close(both[1:], alone, rtol=1e-4, atol=1e-4)


def test_pictures_of_any_size_and_kind(painter):
    assert painter.restyle(picture(size=(40, 40)), "3d", seed=1).images[0].size == (16, 16)
    assert painter.restyle(picture(size=(64, 16)), "3d", seed=1).images[0].size == (32, 8)
    assert painter.restyle(picture(), "3d", size=(24, 16)).images[0].size == (24, 16)
    rgb, grey = picture(mode="RGB"), picture(mode="RGB").convert("L")
    opaque = rgb.convert("RGBA")
    first, second = (latents(painter, content=each, style="3d") for each in (rgb, opaque))
    assert torch.equal(first, second)
    assert painter.restyle(grey, picture(size=(7, 90), mode="RGB"), seed=1).images


def test_files_are_read(painter, tmp_path):
    picture().save(tmp_path / "a.png")
    from_files = painter.restyle(tmp_path / "a.png", str(tmp_path / "a.png"), seed=1)
    given = painter.restyle(picture(), picture(), seed=1)
    assert torch.equal(from_files.latents, given.latents)
    assert read_style("3d") == "3d"


def test_it_combines_with_lora_dialect_solver_and_recorder(painter):
    fields = {"content": picture(), "style": picture(1), "seed": 1, "weighting": "lerp"}
    plain = painter.paint(Request(prompt="a (red:1.3) apple", **fields))
    recorded = painter.paint(Request(prompt="a (red:1.3) apple", attention="mean", **fields))
    assert torch.equal(recorded.latents, plain.latents)
    assert recorded.attention.sides == ("negative", "prompt", "style")
    assert recorded.heatmap("red").shape == (8, 8)
    for change in ({"dialect": "compel"}, {"solver": "euler_ancestral"}, {"guidance": 1.0}):
        other = painter.paint(Request(prompt="a (red:1.3) apple", **fields, **change))
        assert not torch.equal(other.latents, plain.latents)
    layer = painter.parts.denoiser.down_blocks[1].attentions[0].transformer_blocks[0].attn2.to_q
    update = LowRank(down=torch.randn(2, layer.in_features), up=torch.randn(layer.out_features, 2))
    adapter = Adapter({layer: update})
    adapter.attach()
    adapted = painter.paint(Request(prompt="a (red:1.3) apple", **fields)).latents
    adapter.detach()
    assert not torch.equal(adapted, plain.latents)
    again = painter.paint(Request(prompt="a (red:1.3) apple", **fields)).latents
    assert torch.equal(again, plain.latents)


def test_two_paintings_at_once_do_not_meet(painter):
    """Steps of two are taken in turn: the content is on the model for the calls alone."""
    restyled = Request(prompt="", seed=1, content=picture(), style="3d")
    plain = Request(prompt="a red apple", seed=1)
    wanted = [painter.paint(each).latents for each in (restyled, plain)]
    runs = [painter.steps(each) for each in (restyled, plain)]
    found = [None, None]
    while any(each is None for each in found):
        for number, run in enumerate(runs):
            try:
                next(run)
            except StopIteration as finished:
                found[number] = finished.value.latents
    assert all(map(torch.equal, found, wanted))


def test_a_request_is_written_without_its_pictures_and_completed_again(painter):
    result = painter.restyle(picture(), "3d", content_weight=0.5, seed=1)
    again = Request.from_json(result.request.to_json())
    assert (again.style, again.content_weight, again.style_weight) == ("3d", 0.5, 1.0)
    assert again.content is None
    with pytest.raises(RequestError, match="there is no content: limner restyle PICTURE"):
        painter.paint(again)
    repeated = painter.paint(replace(again, content=picture()))
    assert torch.equal(repeated.latents, result.latents)
    by_picture = painter.restyle(picture(), picture(1), seed=1).request
    assert Request.from_json(by_picture.to_json()).style is None


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"style": "oil"}, "style 'oil' is unknown: one of 3d is right, or a picture"),
        ({"content": Image.new("1", (50_000, 2))}, "50000x2 is too large"),
        ({"style": Image.new("1", (50_000, 2))}, "50000x2 is too large"),
        ({"content": picture(), "style": Image.new("1", (50_000, 2))}, "50000x2 is too large"),
        ({"content": picture(), "picture": picture()}, "cannot be combined"),
        ({"content": picture(), "mask": "alpha"}, "mask is of edits"),
        ({"content_weight": 1.0}, "there is no content"),
        ({"style_weight": 1.0}, "there is no style"),
    ],
)
def test_what_cannot_be_is_said_before_any_work(painter, fields, said):
    with pytest.raises(RequestError) as raised:
        painter.complete(Request(prompt="a cat", **fields))
    assert said in str(raised.value)


@pytest.mark.parametrize("name", ["content_weight", "style_weight"])
@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
def test_weights_are_not_negative(name, value):
    with pytest.raises(RequestError, match=f"{name} is {value}: a number of 0 or more is right"):
        Request(prompt="", **{name: value})


def test_a_swap_and_a_style_are_not_painted_together(painter):
    prompt = '("red apple").swap("blue cat")'
    with pytest.raises(RequestError, match="swap cannot be combined with a style"):
        latents(painter, prompt=prompt, dialect="compel", style="3d")


def test_a_model_without_the_parts(tiny_model):
    plain = limner.load(tiny_model, device="cpu")
    with pytest.raises(RequestError, match="no content branch, so it cannot restyle"):
        plain.restyle(picture(), "3d")
    with pytest.raises(RequestError, match="names no styles: a word is right"):
        plain.generate("a cat", style=picture())
    assert plain.generate("a cat", style="3d", seed=1).images


def test_parts_are_saved_with_the_whole_and_shipped_alone(restyling_model, tiny_model, tmp_path):
    save_folder(load_folder(restyling_model), tmp_path / "whole")
    (tmp_path / "emoji").symlink_to(tiny_model)
    ship_branches(tmp_path / "whole", tmp_path / "shipped", "../emoji")
    found = {path.name for path in (tmp_path / "shipped").iterdir()}
    assert found == {"content_encoder", "limner.json", "model_index.json"}
    fields = {"content": picture(), "style": "3d"}
    first, second, third = (
        latents(limner.load(folder, device="cpu"), **fields)
        for folder in (restyling_model, tmp_path / "whole", tmp_path / "shipped")
    )
    assert torch.equal(first, second)
    torch.testing.assert_close(third, first, rtol=0.05, atol=0.05)  # half precision
    ship_style_namer(tmp_path / "whole", tmp_path / "shipped")
    named = limner.load(tmp_path / "shipped", device="cpu").generate("", style=picture(), seed=1)
    assert named.warnings[0].startswith("the style's picture is taken for")
    with pytest.raises(CheckpointError, match="exists already"):
        ship_branches(tmp_path / "whole", tmp_path / "shipped", "../emoji")


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (
            ContentEncoder(
                ContentConfig(stride=2, channels=(32, 32), blocks=(1, 1), context_width=24)
            ),
            r"for a model with channels \(32, 32\); this one's is \(16, 32\)",
        ),
    ],
)
def test_parts_of_another_model_are_refused(tiny_model, tmp_path, part, said):
    save_folder(load_folder(tiny_model), tmp_path / "model")
    ModelFolder(tmp_path / "model").save(part)
    with pytest.raises(CheckpointError, match=said):
        limner.load(tmp_path / "model", device="cpu")


def test_a_transformer_takes_no_branch(restyling_model, tiny_model, tiny_transformer, tmp_path):
    parts = replace(load_folder(tiny_model), denoiser=tiny_transformer)
    save_folder(parts, tmp_path / "model")
    ModelFolder(tmp_path / "model").save(ModelFolder(restyling_model).load("content_encoder"))
    with pytest.raises(CheckpointError, match="only a U-Net does"):
        limner.load(tmp_path / "model", device="cpu")


def test_the_unet_has_no_argument_of_restyling(painter):
    names = list(inspect.signature(painter.parts.denoiser.forward).parameters)
    assert names == ["x", "t", "context", "mask", "pooled", "beside"]
