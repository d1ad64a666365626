from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from limner.data.pixels import (
    flatten,
    from_picture,
    premultiplied_bytes,
    to_bytes,
    to_model_range,
    to_picture,
)


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
