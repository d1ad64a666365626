from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from limner.data.compose import on_solid, over, placed
from limner.data.pixels import from_picture, to_bytes


def drawings(count: int, seed: int) -> list[Image.Image]:
    generator = np.random.default_rng(seed)
    shape = (count, 8, 8, 4)
    return [Image.fromarray(array) for array in generator.integers(0, 256, shape, dtype=np.uint8)]


def test_over_is_what_pillow_composes() -> None:
    top, below = drawings(4, 0), drawings(4, 1)
    out = over(*(torch.stack([from_picture(p) for p in some]) for some in (top, below)))
    for index, (a, b) in enumerate(zip(top, below, strict=True)):
        expected = from_picture(Image.alpha_composite(b, a))
        # Pillow rounds straight colours to bytes, twice.
        torch.testing.assert_close(out[index], expected, atol=3 * 2 / 255, rtol=0)


def test_solid_grounds() -> None:
    clear, opaque = torch.full((1, 4, 2, 2), -1.0), torch.ones(1, 4, 2, 2)
    red = torch.tensor([[1.0, -1.0, -1.0]])
    assert torch.equal(on_solid(clear, red)[0, :, 0, 0], red[0])
    assert torch.equal(on_solid(opaque, red), torch.ones(1, 3, 2, 2))


def test_placed_in_its_box_and_nowhere_else() -> None:
    white = torch.ones(3, 4, 8, 8)
    boxes = torch.tensor([[0, 0, 4, 4], [3, 1, 8, 6], [4, 4, 8, 8]])
    out = placed(white, boxes, 8)
    for picture, (left, top, right, bottom) in zip(out, boxes.tolist(), strict=True):
        expected = torch.full((4, 8, 8), -1.0)
        expected[:, top:bottom, left:right] = 1.0
        torch.testing.assert_close(picture, expected)


def test_placing_at_half_size_keeps_the_mean_of_each_picture() -> None:
    pixels = torch.stack([from_picture(drawing) for drawing in drawings(3, 2)])
    out = placed(pixels, torch.tensor([[2, 3, 6, 7]]).expand(3, -1), 8)
    means = out[:, :, 3:7, 2:6].mean(dim=(2, 3))
    torch.testing.assert_close(means, pixels.mean(dim=(2, 3)), atol=0.05, rtol=0)


def test_a_picture_in_its_own_size_is_itself() -> None:
    pixels = torch.stack([from_picture(drawing) for drawing in drawings(2, 3)])
    out = placed(pixels, torch.tensor([[0, 0, 8, 8]]).expand(2, -1), 8)
    assert torch.equal(to_bytes(out), to_bytes(pixels))
