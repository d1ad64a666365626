"""What a size comes to where a model's own pictures are enlarged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

import limner
from limner.errors import RequestError
from limner.pipeline.enlarging import fit_for_enlarging, size_notes
from limner.pipeline.regions import Region
from limner.pipeline.request import Request

SQUARE = (0.0, 0.0, 1.0, 1.0)


@pytest.fixture
def larger(painter: limner.Painter) -> limner.Painter:
    """A painter of 16x16 pixels, of which it makes 32x32 where nothing is said."""
    own = replace(painter.parts.sampling, upscale=2)
    return limner.Painter(replace(painter.parts, sampling=own))


def test_a_models_own_enlarging_holds_where_no_size_is_said(
    painter: limner.Painter, larger: limner.Painter
) -> None:
    picture, large = (Image.new("RGBA", (side, side)) for side in (16, 48))
    assert larger.complete(Request(prompt="x")).upscale == 2
    assert larger.complete(Request(prompt="x", size=(16, 16))).upscale is None
    assert larger.complete(Request(prompt="x", picture=picture)).upscale is None
    assert larger.complete(Request(prompt="x", picture=large)).upscale == 2
    masked = Request(prompt="x", picture=large, mask="box:0,0,16,16")
    assert larger.complete(masked).upscale is None
    assert larger.complete(Request(prompt="x", upscale=1)).upscale == 1
    assert painter.complete(Request(prompt="x")).upscale is None
    whole = larger.complete(Request(prompt="x"))
    assert larger.complete(whole).upscale == 2


@pytest.mark.parametrize(
    ("asked", "painted", "by", "box"),
    [
        ((16, 16), (16, 16), None, None),
        ((16, 24), (16, 24), None, None),  # as large as it paints in one piece
        ((32, 32), (16, 16), 2, None),
        ((64, 64), (16, 16), 4, None),
        ((64, 32), (32, 16), 2, (0.25, 0.0, 0.5, 1.0)),  # a thing is not drawn out
        ((32, 96), (8, 24), 4, (0.0, 1 / 3, 1.0, 1 / 3)),
        ((256, 256), (64, 64), 4, SQUARE),  # more than it can be enlarged to
        ((24, 24), (12, 12), 2, SQUARE),
        ((12, 16), (12, 16), None, None),
        ((12, 12), (12, 12), 1, SQUARE),  # painted in its own size, and reduced
        ((9, 7), (9, 7), 1, (1 / 9, 0.0, 7 / 9, 1.0)),
        ((50, 34), (25, 17), 2, (4 / 25, 0.0, 17 / 25, 1.0)),  # which it could not paint at once
    ],
)
def test_a_size_that_is_asked_for_is_painted_in_the_models_own_and_brought_to_it(
    larger: limner.Painter,
    asked: tuple[int, int],
    painted: tuple[int, int],
    by: int | None,
    box: tuple[float, ...] | None,
) -> None:
    whole = larger.complete(Request(prompt="a red apple", size=asked))
    assert (whole.size, whole.upscale) == (painted, by)
    boxes = [region.box for region in whole.regions or ()]
    assert boxes == ([] if box is None else [pytest.approx(box)])
    assert whole.layout == (None if box is None else "collage")
    assert larger.complete(whole).to_json() == whole.to_json()


@pytest.mark.parametrize(
    "said",
    [
        {"upscale": 1},
        {"picture": Image.new("RGBA", (32, 32))},
        {"layout": "beside", "prompt": "a AND b"},
    ],
)
def test_a_size_stays_where_it_is_no_wish_for_one_picture_alone(
    larger: limner.Painter, said: dict[str, object]
) -> None:
    request = Request(**{"prompt": "a red apple", "size": (32, 32), **said})
    assert larger.complete(request).size == (32, 32)


@pytest.mark.parametrize(
    ("asked", "by", "painted", "then", "layout"),
    [
        ((8, 8), 4, (16, 16), 2, None),
        ((8, 8), 2, (16, 16), None, None),
        ((4, 4), 2, (8, 8), 1, "collage"),
        ((16, 16), 4, (16, 16), 4, None),
        ((8, 8), 1, (8, 8), 1, None),
    ],
)
def test_a_small_size_that_is_to_be_enlarged_is_what_it_would_be_in_the_end(
    larger: limner.Painter,
    asked: tuple[int, int],
    by: int,
    painted: tuple[int, int],
    then: int | None,
    layout: str | None,
) -> None:
    whole = larger.complete(Request(prompt="a red apple", size=asked, upscale=by))
    assert (whole.size, whole.upscale, whole.layout) == (painted, then, layout)
    assert larger.complete(whole).to_json() == whole.to_json()


def test_that_it_is_painted_larger_is_told(larger: limner.Painter) -> None:
    request = larger.complete(Request(prompt="a red apple", size=(8, 8), upscale=4))
    (told,) = size_notes((8, 8), request, larger.model)
    assert told == "8x8 is less than this model paints: 16x16 is painted, 32x32 with enlarging"


def test_what_no_collage_can_have_is_painted_in_its_shape_and_told(larger: limner.Painter) -> None:
    asked = Request(prompt="a red apple", size=(64, 32), maps={"seen": torch.zeros(2, 2, 2)})
    request = fit_for_enlarging(asked, larger.model)
    assert (request.size, request.upscale, request.layout) == ((24, 12), 2, None)
    (told,) = size_notes(asked.size, request, larger.model)
    assert told == (
        "64x32 is more than this model paints: 24x12 is painted and enlarged to 48x24; "
        "`limner upscale` enlarges a picture further"
    )


def test_a_size_far_beyond_the_models_own_is_told(painter: limner.Painter) -> None:
    fields = {"seed": 1, "steps": 1}
    assert painter.generate("a red apple", size=(24, 24), **fields).warnings == ()
    (told,) = painter.generate("a red apple", size=(32, 32), **fields).warnings
    assert told == (
        "this model was trained at 16x16: at 32x32 things may come several times or fall apart; "
        "its own size enlarged (upscale) is right"
    )


def test_a_size_far_below_the_models_own_is_told(
    painter: limner.Painter, larger: limner.Painter
) -> None:
    fields = {"seed": 1, "steps": 1, "size": (8, 16)}
    told = "this model was trained at 16x16: at 8x16 things may be cut off or fall apart; its own"
    for each, said in ((painter, {}), (larger, {"upscale": 1})):
        (warning,) = each.generate("a red apple", **fields, **said).warnings
        assert warning == f"{told} size is right"
    assert larger.generate("a red apple", **fields).warnings == ()


@pytest.mark.parametrize(
    "said",
    [
        {"prompt": "a red apple AND a red apple", "layout": "beside"},
        {
            "prompt": "a red apple",
            "regions": (Region(text="a red apple", box=(0.5, 0.0, 0.5, 1.0)),),
        },
    ],
)
def test_a_size_far_beyond_is_told_of_every_layout(
    painter: limner.Painter, said: dict[str, object]
) -> None:
    fields = {"seed": 1, "steps": 1, **said}
    assert painter.generate(size=(24, 24), **fields).warnings == ()
    (told,) = painter.generate(size=(32, 32), **fields).warnings
    assert told.startswith("this model was trained at 16x16: at 32x32 things may come")


def test_a_size_that_nothing_comes_to_is_refused(larger: limner.Painter) -> None:
    with pytest.raises(RequestError, match="size 51x34 does not fit this model: multiples of 4"):
        larger.complete(Request(prompt="a red apple", size=(51, 34)))


def test_pictures_have_the_size_that_was_asked_for(tiny_upscaler: Path) -> None:
    painter = limner.load(device="cpu")
    for size in ((256, 256), (128, 96), (320, 96), (300, 202), (512, 768), (40, 40), (31, 50)):
        result = painter.generate("a cat", size=size, seed=1, steps=1)
        assert result.images[0].size == size
        assert not result.warnings
