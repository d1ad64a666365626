"""Where a picture is painted: the part that is shown, its size, and the way back."""

import numpy as np
import pytest
from PIL import Image

from limner.errors import RequestError
from limner.pipeline import Request
from limner.pipeline.canvas import around, canvas_of, mixed

OWN, MULTIPLE = (64, 64), 16


def canvas(of_size, mode="RGB", **fields):
    picture = Image.new(mode, of_size, "red")
    return canvas_of(Request(prompt="a cat", picture=picture, **fields), OWN, MULTIPLE)


@pytest.mark.parametrize(
    ("size", "fields", "box", "painted"),
    [
        # Without a mask: the nearest size, or one of the model's number of pixels.
        ((64, 64), {}, (0, 0, 64, 64), (64, 64)),
        ((70, 50), {}, (0, 0, 70, 50), (64, 48)),
        ((1, 1), {}, (0, 0, 1, 1), (16, 16)),
        ((400, 100), {}, (0, 0, 400, 100), (128, 32)),
        ((400, 100), {"size": (64, 64)}, (0, 0, 400, 100), (64, 64)),
        # With one: all of it where the model can take that.
        ((64, 64), {"mask": "box:0,0,8,8"}, (0, 0, 64, 64), (64, 64)),
        ((128, 64), {"mask": "box:0,0,8,8"}, (0, 0, 128, 64), (128, 64)),
        ((64, 64), {"extend": (64, 0, 0, 0)}, (0, 0, 128, 64), (128, 64)),
        # Else what is masked, with its surroundings, in the model's shape as far as it goes.
        ((65, 65), {"mask": "box:0,0,8,8"}, (0, 0, 16, 16), (64, 64)),
        ((300, 300), {"mask": "box:100,100,40,20"}, (80, 70, 160, 150), (64, 64)),
        ((300, 300), {"mask": "box:100,100,40,20", "context": 1.0}, (100, 90, 140, 130), (64, 64)),
        ((300, 50), {"mask": "box:280,0,20,50"}, (200, 0, 300, 50), (96, 48)),
        ((300, 300), {"mask": "box:0,0,20,20", "size": (64, 32)}, (0, 0, 80, 40), (64, 32)),
        ((256, 256), {"mask": "box:0,0,9,9", "size": (256, 256)}, (0, 0, 256, 256), (256, 256)),
    ],
)
def test_what_is_shown_and_how_large(size, fields, box, painted):
    found = canvas(size, **fields)
    assert (found.box, found.size) == (box, painted)


def test_a_completed_request_finds_its_place_again():
    random = np.random.default_rng(1)
    for _ in range(50):
        width, height = map(int, random.integers(40, 300, 2))
        x, y = int(random.integers(width - 20)), int(random.integers(height - 20))
        fields = {"mask": f"box:{x},{y},{random.integers(1, 20)},{random.integers(1, 20)}"}
        first = canvas((width, height), **fields)
        again = canvas((width, height), **fields, size=first.size)
        assert (first.box, first.size) == (again.box, again.size)


def test_what_is_masked_is_always_shown():
    random = np.random.default_rng(2)
    for _ in range(200):
        size = tuple(map(int, random.integers(1, 60, 2)))
        mask = Image.fromarray(np.uint8(255 * (random.random(size[::-1]) < 0.05)))
        mask.putpixel((int(random.integers(size[0])), int(random.integers(size[1]))), 255)
        left, top, right, bottom = around(mask, float(random.uniform(1, 3)), OWN)
        first, second, third, fourth = mask.getbbox()
        assert 0 <= left <= first < third <= right <= size[0]
        assert 0 <= top <= second < fourth <= bottom <= size[1]


def test_the_model_is_shown_the_box_at_its_size():
    found = canvas((65, 65), mask="box:8,8,8,8")
    assert found.pixels(3).shape == (1, 3, 64, 64)
    assert found.mask_at((16, 16))[0, 0, 4:12, 4:12].eq(1).all()
    assert found.mask_at((16, 16)).sum() == 64
    assert canvas((64, 64)).mask_at((16, 16)) is None


@pytest.mark.parametrize(("mode", "painted"), [("RGB", "RGBA"), ("RGBA", "RGB"), ("L", "RGB")])
def test_the_picture_keeps_its_own_kind(mode, painted):
    found = canvas((64, 64), mode=mode, mask="box:0,0,8,8")
    result = found.put_back(Image.new(painted, (64, 64), "blue"))
    assert result.mode == ("RGB" if mode == "L" else mode)
    assert result.getpixel((7, 7))[:3] == (0, 0, 255)
    assert result.getpixel((8, 8)) == found.picture.getpixel((8, 8))


def test_without_a_mask_the_result_is_what_was_painted():
    painted = Image.new("RGBA", (64, 48))
    assert canvas((70, 50)).put_back(painted) is painted


def test_a_share_of_both_is_weighed_by_opacity():
    old = np.array([[[200, 0, 0, 255]]], np.uint8)
    new = np.array([[[0, 100, 0, 0]]], np.uint8)
    half = np.full((1, 1, 1), 0.5, np.float32)
    assert mixed(old, new, half).tolist() == [[[200, 0, 0, 128]]]
    assert mixed(old[..., :3], new[..., :3], half).tolist() == [[[100, 50, 0]]]
    assert mixed(new, new, half)[0, 0, 3] == 0


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"strength": 0.0}, "strength is of edits, and there is no picture"),
        ({"mask": "alpha"}, "mask is of edits"),
        ({"extend": (1, 0, 0, 0)}, "extend is of edits"),
        ({"feather": 1}, "feather is of edits"),
        ({"context": 2.0}, "context is of edits"),
    ],
)
def test_an_edit_without_a_picture(fields, said):
    assert canvas_of(Request(prompt="a cat"), OWN, MULTIPLE) is None
    with pytest.raises(RequestError, match=said):
        canvas_of(Request(prompt="a cat", **fields), OWN, MULTIPLE)


@pytest.mark.parametrize("field", [{"feather": 2}, {"context": 3.0}])
def test_a_seam_without_a_mask(field):
    with pytest.raises(RequestError, match="is for a mask or for extend, and there is neither"):
        canvas((64, 64), **field)


def test_a_picture_in_memory_is_held_to_the_same_limits():
    with pytest.raises(RequestError, match="50000x4 is too large"):
        canvas((50_000, 4))
