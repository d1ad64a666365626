from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from deep_pictures import deep_ramp, ramp, save_rgb16
from PIL import Image

from limner.data.pixels import (
    difference,
    eight_bits,
    flatten,
    from_picture,
    premultiplied_bytes,
    to_bytes,
    to_model_range,
    to_picture,
)
from limner.errors import UsageError


def random_picture(mode: str, bands: int) -> Image.Image:
    shape = (5, 7, bands) if bands > 1 else (5, 7)
    return Image.fromarray(np.random.default_rng(0).integers(1, 256, shape, dtype=np.uint8), mode)


def test_bytes_round_trip() -> None:
    every = torch.arange(256, dtype=torch.uint8).reshape(1, 16, 16)
    pixels = to_model_range(every)
    assert pixels.min() == -1.0
    assert pixels.max() == 1.0
    assert torch.equal(to_bytes(pixels), every)
    assert to_bytes(torch.tensor([[[-3.0, 3.0]]])).tolist() == [[[0, 255]]]


@pytest.mark.parametrize(("mode", "bands"), [("L", 1), ("RGB", 3), ("RGBA", 4)])
def test_picture_round_trip(mode: str, bands: int) -> None:
    picture = random_picture(mode, bands)
    pixels = from_picture(picture, bands)
    assert pixels.shape == (bands, 5, 7)
    back = to_picture(pixels)
    assert back.mode == mode
    assert np.array_equal(np.array(back), np.array(picture))


def test_premultiplied_values() -> None:
    pixels = from_picture(Image.new("RGBA", (1, 1), (255, 51, 0, 51)))
    assert torch.allclose(pixels.flatten(), torch.tensor([0.2, 0.04, 0.0, 0.2]) * 2 - 1)


def test_transparent_is_minus_one_everywhere_and_paints_black() -> None:
    pixels = from_picture(Image.new("RGBA", (2, 2), (200, 100, 50, 0)))
    assert torch.equal(pixels, torch.full((4, 2, 2), -1.0))
    assert to_picture(pixels).getpixel((0, 0)) == (0, 0, 0, 0)


def test_colours_beyond_their_opacity_are_clamped() -> None:
    pixels = torch.tensor([1.7, 0.0, -1.0, 0.0])[:, None, None]
    assert to_picture(pixels).getpixel((0, 0)) == (255, 255, 0, 128)


def test_fewer_channels_see_transparency_on_white() -> None:
    clear = Image.new("RGBA", (1, 1), (9, 9, 9, 0))
    assert torch.equal(from_picture(clear, 3), torch.ones(3, 1, 1))
    assert flatten(clear, "black").getpixel((0, 0)) == (0, 0, 0)


def test_resizing_lends_no_colour_from_transparent_pixels() -> None:
    picture = Image.new("RGBA", (32, 32), (0, 255, 0, 0))
    picture.paste((255, 0, 0, 255), (0, 0, 13, 32))
    small = premultiplied_bytes(picture, 8)
    assert small.shape == (4, 8, 8)
    assert int(small[1].max()) == 0
    assert bool((small[0] <= small[3]).all())
    assert small[:, 4, 0].tolist() == [255, 0, 0, 255]


@pytest.mark.parametrize("kind", ["16 bits", "float"])
def test_deeper_pictures_are_what_they_are_in_eight_bits(kind: str) -> None:
    deep = deep_ramp(kind)
    assert np.array_equal(np.asarray(eight_bits(deep)), np.asarray(ramp()))
    for channels in (1, 3, 4):
        assert torch.equal(from_picture(deep, channels), from_picture(ramp(), channels))
    assert torch.equal(premultiplied_bytes(deep, 16), premultiplied_bytes(ramp(), 16))
    assert flatten(deep).tobytes() == flatten(ramp()).tobytes()


def test_a_picture_of_eight_bits_is_the_same_object() -> None:
    assert all(eight_bits(one) is one for one in (ramp(), ramp().convert("RGB")))


def test_sixteen_bits_of_colour_keep_their_upper_eight(tmp_path: Path) -> None:
    save_rgb16(tmp_path / "deep.png")
    with Image.open(tmp_path / "deep.png") as picture:
        red, green, blue = np.moveaxis(np.asarray(eight_bits(picture)), -1, 0)
    assert np.array_equal(red, np.asarray(ramp()))
    assert np.array_equal(blue, 255 - np.asarray(ramp()))
    assert not green.any()


def test_a_deep_transparent_grey_stays_transparent(tmp_path: Path) -> None:
    deep_ramp("16 bits").save(tmp_path / "a.png", transparency=257 * 100)
    with Image.open(tmp_path / "a.png") as picture:
        alpha = np.asarray(eight_bits(picture).convert("RGBA"))[..., 3]
    assert np.array_equal(alpha == 0, np.asarray(ramp()) == 100)


@pytest.mark.parametrize("suffix", ["pgm", "tiff"])
def test_integers_up_to_65535_are_sixteen_bits(suffix: str, tmp_path: Path) -> None:
    values = np.asarray(ramp()).astype(np.int32) * 257
    picture = Image.fromarray(values)
    picture.save(tmp_path / f"a.{suffix}")
    with Image.open(tmp_path / f"a.{suffix}") as read:
        assert read.mode == "I"
        assert np.array_equal(np.asarray(eight_bits(read)), np.asarray(ramp()))


@pytest.mark.parametrize(
    ("picture", "numbers"),
    [
        (ramp().convert("I"), "integers from 0 to 254"),
        (Image.fromarray(np.array([[0, 70_000]], np.int32)), "integers from 0 to 70000"),
        (Image.fromarray(np.array([[-0.5, 1.0]], np.float32)), "floats from -0.5 to 1"),
        (Image.fromarray(np.array([[0.0, np.nan]], np.float32)), "floats from nan to nan"),
        (ramp().convert("F"), "floats from 0 to 254"),
    ],
)
def test_numbers_of_another_range_are_refused(picture: Image.Image, numbers: str) -> None:
    with pytest.raises(UsageError, match=f"{numbers}, whose black and white nothing tells"):
        eight_bits(picture)


def test_a_difference_is_of_what_is_seen() -> None:
    one, other = (Image.new("RGBA", (3, 1)) for _ in range(2))
    one.putdata([(200, 10, 10, 255), (200, 10, 10, 0), (100, 0, 0, 255)])
    other.putdata([(190, 40, 10, 255), (0, 250, 0, 0), (100, 0, 0, 55)])
    assert list(difference(one, other).tobytes()) == [30, 0, 200]
    grey = [Image.new("L", (1, 1), value) for value in (4, 9)]
    assert list(difference(*grey).tobytes()) == [5]
