"""Grounds drawn by code: a beach, a night sky, a room, in soft flat shapes, no two alike.

Points are in parts of the picture's side, x to the right and y down, so a ground looks the same at
any size. Edges are soft over about a pixel and a half.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from limner.data.colours import TARGETS, Colour, rgb_of

Array = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
Rgb = tuple[float, float, float]
SOFT = 1.5  # pixels over which an edge fades


class Place(Enum):
    """What can lie behind things; PLAIN is one colour."""

    PLAIN = "plain"
    SKY = "sky"
    SEA = "sea"
    BEACH = "beach"
    GRASS = "grass"
    SNOW = "snow"
    DESERT = "desert"
    NIGHT = "night"
    FOREST = "forest"
    STREET = "street"
    ROOM = "room"


@dataclass(frozen=True, kw_only=True, eq=False)
class DrawnGround:
    """pixels: opaque RGB in [-1, 1]. floor: where things that stand may stand, y of the top edge.

    None where nothing stands (in the sky).
    """

    pixels: Float[Tensor, "3 S S"]
    floor: float | None


class Canvas:
    """Shapes are laid over each other on it."""

    def __init__(self, size: int, chance: random.Random) -> None:
        self.size = size
        self.chance = chance
        middles = (np.arange(size, dtype=np.float32) + 0.5) / size
        self.x, self.y = middles[None, :], middles[:, None]
        self.pixels: Array = np.zeros((3, size, size), dtype=np.float32)

    def fade(self, above: Rgb, below: Rgb, top: float = 0.0, bottom: float = 1.0) -> None:
        """One colour going over into another from top to bottom."""
        share = np.clip((self.y - top) / (bottom - top), 0.0, 1.0)
        first, last = (np.array(c, dtype=np.float32)[:, None, None] for c in (above, below))
        self.pixels = (first + share * (last - first)) * np.ones_like(self.pixels)

    def lay(self, inside: Array, colour: Rgb, opacity: float = 1.0) -> None:
        """A shape. inside: distance to its edge in parts of the side, above 0 within."""
        share = opacity * np.clip(inside * self.size / SOFT + 0.5, 0.0, 1.0)
        ink = np.array(colour, dtype=np.float32)[:, None, None]
        self.pixels = self.pixels + share * (ink - self.pixels)

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

    def tensor(self) -> Float[Tensor, "3 S S"]:
        return torch.from_numpy(self.pixels.clip(0.0, 1.0) * 2.0 - 1.0)


def draw_ground(
    place: Place, size: int, chance: random.Random, colour: Colour | None = None
) -> DrawnGround:
    """A ground of so many pixels a side. colour: of a plain one; by chance if None."""
    canvas = Canvas(size, chance)
    if place is Place.PLAIN:
        plain = chance.choice(list(Colour)) if colour is None else colour
        flat = varied(rgb_of(TARGETS[plain]), chance, 0.025)
        canvas.fade(flat, flat)
        return DrawnGround(pixels=canvas.tensor(), floor=None)
    return DrawnGround(floor=DRAWERS[place](canvas), pixels=canvas.tensor())


def varied(colour: Rgb, chance: random.Random, most: float = 0.05) -> Rgb:
    """A colour a little lighter, darker or otherwise."""
    light = chance.uniform(-most, most)
    red, green, blue = (
        min(max(value + light + chance.uniform(-most, most) / 2, 0.0), 1.0) for value in colour
    )
    return red, green, blue


def _blue_sky(canvas: Canvas, down_to: float, clouds: int) -> None:
    chance = canvas.chance
    canvas.fade(
        varied((0.36, 0.65, 0.93), chance), varied((0.74, 0.89, 0.98), chance), 0.0, down_to
    )
    for _ in range(clouds):
        _cloud(canvas, chance.random(), chance.uniform(0.04, 0.75 * down_to), down_to)


def _cloud(canvas: Canvas, x: float, y: float, scale: float) -> None:
    chance = canvas.chance
    width = scale * chance.uniform(0.08, 0.16)
    for _ in range(chance.randint(2, 4)):
        aside, up = chance.uniform(-1, 1) * width, chance.uniform(-0.3, 0.15) * width
        broad = width * chance.uniform(0.6, 1.0)
        canvas.lay(canvas.oval(x + aside, y + up, broad, 0.55 * broad), (0.98, 0.99, 1.0), 0.95)


def _sky(canvas: Canvas) -> None:
    _blue_sky(canvas, 1.0, canvas.chance.randint(2, 5))


def _sea(canvas: Canvas) -> float:
    chance = canvas.chance
    horizon = chance.uniform(0.3, 0.5)
    _blue_sky(canvas, horizon, chance.randint(0, 2))
    _water(canvas, horizon, 1.0)
    return horizon + 0.12


def _water(canvas: Canvas, top: float, bottom: float) -> None:
    chance = canvas.chance
    deep = varied((0.08, 0.42, 0.72), chance)
    canvas.lay(canvas.below(top), deep)
    bands = chance.randint(2, 4)
    for band in range(1, bands + 1):
        y = top + (bottom - top) * band / (bands + 1)
        length = chance.uniform(0.12, 0.3)
        lighter = tuple(min(1.0, value + 0.05 * band) for value in deep)
        waves = [(0.012, length, chance.random())]
        canvas.lay(canvas.below(y, waves), (lighter[0], lighter[1], lighter[2]))


def _beach(canvas: Canvas) -> float:
    chance = canvas.chance
    horizon = chance.uniform(0.25, 0.4)
    shore = chance.uniform(0.5, 0.62)
    _blue_sky(canvas, horizon, chance.randint(0, 2))
    _water(canvas, horizon, shore)
    sand = varied((0.95, 0.85, 0.62), chance)
    slope = [(0.02, chance.uniform(0.6, 1.6), chance.random())]
    canvas.lay(canvas.below(shore - 0.02, slope), (0.93, 0.98, 1.0))
    canvas.lay(canvas.below(shore, slope), sand)
    _dots(canvas, shore + 0.06, tuple(0.9 * value for value in sand), chance.randint(4, 10))
    return shore + 0.04


def _grass(canvas: Canvas) -> float:
    chance = canvas.chance
    horizon = chance.uniform(0.38, 0.58)
    _blue_sky(canvas, horizon, chance.randint(0, 3))
    green = varied((0.42, 0.72, 0.3), chance)
    if chance.random() < 0.5:
        far = (0.85 * green[0], 0.9 * green[1], 0.95 * green[2])
        canvas.lay(canvas.hills(horizon - 0.03, 0.03), far)
    canvas.lay(canvas.hills(horizon + 0.03, 0.02), green)
    for _ in range(chance.randint(5, 14)):
        x, y = chance.random(), chance.uniform(horizon + 0.12, 1.0)
        dark = (0.8 * green[0], 0.86 * green[1], 0.8 * green[2])
        for aside in (-0.012, 0.0, 0.012):
            canvas.lay(canvas.triangle(x + aside, y - 0.03 + abs(aside), y, 0.007), dark)
    return horizon + 0.1


def _snow(canvas: Canvas) -> float:
    chance = canvas.chance
    horizon = chance.uniform(0.4, 0.58)
    canvas.fade(
        varied((0.62, 0.76, 0.88), chance), varied((0.84, 0.91, 0.96), chance), 0.0, horizon
    )
    canvas.lay(canvas.hills(horizon - 0.02, 0.03), varied((0.82, 0.89, 0.95), chance, 0.02))
    canvas.lay(canvas.hills(horizon + 0.05, 0.025), varied((0.93, 0.96, 0.99), chance, 0.015))
    for _ in range(chance.randint(15, 40)):
        around = chance.uniform(0.004, 0.012)
        canvas.lay(canvas.oval(chance.random(), chance.random(), around, around), (1.0, 1.0, 1.0))
    return horizon + 0.12


def _desert(canvas: Canvas) -> float:
    chance = canvas.chance
    horizon = chance.uniform(0.4, 0.56)
    canvas.fade(varied((0.5, 0.74, 0.92), chance), varied((0.98, 0.9, 0.74), chance), 0.0, horizon)
    if chance.random() < 0.6:
        around = chance.uniform(0.05, 0.09)
        x, y = chance.uniform(0.1, 0.9), chance.uniform(0.1, horizon - 0.1)
        canvas.lay(canvas.oval(x, y, around, around), (1.0, 0.93, 0.6))
    sand = varied((0.93, 0.73, 0.42), chance)
    for layer in range(3):
        shade = 0.86 + 0.07 * layer
        dune = canvas.hills(horizon + 0.09 * layer, 0.05)
        canvas.lay(dune, (shade * sand[0], shade * sand[1], shade * sand[2]))
    return horizon + 0.16


def _night(canvas: Canvas) -> None:
    chance = canvas.chance
    canvas.fade(varied((0.04, 0.05, 0.16), chance, 0.03), varied((0.12, 0.13, 0.34), chance, 0.04))
    for _ in range(chance.randint(25, 60)):
        around = chance.uniform(0.003, 0.009)
        star = (1.0, 0.97, chance.uniform(0.75, 1.0))
        canvas.lay(
            canvas.oval(chance.random(), chance.random(), around, around),
            star,
            chance.uniform(0.5, 1.0),
        )


def _forest(canvas: Canvas) -> float:
    chance = canvas.chance
    floor = chance.uniform(0.6, 0.72)
    canvas.fade(varied((0.7, 0.86, 0.8), chance), varied((0.5, 0.72, 0.6), chance), 0.0, floor)
    for shade in (0.75, 0.6):
        count = chance.randint(4, 7)
        for tree in range(count):
            x = (tree + chance.uniform(0.1, 0.9)) / count
            _tree(canvas, x, floor + 0.03, chance.uniform(0.35, 0.65), shade)
    canvas.lay(canvas.hills(floor, 0.015), varied((0.33, 0.5, 0.24), chance))
    return floor + 0.05


def _tree(canvas: Canvas, x: float, foot: float, height: float, shade: float) -> None:
    """A fir, or a tree with a round crown."""
    chance = canvas.chance
    half = height * chance.uniform(0.18, 0.26)
    green = varied((0.3 * shade, 0.72 * shade, 0.38 * shade), chance)
    canvas.lay(
        canvas.box(x - 0.016, foot - 0.3 * height, x + 0.016, foot),
        (0.5 * shade, 0.34 * shade, 0.22 * shade),
    )
    if chance.random() < 0.7:
        for part in range(3):
            top = foot - height * (1.0 - 0.22 * part)
            bottom = foot - height * (0.62 - 0.22 * part)
            canvas.lay(canvas.triangle(x, top, bottom, half * (0.6 + 0.2 * part)), green)
    else:
        canvas.lay(canvas.oval(x, foot - 0.65 * height, 1.1 * half, 0.35 * height), green)


def _street(canvas: Canvas) -> float:
    chance = canvas.chance
    pavement = chance.uniform(0.55, 0.64)
    _blue_sky(canvas, pavement, chance.randint(0, 2))
    left = -0.05
    while left < 1.0:
        width = chance.uniform(0.16, 0.3)
        _building(canvas, left, left + width, pavement)
        left += width
    canvas.lay(canvas.below(pavement), varied((0.74, 0.74, 0.75), chance, 0.03))
    road = pavement + 0.09
    canvas.lay(canvas.below(road), varied((0.36, 0.37, 0.4), chance, 0.03))
    middle, start = (road + 1.0) / 2 + 0.02, chance.random() * 0.2
    for dash in range(6):
        from_left = start + 0.2 * dash - 0.2
        canvas.lay(canvas.box(from_left, middle, from_left + 0.1, middle + 0.02), (0.96, 0.95, 0.9))
    return road + 0.04


def _building(canvas: Canvas, left: float, right: float, foot: float) -> None:
    chance = canvas.chance
    walls = ((0.85, 0.6, 0.5), (0.9, 0.8, 0.62), (0.6, 0.68, 0.78), (0.78, 0.66, 0.72))
    top = foot - chance.uniform(0.2, 0.48)
    canvas.lay(canvas.box(left, top, right, foot), varied(chance.choice(walls), chance))
    glass = varied((0.78, 0.88, 0.95), chance)
    columns = max(1, int((right - left) / 0.09))
    rows = max(1, int((foot - top) / 0.11))
    for row in range(rows):
        for column in range(columns):
            x = left + (right - left) * (column + 0.5) / columns
            y = top + (foot - top) * (row + 0.5) / rows
            canvas.lay(canvas.box(x - 0.02, y - 0.026, x + 0.02, y + 0.026), glass)


def _room(canvas: Canvas) -> float:
    chance = canvas.chance
    edge = chance.uniform(0.6, 0.7)
    papers = ((0.93, 0.87, 0.78), (0.8, 0.88, 0.86), (0.9, 0.82, 0.84), (0.83, 0.85, 0.93))
    wall = varied(chance.choice(papers), chance)
    canvas.fade(wall, wall)
    x, y = chance.choice((0.2, 0.5, 0.8)) + chance.uniform(-0.06, 0.06), chance.uniform(0.2, 0.28)
    if chance.random() < 0.6:
        _window(canvas, x, y)
    else:
        frame = varied((0.5, 0.35, 0.24), chance)
        canvas.lay(canvas.box(x - 0.11, y - 0.09, x + 0.11, y + 0.09), frame)
        within = varied(chance.choice(papers), chance, 0.12)
        canvas.lay(canvas.box(x - 0.09, y - 0.07, x + 0.09, y + 0.07), within)
    boards = varied((0.7, 0.5, 0.34), chance)
    canvas.lay(canvas.below(edge), boards)
    dark = (0.88 * boards[0], 0.88 * boards[1], 0.88 * boards[2])
    for line in range(1, 4):
        y = edge + (1.0 - edge) * (line / 4) ** 1.3
        canvas.lay(canvas.box(0.0, y, 1.0, y + 0.008), dark)
    canvas.lay(canvas.box(-0.1, edge - 0.03, 1.1, edge), (0.97, 0.96, 0.94))
    return edge + 0.06


def _window(canvas: Canvas, x: float, y: float) -> None:
    canvas.lay(canvas.box(x - 0.13, y - 0.14, x + 0.13, y + 0.14), (0.97, 0.96, 0.94))
    glass = varied((0.68, 0.86, 0.97), canvas.chance)
    for aside in (-0.062, 0.062):
        for up in (-0.066, 0.066):
            canvas.lay(
                canvas.box(x + aside - 0.05, y + up - 0.054, x + aside + 0.05, y + up + 0.054),
                glass,
            )


def _dots(canvas: Canvas, top: float, colour: Sequence[float], count: int) -> None:
    chance = canvas.chance
    for _ in range(count):
        x, y = chance.random(), chance.uniform(top, 1.0)
        ink = (colour[0], colour[1], colour[2])
        canvas.lay(canvas.oval(x, y, 0.012, 0.006), ink)


DRAWERS: dict[Place, Callable[[Canvas], float | None]] = {
    Place.SKY: _sky,
    Place.SEA: _sea,
    Place.BEACH: _beach,
    Place.GRASS: _grass,
    Place.SNOW: _snow,
    Place.DESERT: _desert,
    Place.NIGHT: _night,
    Place.FOREST: _forest,
    Place.STREET: _street,
    Place.ROOM: _room,
}
FLOORED = frozenset(Place) - {Place.PLAIN, Place.SKY, Place.NIGHT}  # on which things stand
