"""The sea, its beach, and what is below."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from limner.data.grounds.canvas import Canvas, shaded, varied
from limner.data.grounds.sky import blue_sky


def sea(canvas: Canvas) -> float:
    chance = canvas.chance
    horizon = chance.uniform(0.3, 0.5)
    blue_sky(canvas, horizon, chance.randint(0, 2))
    water(canvas, horizon, 1.0)
    return horizon + 0.12


def water(canvas: Canvas, top: float, bottom: float) -> None:
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


def beach(canvas: Canvas) -> float:
    chance = canvas.chance
    horizon = chance.uniform(0.25, 0.4)
    shore = chance.uniform(0.5, 0.62)
    blue_sky(canvas, horizon, chance.randint(0, 2))
    water(canvas, horizon, shore)
    sand = varied((0.95, 0.85, 0.62), chance)
    slope = [(0.02, chance.uniform(0.6, 1.6), chance.random())]
    canvas.lay(canvas.below(shore - 0.02, slope), (0.93, 0.98, 1.0))
    canvas.lay(canvas.below(shore, slope), sand)
    dots(canvas, shore + 0.06, tuple(0.9 * value for value in sand), chance.randint(4, 10))
    return shore + 0.04


def dots(canvas: Canvas, top: float, colour: Sequence[float], count: int) -> None:
    chance = canvas.chance
    for _ in range(count):
        x, y = chance.random(), chance.uniform(top, 1.0)
        ink = (colour[0], colour[1], colour[2])
        canvas.lay(canvas.oval(x, y, 0.012, 0.006), ink)


def underwater(canvas: Canvas) -> None:
    """Rays of light from above, sand, weeds and bubbles."""
    chance = canvas.chance
    canvas.fade(varied((0.4, 0.78, 0.9), chance), varied((0.04, 0.26, 0.52), chance))
    for _ in range(chance.randint(3, 5)):
        x, half = chance.random(), chance.uniform(0.02, 0.05)
        canvas.lay(canvas.line((x, -0.1), (x - 0.25, 0.8), half), (0.85, 0.97, 1.0), 0.14)
    bed = chance.uniform(0.84, 0.9)
    for _ in range(chance.randint(4, 7)):
        _weed(canvas, chance.random(), bed + 0.05, chance.uniform(0.12, 0.3))
    sand = varied((0.78, 0.72, 0.52), chance)
    canvas.lay(canvas.hills(bed, 0.02), sand)
    dots(canvas, bed + 0.06, shaded(sand, 0.88), chance.randint(4, 8))
    for _ in range(chance.randint(8, 16)):
        x, y, around = chance.random(), chance.uniform(0.05, 0.8), chance.uniform(0.006, 0.016)
        canvas.lay(canvas.oval(x, y, around, around), (0.9, 0.98, 1.0), 0.5)


def _weed(canvas: Canvas, x: float, foot: float, height: float) -> None:
    chance = canvas.chance
    green = varied((0.12, 0.5, 0.38), chance, 0.08)
    bend, length, shift = chance.uniform(0.01, 0.02), chance.uniform(0.12, 0.2), chance.random()
    middle = x + bend * np.sin(2 * np.pi * (canvas.y / length + shift))
    narrow = 0.016 * np.clip((canvas.y - (foot - height)) / height, 0.0, 1.0)
    stalk = np.minimum(narrow - np.abs(canvas.x - middle), canvas.y - (foot - height))
    canvas.lay(stalk.astype(np.float32), green)
