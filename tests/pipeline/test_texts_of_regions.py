"""Regions: who sees what, against attention masked by hand; where they lie; what is refused."""

from dataclasses import replace

import pytest
import torch
from PIL import Image
from tiny_pipelines import saved

import limner
from limner import Region, Request
from limner.cli import main
from limner.engine.asks import Denoise, Step
from limner.errors import RequestError
from limner.explain.recorder import probabilities
from limner.nn.attention import plain
from limner.pipeline.infotext import format, parse
from limner.pipeline.metadata import read_request
from limner.pipeline.paint import paint
from limner.pipeline.planning import plan

FIXED = {"seed": 1, "steps": 2, "solver": "euler"}
LEFT, RIGHT = (0.0, 0.0, 16.0, 16.0), (16.0, 0.0, 16.0, 16.0)
CAT, APPLE = Region(text="a cat", box=LEFT), Region(text="a red apple", box=RIGHT)


def latents(painter, prompt="", **fields):
    return painter.generate(prompt, **{**FIXED, "size": (32, 16), **fields}).latents


def with_attention(painter, request, attend):
    """The latents of a request where no mask is handed down, and `attend` attends."""
    painting, answer = paint(plan(request, painter.model)), None
    with painter.engine.session():
        while True:
            try:
                ask = painting.send(answer)
            except StopIteration as finished:
                return finished.value.latents
            if isinstance(ask, Step):
                answer = None
                continue
            if isinstance(ask, Denoise):
                ask = replace(ask, visible=None, attend=attend)
            (answer,) = painter.engine.answer([ask])


def by_hand(places, texts, *, ground):
    """softmax(q k^T) v of each place over the tokens of its own text, and of the first one's."""

    def attend(module, q, k, v, mask):
        if not module.reads_context:
            return plain(module, q, k, v, mask)
        step = round((places.numel() / q.shape[1]) ** 0.5)
        own = places[::step, ::step].flatten().tolist()
        seen = torch.zeros(len(own), texts, k.shape[1] // texts, dtype=torch.bool)
        for place, number in enumerate(own):
            seen[place, number] = True
            seen[place, 0] |= ground
        maps = probabilities(q, k, module.heads, seen.flatten(1)[None, None])
        values = v.unflatten(-1, (module.heads, -1)).transpose(1, 2)
        return (maps @ values).transpose(1, 2).flatten(2)

    return attend


@pytest.mark.parametrize("kind", ["sd1", "sd2", "sdxl"])
@pytest.mark.parametrize("prompt", ["", "a blue cat"])
def test_it_is_attention_masked_by_hand(kind, prompt, tmp_path):
    """The second region is in front of the first; beside both there is the ground alone."""
    painter = limner.load(saved(kind, tmp_path / kind), device="cpu")
    regions = (
        Region(text="a red apple", box=(0.0, 0.0, 0.5, 1.0)),
        Region(text="a cat", box=(0.25, 0.0, 0.5, 1.0)),
    )
    one = {"seed": 1, "steps": 1, "solver": "euler", "guidance": 2.0}
    request = Request(prompt=prompt, regions=regions, size=(32, 32), **one)
    places = torch.zeros(16, 16, dtype=torch.long)
    places[:, :8] = 1
    places[:, 4:12] = 2
    wanted = with_attention(painter, request, by_hand(places, 3, ground=bool(prompt)))
    found = painter.paint(request).latents
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)
    places[:, 4:8] = 1
    other = with_attention(painter, request, by_hand(places, 3, ground=bool(prompt)))
    assert not torch.allclose(found, other, atol=1e-3)


def test_two_halves_without_a_ground_are_a_layout(painter):
    parted = latents(painter, "a cat AND a red apple", layout="beside", negative="3d")
    found = latents(painter, regions=(CAT, APPLE), negative="3d")
    torch.testing.assert_close(found, parted, atol=1e-5, rtol=1e-5)
    mask = Image.new("L", (32, 16))
    mask.paste(255, (16, 0, 32, 16))
    masked = (CAT, Region(text="a red apple", mask=mask))
    assert torch.equal(latents(painter, regions=masked, negative="3d"), found)
    sizeless = painter.generate("", regions=masked, negative="3d", **FIXED)
    assert torch.equal(sizeless.latents, found)


