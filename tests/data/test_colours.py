"""Basic colours: what was turned to one is of it, and the rest of the picture stays."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from limner.data.colours import (
    TARGETS,
    Colour,
    colour_of,
    nearest_colour,
    oklab,
    recoloured,
    rgb_of,
    seen_in,
)
from limner.errors import UsageError


def disc(body: tuple[float, ...], eye: tuple[float, ...] = (0.05, 0.05, 0.05)) -> Tensor:
    """A shaded disc on nothing, premultiplied, with a small dark eye at (12..15, 12..15)."""
    rows, columns = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    opacity = ((rows - 16).hypot(columns - 16) < 13).float()
    shade = 0.85 + 0.15 * rows / 32
    colour = torch.tensor(body)[:, None, None] * shade
    colour[:, 12:16, 12:16] = torch.tensor(eye)[:, None, None]
    return torch.cat([colour * opacity, opacity[None]]) * 2 - 1


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [  # Ottosson 2020, of sRGB's corners
        ((1.0, 1.0, 1.0), (1.0, 0.0, 0.0)),
        ((1.0, 0.0, 0.0), (0.62796, 0.22486, 0.12585)),
        ((0.0, 1.0, 0.0), (0.86644, -0.23389, 0.17950)),
        ((0.0, 0.0, 1.0), (0.45201, -0.03246, -0.31153)),
        ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
    ],
)
def test_oklab(rgb, lab):
    pixels = torch.tensor([*rgb, 1.0])[:, None, None] * 2 - 1
    torch.testing.assert_close(oklab(pixels).flatten(), torch.tensor(lab), atol=2e-4, rtol=0)


@pytest.mark.parametrize("body", [(0.9, 0.6, 0.2), (0.6, 0.6, 0.62), (0.2, 0.4, 0.9)])
@pytest.mark.parametrize("colour", Colour)
def test_main_part_takes_the_colour_and_the_rest_stays(body, colour):
    before = disc(body)
    after = recoloured(before, colour)
    assert colour_of(after) is colour
    torch.testing.assert_close(after[3], before[3], atol=1e-6, rtol=0)
    assert (after[:3, 13:15, 13:15] - before[:3, 13:15, 13:15]).abs().max() < 0.02
    assert (after[:3] <= after[3:] + 1e-5).all()  # premultiplied still
    assert after[:, 0, 0].tolist() == [-1.0] * 4


def test_shading_stays():
    after = oklab(recoloured(disc((0.9, 0.6, 0.2)), Colour.BLUE))
    assert after[0, 26, 16] > after[0, 6, 16] + 0.03


def test_white_has_an_outline():
    after = oklab(recoloured(disc((0.9, 0.6, 0.2)), Colour.WHITE))
    assert after[0, 4, 16] < after[0, 8, 16] - 0.1


@pytest.mark.parametrize("colour", Colour)
def test_targets_are_told_apart(colour):
    target = TARGETS[colour]
    hue = math.radians(target.hue or 0.0)
    a, b = target.chroma * math.cos(hue), target.chroma * math.sin(hue)
    assert nearest_colour(target.lightness, a, b) is colour
    assert all(0.0 <= value <= 1.0 for value in rgb_of(target))


def test_what_is_turned_is_seen_in_the_colour():
    """Of a red boot that was made white the yellow sole would be seen."""
    boot, sole = disc((0.8, 0.1, 0.1)), disc((0.9, 0.8, 0.1), eye=(0.9, 0.8, 0.1))
    boot[:, 20:], opacity = sole[:, 20:], boot[3].clone()
    once, until = recoloured(boot, Colour.WHITE), seen_in(boot, Colour.WHITE)
    assert (colour_of(once), colour_of(until)) == (Colour.YELLOW, Colour.WHITE)
    torch.testing.assert_close(until[3], opacity, atol=1e-6, rtol=0)


@pytest.mark.parametrize("colour", Colour)
def test_one_turn_is_enough_where_it_is_seen(colour):
    before = disc((0.9, 0.6, 0.2))
    assert torch.equal(seen_in(before, colour), recoloured(before, colour))


def test_nothing_is_seen_in_no_colour():
    assert (seen_in(torch.full((4, 8, 8), -1.0), Colour.RED) == -1.0).all()


def test_colour_is_that_of_where_one_looks():
    both = torch.cat([disc((0.9, 0.1, 0.1)), disc((0.2, 0.4, 0.9))], dim=2)
    left = torch.zeros(32, 64)
    left[:, :32] = 1
    assert (colour_of(both, left), colour_of(both, 1 - left)) == (Colour.RED, Colour.BLUE)


def test_nothing_has_no_colour():
    assert colour_of(torch.full((4, 8, 8), -1.0)) is None


def test_opaque_pictures_are_refused():
    with pytest.raises(UsageError, match=r"with transparency"):
        recoloured(torch.zeros(3, 8, 8), Colour.RED)
