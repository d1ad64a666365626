"""Painting larger than a model paints: enlarged, and painted over where asked."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import limner
from limner.errors import CheckpointError, RequestError
from limner.pipeline import Request
from limner.pipeline.metadata import texts

ASKED = {"seed": 4, "steps": 3, "solver": "heun"}


@pytest.fixture(scope="module")
def painter(tiny_model, tiny_upscaler):
    return limner.load(tiny_model, device="cpu", upscaler=tiny_upscaler)


def noisy(mode="RGBA", size=(16, 16)):
    array = np.random.default_rng(0).integers(0, 256, (*size[::-1], len(mode)), np.uint8)
    return Image.fromarray(array)


def finished(steps):
    """Every step and the result."""
    seen = []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as end:
            return seen, end.value


@pytest.mark.parametrize("by", [2, 4])
def test_what_was_painted_is_enlarged(painter, by):
    small = painter.generate("a red apple", **ASKED, count=2)
    large = painter.generate("a red apple", **ASKED, count=2, upscale=by)
    for index, image in enumerate(small.images):
        wanted = painter.enlarger.upscale(image, by, seed=4 + index)
        assert large.images[index].tobytes() == wanted.tobytes()


def test_refining_is_an_edit_of_the_enlarged_picture(painter):
    larger = painter.generate("a red apple", **ASKED, upscale=2).images[0]
    found = painter.generate("a red apple", **ASKED, upscale=2, refine=0.7)
    wanted = painter.edit(larger, "a red apple", **ASKED, strength=0.7, size=(32, 32))
    assert found.images[0].tobytes() == wanted.images[0].tobytes()
    assert found.images[0].tobytes() != larger.tobytes()


def test_what_has_parts_is_refined_in_parts(painter):
    asked = {**ASKED, "prompt": "a cat AND a red apple", "layout": "beside", "upscale": 2}
    found = painter.generate(**asked, refine=0.7)
    larger = painter.generate(**asked).images[0]
    same = {**ASKED, "strength": 0.7, "size": larger.size}
    wanted = painter.edit(larger, "a cat AND a red apple", layout="beside", **same)
    assert found.images[0].tobytes() == wanted.images[0].tobytes()
    over_all = painter.edit(larger, "a cat AND a red apple", **same)
    assert found.images[0].tobytes() != over_all.images[0].tobytes()


def test_each_picture_is_refined_by_its_own_seed(painter):
    asked = {**ASKED, "upscale": 2, "refine": 0.7}
    both = painter.generate("a red apple", **asked, count=2)
    alone = painter.generate("a red apple", **{**asked, "seed": 5})
    difference = np.asarray(both.images[1]).astype(int) - np.asarray(alone.images[0])
    assert np.abs(difference).max() <= 1  # a batch rounds otherwise than a picture alone


def test_every_step_is_counted_once(painter):
    request = Request(prompt="a cat", **ASKED, count=2, upscale=2, refine=0.7)
    steps, result = finished(painter.steps(request))
    assert [step.index for step in steps] == list(range(1, len(steps) + 1))
    assert {step.total for step in steps} == {len(steps)}
    assert len(result.images) == 2


def test_the_record_repeats_it(painter):
    result = painter.generate("a red apple", **ASKED, upscale=2, refine=0.7)
    written = texts(result, 0)
    again = painter.paint(Request.from_json(written["limner"]))
    assert again.images[0].tobytes() == result.images[0].tobytes()
    assert "Denoising strength: 0.7, Hires upscale: 2, Hires steps: 2" in written["parameters"]


def test_an_edit_is_enlarged_too(painter):
    result = painter.edit(noisy(size=(13, 16)), "a cat", mask="box:0,0,5,5", **ASKED, upscale=2)
    assert result.images[0].size == (26, 32)


def test_the_maps_are_those_of_the_first_painting(painter):
    result = painter.generate("a red apple", **ASKED, upscale=2, refine=0.7, attention="mean")
    plain = painter.generate("a red apple", **ASKED, attention="mean")
    assert np.array_equal(result.heatmap("apple"), plain.heatmap("apple"))


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("size", [(1, 1), (7, 13), (16, 16)])
def test_any_picture_is_painted_over_at_its_own_size(painter, mode, size):
    request = Request(prompt="a cat", **ASKED, strength=0.5)
    _, result = finished(painter.refined(noisy(mode, size), request))
    assert (result.images[0].mode, result.images[0].size) == (mode, size)


def test_too_much_to_paint_at_once_is_refused_before_any_work(painter):
    request = Request(prompt="a cat", **ASKED, size=(32, 32), upscale=4, refine=0.5)
    steps = painter.steps(request)
    with pytest.raises(RequestError, match=r"128x128 pixels are too many .*at 16x16"):
        next(steps)
    next(painter.steps(replace(request, refine=None)))  # enlarging alone has no such limit


def test_a_missing_upscaler_is_found_before_any_work(tiny_model, tmp_path):
    with pytest.raises(CheckpointError, match="has no upscaler"):
        limner.load(tiny_model, device="cpu", upscaler=tmp_path)