def test_a_region_that_says_what_the_ground_says_changes_nothing(painter):
    plain_one = latents(painter, "a red apple")
    found = latents(painter, "a red apple", regions=(replace(CAT, text="a red apple"),))
    torch.testing.assert_close(found, plain_one, atol=1e-4, rtol=1e-4)


def test_words_are_looked_at_where_they_lie(painter):
    """A place outside all regions sees the ground alone, one in a region both."""
    seen = painter.generate(
        "a blue cat", regions=(APPLE,), size=(32, 16), attention="mean", **FIXED
    )
    apple, ground = seen.heatmap("red apple"), seen.heatmap("blue cat")
    middle = apple.shape[1] // 2
    assert apple[:, : middle - 1].max() == 0
    assert apple[:, middle + 1 :].min() > 0
    assert ground.min() > 0


def test_the_later_one_is_in_front_and_what_it_hides_is_told(painter):
    whole = Region(text="a blue cat", box=(0.0, 0.0, 1.0, 1.0))
    alone = painter.generate("", regions=(whole,), size=(32, 16), **FIXED)
    both = painter.generate("", regions=(CAT, whole), size=(32, 16), **FIXED)
    torch.testing.assert_close(both.latents, alone.latents, atol=1e-4, rtol=1e-4)
    assert "region 1, 'a cat', is hidden by later ones" in both.warnings
    assert not torch.allclose(latents(painter, regions=(whole, CAT)), alone.latents, atol=1e-3)


def test_texts_of_any_length_and_over_time(painter):
    long = replace(CAT, text="a red apple, " * 12 + "3d")
    assert latents(painter, regions=(long, APPLE)).isfinite().all()
    timed = latents(painter, regions=(replace(CAT, text="[a cat:3d:1]"), APPLE), steps=1)
    assert torch.equal(timed, latents(painter, regions=(CAT, APPLE), steps=1))
    later = latents(painter, regions=(replace(CAT, text="[a cat:3d:1]"), APPLE))
    assert not torch.allclose(later, latents(painter, regions=(CAT, APPLE)))


def test_a_transformer_paints_them_too(painter, tiny_transformer):
    parts = replace(painter.parts, denoiser=tiny_transformer)
    painter = limner.Painter(parts, device="cpu")
    parted = latents(painter, "a cat AND a red apple", layout="beside")
    found = latents(painter, regions=(CAT, APPLE))
    torch.testing.assert_close(found, parted, atol=1e-5, rtol=1e-5)


def test_with_an_edit_they_lie_in_its_picture(painter):
    """Where the model is shown a part of a picture, a box is still one of the whole."""
    picture = Image.new("RGB", (64, 64), "white")
    fields = {"mask": "box:40,40,8,8", "strength": 1.0, "size": (16, 16), **FIXED}
    whole = Region(text="a cat", box=(0.0, 0.0, 64.0, 64.0))
    here = Region(text="a cat", box=(32.0, 32.0, 32.0, 32.0))
    wide, near = (painter.edit(picture, "", regions=(each,), **fields) for each in (whole, here))
    assert torch.equal(wide.latents, near.latents)
    with pytest.raises(RequestError, match="has no place in what is painted"):
        painter.edit(picture, "", regions=(replace(here, box=(0.0, 0.0, 8.0, 8.0)),), **fields)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"regions": (replace(CAT, box=(20.0, 0.0, 16.0, 16.0)),)},
            "region 1, 'a cat', leaves the pic",
        ),
        (
            {"regions": (replace(CAT, box=(0.0, 0.0, 0.01, 1.0)),)},
            "has no place in what is painted",
        ),
        ({"regions": (CAT,), "prompt": "a cat AND 3d"}, "the prompt has AND"),
        ({"regions": (replace(CAT, text="a AND b"),)}, "region 1 has AND"),
        ({"regions": (CAT,), "prompt": "a cat.swap(3d)", "dialect": "compel"}, "has swaps"),
        (
            {"regions": (CAT,), "layout": "beside", "prompt": "a AND b"},
            "cannot be combined with a layout",
        ),
        ({"regions": (CAT,), "style": "3d"}, "cannot be combined with a style"),
        ({"regions": (Region(text="a", mask="picture"),)}, "a mask, which no record"),
        ({"regions": (Region(text="a", mask=Image.new("L", (8, 8), 255)),)}, "one size is right"),
        ({"regions": (CAT,), "maps": {"dog": lambda c: c}}, "stands nowhere in the prompt"),
    ],
)
def test_what_cannot_be_says_so_before_any_work(painter, fields, said):
    calls = []
    painter.parts.denoiser.register_forward_pre_hook(lambda *given: calls.append(given))
    with pytest.raises(RequestError, match=said):
        latents(painter, **fields)
    assert calls == []


