"""What grounds are drawn on: soft flat shapes, laid over each other.

Points are in parts of the picture's side, x to the right and y down, so a ground looks the same at
any size. Edges are soft over about a pixel and a half.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from enum import Enum

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

Array = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
Rgb = tuple[float, float, float]
Point = tuple[float, float]
SOFT = 1.5  # pixels over which an edge fades


class Light(Enum):
    """When it is in a place."""

    DAY = "day"
    SUNSET = "sunset"
    NIGHT = "night"


TINTS: dict[Light, Rgb] = {Light.SUNSET: (0.92, 0.66, 0.62), Light.NIGHT: (0.3, 0.34, 0.56)}


class Canvas:
    """Shapes are laid over each other on it, in a light that tints what does not glow."""

    def __init__(self, size: int, chance: random.Random, light: Light = Light.DAY) -> None:
        self.size = size
        self.chance = chance
        self.light = light
        middles = (np.arange(size, dtype=np.float32) + 0.5) / size
        self.x, self.y = middles[None, :], middles[:, None]
        self.pixels: Array = np.zeros((3, size, size), dtype=np.float32)

    def fade(
        self, above: Rgb, below: Rgb, top: float = 0.0, bottom: float = 1.0, *, glows: bool = False
    ) -> None:
        """One colour going over into another from top to bottom."""
        share = np.clip((self.y - top) / (bottom - top), 0.0, 1.0)
        first, last = (self._ink(colour, glows=glows) for colour in (above, below))
        self.pixels = (first + share * (last - first)) * np.ones_like(self.pixels)

    def lay(self, inside: Array, colour: Rgb, opacity: float = 1.0, *, glows: bool = False) -> None:
        """A shape. inside: distance to its edge in parts of the side, above 0 within."""
        reached = inside > -0.5 * SOFT / self.size
        rows, columns = (np.flatnonzero(reached.any(axis=axis)) for axis in (1, 0))
        if not rows.size:
            return
        window = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        share = opacity * np.clip(inside[window] * self.size / SOFT + 0.5, 0.0, 1.0)
        ink = self._ink(colour, glows=glows)
        under = self.pixels[:, *window]
        self.pixels[:, *window] = under + share * (ink - under)

    def _ink(self, colour: Rgb, *, glows: bool) -> Array:
        """A colour in the canvas's light, (3, 1, 1)."""
        tint = (1.0, 1.0, 1.0) if glows else TINTS.get(self.light, (1.0, 1.0, 1.0))
        ink = np.array(colour, dtype=np.float32) * np.array(tint, dtype=np.float32)
        return ink[:, None, None]

    def below(self, height: float, waves: Sequence[tuple[float, float, float]] = ()) -> Array:
        """All under a line; waves: amplitude, length and shift of each."""
        line = np.full_like(self.x, height)
        for amplitude, length, shift in waves:
            line = line + amplitude * np.sin(2 * math.pi * (self.x / length + shift))
        return (self.y - line).astype(np.float32)

    def hills(self, height: float, amplitude: float) -> Array:
        """All under a line of gentle hills."""
        draw = self.chance.uniform
        waves = [(amplitude / n, draw(0.5, 1.2) / n, draw(0, 1)) for n in (1, 2)]
        return self.below(height, waves)

    def oval(self, x: float, y: float, width: float, height: float) -> Array:
        away = np.hypot((self.x - x) / width, (self.y - y) / height)
        return ((1.0 - away) * min(width, height)).astype(np.float32)

    def box(self, left: float, top: float, right: float, bottom: float) -> Array:
        return np.minimum(
            np.minimum(self.x - left, right - self.x), np.minimum(self.y - top, bottom - self.y)
        )

    def triangle(self, x: float, top: float, bottom: float, half: float) -> Array:
        """Upright, its point above."""
        slope = half / (bottom - top)
        side = (slope * (self.y - top) - np.abs(self.x - x)) / math.hypot(1.0, slope)
        return np.minimum(side, bottom - self.y)

    def line(self, start: Point, end: Point, half: float) -> Array:
        """A straight line with round ends, so wide as two halves."""
        along = np.array(end, dtype=np.float32) - np.array(start, dtype=np.float32)
        across, down = self.x - start[0], self.y - start[1]
        share = np.clip((across * along[0] + down * along[1]) / (along @ along), 0.0, 1.0)
        return (half - np.hypot(across - share * along[0], down - share * along[1])).astype(
            np.float32
        )

    def tensor(self) -> Float[Tensor, "3 S S"]:
        return torch.from_numpy(self.pixels.clip(0.0, 1.0) * 2.0 - 1.0)


def varied(colour: Rgb, chance: random.Random, most: float = 0.05) -> Rgb:
    """A colour a little lighter, darker or otherwise."""
    light = chance.uniform(-most, most)
    red, green, blue = (
        min(max(value + light + chance.uniform(-most, most) / 2, 0.0), 1.0) for value in colour
    )
    return red, green, blue


def shaded(colour: Rgb, light: float) -> Rgb:
    """A colour so many times as light."""
    red, green, blue = (min(light * value, 1.0) for value in colour)
    return red, green, blue
