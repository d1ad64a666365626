"""Collages: what is painted alone, in its place, in its colour, over a ground; what is refused."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from as_seen import premultiplied
from PIL import Image
from tiny_pipelines import saved

import limner
from limner import Region, Request
from limner.checkpoints.few_steps import FewSteps
from limner.cli import main
from limner.data.colours import Colour, seen_in
from limner.data.grounds import Place, draw_ground
from limner.data.pixels import from_picture, to_picture
from limner.engine.asks import Denoise
from limner.errors import RequestError, UsageError
from limner.explain.laid import LaidMaps
from limner.pipeline.features.collage import lay
from limner.pipeline.infotext import format, parse
from limner.pipeline.metadata import read_request

FIXED = {"seed": 1, "steps": 2, "solver": "euler"}
ALL, LEFT, RIGHT = (0.0, 0.0, 1.0, 1.0), (0.0, 0.0, 0.5, 1.0), (0.5, 0.0, 0.5, 1.0)


def thing(size: tuple[int, int], box: tuple[int, int, int, int], colour: str) -> Image.Image:
    """A picture of that size with one box of a colour on nothing."""
    picture = Image.new("RGBA", size)
    picture.paste(colour, box)
    return picture


def test_region_that_is_all_of_it_is_what_is_painted_alone(painter: limner.Painter) -> None:
    alone = painter.generate("a red apple", **FIXED).images[0]
    region = Region(text="a red apple", box=ALL)
    laid = painter.generate("apple", layout="collage", regions=[region], **FIXED)
    assert laid.images[0].size == alone.size
    assert np.abs(premultiplied(laid.images[0]) - premultiplied(alone)).max() <= 1
    blue = painter.generate(
        "apple", layout="collage", regions=[replace(region, colour="blue")], **FIXED
    )
    turned = to_picture(seen_in(from_picture(alone), Colour.BLUE))
    assert np.abs(premultiplied(blue.images[0]) - premultiplied(turned)).max() <= 1


def test_thing_fills_its_box_and_stands_on_its_edge() -> None:
    canvas = Image.new("RGBA", (40, 20))
    lay(thing((16, 16), (4, 0, 12, 8), "red"), (20.0, 0.0, 20.0, 20.0), canvas, carries=False)
    assert canvas.getbbox() == (24, 8, 36, 20)  # 1.25 times as large as with the room it left
    carrying = Image.new("RGBA", (40, 20))
    lay(thing((16, 16), (4, 0, 12, 8), "red"), (20.0, 0.0, 20.0, 20.0), carrying, carries=True)
    assert carrying.getbbox() == (24, 0, 36, 12)


def test_what_is_laid_later_covers_what_was_laid_before() -> None:
    canvas = Image.new("RGBA", (16, 16))
    for colour in ("red", "blue"):
        lay(thing((16, 16), (0, 0, 16, 16), colour), (0.0, 0.0, 16.0, 16.0), canvas, carries=False)
    assert canvas.getpixel((8, 8)) == (0, 0, 255, 255)


def test_picture_without_an_opaque_pixel_is_laid_as_nothing() -> None:
    canvas = Image.new("RGBA", (16, 16))
    lay(Image.new("RGBA", (16, 16)), (0.0, 0.0, 8.0, 8.0), canvas, carries=False)
    assert canvas.getbbox() is None


def test_each_picture_of_several_is_the_one_of_its_seed(painter: limner.Painter) -> None:
    regions = [Region(text="a red apple", box=LEFT), Region(text="a blue cat", box=RIGHT)]
    request = Request(prompt="both", layout="collage", regions=regions, count=2, **FIXED)
    both = painter.paint(request)
    for index, picture in enumerate(both.images):
        again = painter.paint(both.request.alone(index)).images[0]
        assert np.abs(premultiplied(picture) - premultiplied(again)).max() <= 1
    (many, other) = painter.paint_many([request, Request(prompt="a cat", **FIXED)])
    assert all(
        np.abs(premultiplied(a) - premultiplied(b)).max() <= 1
        for a, b in zip(many.images, both.images, strict=True)
    )
    assert other.images[0].size == (16, 16)


def test_its_parts_go_step_by_step_side_by_side(
    painter: limner.Painter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two texts of three regions: one call for the rows of both at each step."""
    rows, denoise = list[int](), painter.engine.denoise

    def counted(asks: list[Denoise]) -> list[torch.Tensor]:
        rows.extend(len(ask) for ask in asks)
        return denoise(asks)

    monkeypatch.setattr(painter.engine, "denoise", counted)
    regions = [Region(text=t, box=b) for t, b in (("a", LEFT), ("b", RIGHT), ("a", RIGHT))]
    request = Request(prompt="x", layout="collage", regions=regions, size=(32, 16), **FIXED)
    seen = [(s.index, s.total, s.preview()[0]) for s in painter.steps(request)]
    assert [(index, total, shown.size) for index, total, shown in seen] == [
        (1, 2, (32, 16)),
        (2, 2, (32, 16)),
    ]
    assert rows == [4, 4]  # with and without the prompt
    whole = painter.paint(request).images[0]
    assert np.abs(premultiplied(seen[-1][2]) - premultiplied(whole)).max() <= 1