def test_records_hold_them_and_say_where_there_was_a_mask(painter):
    regions = (CAT, Region(text="a red apple", mask=Image.new("L", (32, 16), 255)))
    request = Request(prompt="", regions=regions, size=(32, 16))
    again = Request.from_json(request.to_json())
    assert again.regions == (CAT, Region(text="a red apple", mask="picture"))
    assert Request.from_json(again.to_json()).regions == again.regions
    assert parse(format(again)).request.regions == again.regions
    assert "Regions" not in format(Request(prompt="a cat", steps=2))


def test_the_command_line_paints_what_python_does(tiny_model, painter, tmp_path):
    mask, path = tmp_path / "mask.png", tmp_path / "out.png"
    Image.new("L", (32, 16), 255).save(mask)
    options = ["--seed", "1", "--steps", "2", "--size", "32x16", "--model", str(tiny_model), "-q"]
    said = ["--region", "box:0,0,16,16=a cat", "--region", "box:.5,0,.5,1=a red apple"]
    assert main(["paint", "a blue cat", *said, "-o", str(path), *options]) == 0
    assert read_request(path).regions == (CAT, replace(APPLE, box=(0.5, 0.0, 0.5, 1.0)))
    again = tmp_path / "again.png"
    assert main(["paint", "--from", str(path), "-o", str(again), "-q", *options[-3:-1]]) == 0
    with Image.open(path) as first, Image.open(again) as second:
        assert first.tobytes() == second.tobytes()
    masked = ["paint", "a", "--region", f"mask:{mask}=a cat", "-o", str(tmp_path / "m.png")]
    assert main([*masked, *options]) == 0
    for wrong in ("box:1,2,3=a", "a cat", "box:0,0,0,5=a", "box:0,0,8,8= "):
        assert main(["paint", "a", "--region", wrong, "-o", str(tmp_path / "w.png"), *options]) != 0


def test_painted_over_larger_they_lie_where_they_lay(painter, tiny_model, tiny_upscaler):
    painter = limner.load(tiny_model, device="cpu", upscaler=tiny_upscaler)
    fields = {"size": (32, 16), "upscale": 2, "refine": 1.0, **FIXED}
    mask = Image.new("L", (32, 16))
    mask.paste(255, (16, 0, 32, 16))
    kinds = (APPLE, replace(APPLE, box=(0.5, 0.0, 0.5, 1.0)), Region(text="a red apple", mask=mask))
    images = [painter.generate("", regions=(each,), **fields).images[0] for each in kinds]
    assert len({image.tobytes() for image in images}) == 1


def test_parts_that_fill_the_picture_fill_the_larger_one(tiny_model, tiny_upscaler):
    """What adds up to a little over 1 is no place beyond the picture."""
    painter = limner.load(tiny_model, device="cpu", upscaler=tiny_upscaler)
    regions = (
        replace(CAT, box=(0.0, 0.0, 0.3334, 1.0)),
        replace(APPLE, box=(0.3334, 0.0, 0.66660001, 1.0)),
    )
    fields = {"size": (32, 16), "upscale": 2, "refine": 1.0, **FIXED}
    assert painter.generate("", regions=regions, **fields).images[0].size == (64, 32)


def test_pixels_that_fill_the_picture_fill_one_of_another_size(tiny_model, tiny_upscaler):
    """43 pixels are painted as 28 and enlarged to 56, and 43 * (56 / 43) is a little more."""
    painter = limner.load(tiny_model, device="cpu", upscaler=tiny_upscaler)
    whole = replace(CAT, box=(0.0, 0.0, 43.0, 16.0))
    fields = {"strength": 1.0, "upscale": 2, "refine": 1.0, **FIXED}
    edited = painter.edit(Image.new("RGB", (43, 16), "white"), "", regions=(whole,), **fields)
    assert edited.images[0].size == (56, 16)
