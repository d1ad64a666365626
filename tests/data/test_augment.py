from __future__ import annotations

import math

import pytest
import torch

from limner.data.augment import Augmentation, augment, mirrored, moved
from limner.errors import UsageError

STILL = {"shift": torch.zeros(1, 2), "scale": torch.ones(1), "rotation": torch.zeros(1)}


def dot(row: int, column: int, size: int = 9) -> torch.Tensor:
    """One opaque white pixel in a transparent picture."""
    pixels = torch.full((1, 4, size, size), -1.0)
    pixels[:, :, row, column] = 1.0
    return pixels


def test_standing_still_changes_nothing() -> None:
    pixels = torch.rand(3, 4, 8, 8) * 2 - 1
    still = {name: value.expand(3, *value.shape[1:]) for name, value in STILL.items()}
    torch.testing.assert_close(moved(pixels, **still), pixels)


def test_a_shift_goes_right_and_down() -> None:
    shift = torch.tensor([[2 / 9, -1 / 9]])
    torch.testing.assert_close(moved(dot(4, 4), **STILL | {"shift": shift}), dot(3, 6))


def test_a_quarter_turn_is_anticlockwise_and_comes_before_the_shift() -> None:
    turned = moved(dot(4, 7), **STILL | {"rotation": torch.tensor([90.0])})
    torch.testing.assert_close(turned, dot(1, 4), atol=1e-5, rtol=0)
    both = {"rotation": torch.tensor([90.0]), "shift": torch.tensor([[1 / 9, 0.0]])}
    torch.testing.assert_close(moved(dot(4, 7), **STILL | both), dot(1, 5), atol=1e-5, rtol=0)


def test_scale_is_of_the_area() -> None:
    square = torch.full((1, 4, 64, 64), -1.0)
    square[:, :, 20:44, 20:44] = 1.0
    for scale in (0.5, 2.0):
        area = (moved(square, **STILL | {"scale": torch.tensor([scale])}) + 1).sum()
        assert float(area / (square + 1).sum()) == pytest.approx(scale**2, rel=0.1)


def test_what_comes_in_is_transparent() -> None:
    opaque = torch.ones(1, 4, 8, 8)
    gone = moved(opaque, **STILL | {"shift": torch.tensor([[1.0, 0.0]])})
    torch.testing.assert_close(gone, -opaque)


def test_colours_stay_within_their_opacity() -> None:
    generator = torch.Generator().manual_seed(0)
    opacity = torch.rand(16, 1, 16, 16, generator=generator)
    colour = torch.rand(16, 3, 16, 16, generator=generator) * opacity
    pixels = torch.cat([colour, opacity], dim=1) * 2 - 1
    out = augment(pixels, Augmentation(mirror=0.5, shift=0.2, scale=0.3, rotation=40.0), generator)
    assert (out[:, :3] <= out[:, 3:] + 1e-5).all()
    assert out.min() >= -1 - 1e-6
    assert out.max() <= 1 + 1e-6


def test_mirror() -> None:
    pixels = torch.rand(2, 4, 5, 5)
    out = mirrored(pixels, torch.tensor([True, False]))
    assert torch.equal(out[0], pixels[0].flip(-1))
    assert torch.equal(out[1], pixels[1])


def test_the_generator_decides_and_each_picture_has_its_own() -> None:
    pixels = dot(4, 6).expand(64, -1, -1, -1)
    how = Augmentation(mirror=0.5, rotation=180.0)
    first, again = (augment(pixels, how, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, again)
    assert len(first.flatten(1).unique(dim=0)) > 50
    only_mirror = augment(pixels, Augmentation(mirror=0.5), torch.Generator().manual_seed(3))
    share = float((only_mirror != pixels).flatten(1).any(1).float().mean())
    assert abs(share - 0.5) < 3 * math.sqrt(0.25 / 64)


def test_impossible_numbers_are_refused() -> None:
    for wrong in ({"mirror": 1.5}, {"shift": -0.1}, {"rotation": -1.0}):
        with pytest.raises(UsageError, match="is right"):
            Augmentation(**wrong)