def test_what_its_parts_take_side_by_side_is_counted_once(
    painter: limner.Painter, monkeypatch: pytest.MonkeyPatch
) -> None:
    denoise, pause = painter.engine.denoise, 0.05

    def slow(asks: list[Denoise]) -> list[torch.Tensor]:
        time.sleep(pause)
        return denoise(asks)

    monkeypatch.setattr(painter.engine, "denoise", slow)
    regions = [Region(text=f"a cat {n}", box=(n / 5, 0.0, 1 / 5, 1.0)) for n in range(5)]
    began = time.perf_counter()
    timings = painter.generate("x", layout="collage", regions=regions, **FIXED).timings
    assert sum(timings.values()) <= time.perf_counter() - began
    assert set(timings) == {"text", "denoise", "decode", "lay"}
    assert timings["denoise"] >= FIXED["steps"] * pause


def test_each_of_its_parts_is_planned_once(
    painter: limner.Painter, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned, few_steps = list[str](), painter.adapters.few_steps

    def counted(request: Request) -> FewSteps | None:
        planned.append(request.prompt)
        return few_steps(request)

    monkeypatch.setattr(painter.adapters, "few_steps", counted)
    regions = [Region(text="a", box=LEFT), Region(text="b", box=RIGHT)]
    painter.generate("x", layout="collage", regions=regions, **FIXED)
    assert planned == ["x", "a", "b"]


def test_parts_that_take_different_ways_are_what_each_is_alone(painter: limner.Painter) -> None:
    """One has a LoRA's rows or a swap's, and cannot share a call; one is a collage itself."""
    texts = ("a [cat:dog:1] apple", "a red apple AND a cat", "a cat")
    regions = [Region(text=text, box=(n / 3, 0.0, 1 / 3, 1.0)) for n, text in enumerate(texts)]
    fields = {**FIXED, "attention": "mean"}
    laid = painter.generate("x", layout="collage", regions=regions, size=(48, 16), **fields)
    for number, text in enumerate(texts):
        alone = painter.generate(text, **fields)
        torch.testing.assert_close(laid.latents[number], alone.latents[0], atol=1e-4, rtol=1e-4)


def test_a_word_is_looked_at_where_its_part_lies(painter: limner.Painter) -> None:
    regions = [Region(text="a red apple", box=LEFT), Region(text="a blue cat", box=RIGHT)]
    asked = {"attention": "mean", "count": 2, "size": (32, 16), **FIXED}
    result = painter.generate("both", layout="collage", regions=regions, **asked)
    alone = painter.generate("a red apple", attention="mean", count=2, **FIXED)
    for picture in (0, 1):
        apple = result.heatmap("apple", picture=picture)
        assert apple.shape == (8, 16)
        assert apple[:, 8:].max() == 0 < apple[:, :8].max()
        assert result.heatmap("cat", picture=picture)[:, :8].max() == 0
        whole = alone.heatmap("apple", picture=picture)
        assert apple.max() <= whole.max() + 1e-6
    both = result.heatmap("a", steps=(2, 2))
    assert both[:, :8].max() > 0 < both[:, 8:].max()
    for words, said in (("zebra", "not in the prompt"), ("", "empty")):
        with pytest.raises(UsageError, match=said):
            result.heatmap(words)
    with pytest.raises(UsageError, match="picture is 2"):
        result.heatmap("apple", picture=2)
    assert isinstance(result.attention, LaidMaps)
    assert {name.split("/")[1] for name in result.attention.arrays()} == {"0", "1"}


def test_ground_lies_behind_each_picture_by_its_seed(painter: limner.Painter) -> None:
    result = painter.generate("a red apple", ground="beach", count=2, **FIXED)
    bare = painter.generate("a red apple", count=2, **FIXED)
    for index, picture in enumerate(result.images):
        drawn = draw_ground(Place.BEACH, 16, random.Random(1 + index)).pixels
        behind = to_picture(drawn).convert("RGBA")
        assert picture.getextrema()[3] == (255, 255)
        assert picture == Image.alpha_composite(behind, bare.images[index])
    plain = painter.generate("a red apple", ground="blue", **FIXED)
    assert plain.request.ground == "blue"
    assert plain.images[0].getextrema()[3] == (255, 255)


def test_ground_of_a_wide_picture_is_the_middle_of_a_square_one(painter: limner.Painter) -> None:
    wide = painter.generate("x", ground="night", size=(32, 16), **FIXED).images[0]
    bare = painter.generate("x", size=(32, 16), **FIXED).images[0]
    drawn = to_picture(draw_ground(Place.NIGHT, 32, random.Random(1)).pixels).convert("RGBA")
    assert wide == Image.alpha_composite(drawn.crop((0, 8, 32, 24)), bare)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"regions": None}, "a collage has no regions"),
        ({"regions": [Region(text="a", mask=Image.new("L", (16, 16)))]}, "has a mask: a box is"),
        ({"start_noise": torch.zeros(1, 4, 8, 8)}, "cannot be combined with start_noise"),
        ({"picture": Image.new("RGB", (16, 16))}, "cannot be combined with picture"),
        ({"picture": Image.new("RGB", (16, 16)), "layout": None, "regions": None,
          "ground": "sky"}, "behind a picture that is painted over"),
    ],
)  # fmt: skip
def test_what_goes_through_all_of_a_picture_is_refused(
    painter: limner.Painter, fields: dict[str, object], said: str
) -> None:
    asked = {"layout": "collage", "regions": [Region(text="a", box=ALL)], **FIXED, **fields}
    with pytest.raises(RequestError, match=said):
        painter.generate("x", **asked)


