"""Land: grass, a garden, mountains, snow, a desert, a forest."""

from __future__ import annotations

import numpy as np

from limner.data.grounds.canvas import Canvas, Light, Rgb, shaded, varied
from limner.data.grounds.sky import blue_sky, heaven


def grass(canvas: Canvas) -> float:
    chance = canvas.chance
    horizon = chance.uniform(0.38, 0.58)
    blue_sky(canvas, horizon, chance.randint(0, 3))
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


def snow(canvas: Canvas) -> float:
    chance = canvas.chance
    horizon = chance.uniform(0.4, 0.58)
    heaven(canvas, varied((0.62, 0.76, 0.88), chance), varied((0.84, 0.91, 0.96), chance), horizon)
    canvas.lay(canvas.hills(horizon - 0.02, 0.03), varied((0.82, 0.89, 0.95), chance, 0.02))
    canvas.lay(canvas.hills(horizon + 0.05, 0.025), varied((0.93, 0.96, 0.99), chance, 0.015))
    for _ in range(chance.randint(15, 40)):
        around = chance.uniform(0.004, 0.012)
        canvas.lay(canvas.oval(chance.random(), chance.random(), around, around), (1.0, 1.0, 1.0))
    return horizon + 0.12


def desert(canvas: Canvas) -> float:
    chance = canvas.chance
    horizon = chance.uniform(0.4, 0.56)
    heaven(canvas, varied((0.5, 0.74, 0.92), chance), varied((0.98, 0.9, 0.74), chance), horizon)
    if chance.random() < 0.6:
        around = chance.uniform(0.05, 0.09)
        x, y = chance.uniform(0.1, 0.9), chance.uniform(0.1, horizon - 0.1)
        if canvas.light is Light.DAY:
            canvas.lay(canvas.oval(x, y, around, around), (1.0, 0.93, 0.6))
    sand = varied((0.93, 0.73, 0.42), chance)
    for layer in range(3):
        shade = 0.86 + 0.07 * layer
        dune = canvas.hills(horizon + 0.09 * layer, 0.05)
        canvas.lay(dune, (shade * sand[0], shade * sand[1], shade * sand[2]))
    return horizon + 0.16


def forest(canvas: Canvas) -> float:
    chance = canvas.chance
    floor = chance.uniform(0.6, 0.72)
    heaven(canvas, varied((0.7, 0.86, 0.8), chance), varied((0.5, 0.72, 0.6), chance), floor)
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


def garden(canvas: Canvas) -> float:
    """Grass with flowers, the nearer ones larger."""
    floor = grass(canvas)
    chance = canvas.chance
    petals: tuple[Rgb, ...] = (
        (0.93, 0.3, 0.36),
        (0.98, 0.84, 0.3),
        (0.96, 0.6, 0.8),
        (0.97, 0.97, 0.99),
        (0.62, 0.45, 0.86),
    )
    for place in range(30):
        y = floor - 0.02 + (1.0 - floor) * ((place + chance.random()) / 30) ** 1.2
        _flower(canvas, chance.random(), y, 0.012 + 0.035 * (y - floor), chance.choice(petals))
    return floor


def _flower(canvas: Canvas, x: float, y: float, around: float, petals: Rgb) -> None:
    canvas.lay(canvas.line((x, y), (x, y + 4 * around), 0.35 * around), (0.24, 0.5, 0.22))
    across, down = np.abs(canvas.x - x), np.abs(canvas.y - y)
    far, aside = np.maximum(across, down) - around, np.minimum(across, down)
    canvas.lay((around - np.hypot(far, aside)).astype(np.float32), petals)  # four in one
    canvas.lay(canvas.oval(x, y, 0.8 * around, 0.8 * around), (0.96, 0.76, 0.24))


def mountains(canvas: Canvas) -> float:
    """A far range, a near one with snow on it, and a meadow before them."""
    chance = canvas.chance
    foot = chance.uniform(0.62, 0.7)
    blue_sky(canvas, foot, chance.randint(1, 3))
    rock = varied((0.5, 0.54, 0.64), chance)
    for count, height, shade in ((4, 0.34, 1.2), (3, 0.46, 1.0)):
        for peak in range(count):
            x = (peak + chance.uniform(0.2, 0.8)) / count
            _mountain(canvas, x, foot, height * chance.uniform(0.75, 1.1), shaded(rock, shade))
    green = varied((0.4, 0.66, 0.34), chance)
    canvas.lay(canvas.hills(foot - 0.02, 0.02), shaded(green, 0.85))
    canvas.lay(canvas.hills(foot + 0.06, 0.02), green)
    return foot + 0.12


def _mountain(canvas: Canvas, x: float, foot: float, height: float, rock: Rgb) -> None:
    """Lit from the left, white above a line of teeth."""
    half = height * canvas.chance.uniform(0.7, 0.9)
    shape = canvas.triangle(x, foot - height, foot + 0.05, half)
    canvas.lay(shape, rock)
    canvas.lay(np.minimum(shape, canvas.x - x), shaded(rock, 0.86))
    teeth = 0.02 * np.abs((canvas.x - x) / 0.05 % 2.0 - 1.0)
    snowline = foot - 0.68 * height + teeth - canvas.y
    canvas.lay(np.minimum(shape, snowline).astype(np.float32), (0.96, 0.97, 0.99))