def test_a_colour_outside_a_collage_is_not_dropped(painter: limner.Painter) -> None:
    region = Region(text="a", box=ALL, colour="blue")
    with pytest.raises(RequestError, match=r"region 1 has the colour 'blue'.*layout collage is"):
        painter.generate("x", regions=[region], **FIXED)


def test_opaque_pictures_are_neither_laid_nor_given_a_ground(tmp_path: Path) -> None:
    opaque = limner.load(saved("sd15", tmp_path / "sd"), device="cpu")
    with pytest.raises(RequestError, match="this model paints opaque"):
        opaque.generate("x", layout="collage", regions=[Region(text="a", box=ALL)])
    with pytest.raises(RequestError, match="this model paints opaque"):
        opaque.generate("x", ground="sky")


def test_it_is_kept_in_the_picture_and_in_its_infotext(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [
        "two things", "--layout", "collage", "--background", "beach", "--size", "32x16",
        "--region", "box:0,0,16,16:blue=a cat", "--region", "box:16,0,16,16=a red apple",
        "--steps", "1", "--seed", "1", "--model", str(tiny_model),
    ]  # fmt: skip
    assert main([*words, "-o", "a.png"]) == 0
    request = read_request(Path("a.png"))
    assert request is not None
    assert [region.colour for region in request.regions or ()] == ["blue", None]
    said = parse(format(request)).request
    assert (said.layout, said.ground, said.regions) == ("collage", "beach", request.regions)
    assert main(["--from", "a.png", "-o", "b.png", "--model", str(tiny_model)]) == 0
    with Image.open("a.png") as first, Image.open("b.png") as second:
        assert np.array_equal(np.asarray(first), np.asarray(second))


@pytest.mark.parametrize("place", ["box:0,0,1,1:bleu", "box:0,0,1:blue", "box:0,0,1,1:"])
def test_a_colour_that_is_none_is_refused(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["x", "--layout", "collage", "--region", f"{place}=a cat"]) in (1, 2)
    assert "right" in capsys.readouterr().err


def test_parts_are_enlarged_and_the_ground_is_drawn_at_their_size(tiny_upscaler: Path) -> None:
    painter = limner.load(device="cpu")
    result = painter.generate("a blue cat at night", seed=1, steps=2)
    assert result.request.layout == "collage"
    assert (result.images[0].size, result.request.size) == ((256, 256), painter.parts.sampling.size)
    assert result.images[0].getextrema()[3] == (255, 255)
    seen = painter.generate("a blue cat at night", seed=1, steps=2, attention="mean")
    assert np.abs(np.asarray(seen.images[0]).astype(int) - np.asarray(result.images[0])).max() < 9
    cat, opaque = seen.heatmap("cat").numpy(), (4, 16, 16)
    assert cat.shape == opaque[1:]
    assert cat[8:].mean() > cat[:3].mean()
