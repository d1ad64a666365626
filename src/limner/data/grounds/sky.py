"""Skies: by day, at sunset, at night, and what is beyond."""

from __future__ import annotations

import numpy as np

from limner.data.grounds.canvas import Canvas, Light, Rgb, shaded, varied


def sky(canvas: Canvas) -> None:
    blue_sky(canvas, 1.0, canvas.chance.randint(2, 5))


def blue_sky(canvas: Canvas, down_to: float, clouds: int) -> None:
    """What is over a place, with clouds by day."""
    chance = canvas.chance
    above, below = varied((0.36, 0.65, 0.93), chance), varied((0.74, 0.89, 0.98), chance)
    heaven(canvas, above, below, down_to)
    if canvas.light is not Light.DAY:
        return
    for _ in range(clouds):
        cloud(canvas, chance.random(), chance.uniform(0.04, 0.75 * down_to), down_to)


def cloud(canvas: Canvas, x: float, y: float, scale: float) -> None:
    chance = canvas.chance
    width = scale * chance.uniform(0.08, 0.16)
    for _ in range(chance.randint(2, 4)):
        aside, up = chance.uniform(-1, 1) * width, chance.uniform(-0.3, 0.15) * width
        broad = width * chance.uniform(0.6, 1.0)
        canvas.lay(canvas.oval(x + aside, y + up, broad, 0.55 * broad), (0.98, 0.99, 1.0), 0.95)


def heaven(canvas: Canvas, above: Rgb, below: Rgb, down_to: float) -> None:
    """The sky down to there: in these colours by day, with a low sun or with stars otherwise."""
    match canvas.light:
        case Light.DAY:
            canvas.fade(above, below, 0.0, down_to)
        case Light.SUNSET:
            _low_sun(canvas, down_to)
        case Light.NIGHT:
            _dark(canvas, down_to)
            stars(canvas, 40, down_to)
            x, y = canvas.chance.uniform(0.15, 0.85), canvas.chance.uniform(0.08, 0.2)
            canvas.lay(canvas.oval(x, y, 0.05, 0.05), (0.97, 0.95, 0.82), glows=True)


def _dark(canvas: Canvas, down_to: float = 1.0) -> None:
    chance = canvas.chance
    above, below = (
        varied((0.04, 0.05, 0.16), chance, 0.03),
        varied((0.12, 0.13, 0.34), chance, 0.04),
    )
    canvas.fade(above, below, 0.0, down_to, glows=True)


def _low_sun(canvas: Canvas, horizon: float) -> None:
    """The sun between long clouds."""
    chance = canvas.chance
    above, below = varied((0.38, 0.3, 0.58), chance), varied((1.0, 0.66, 0.36), chance)
    canvas.fade(above, below, 0.0, horizon, glows=True)
    x, y, around = chance.uniform(0.2, 0.8), horizon - chance.uniform(0.0, 0.12), 0.1
    for glow, opacity in ((2.2, 0.18), (1.5, 0.25), (1.0, 1.0)):
        halo = canvas.oval(x, y, glow * around, glow * around)
        canvas.lay(halo, (1.0, 0.88, 0.55), opacity, glows=True)
    for _ in range(chance.randint(3, 6)):
        height, width = chance.uniform(0.2, 0.85) * horizon, chance.uniform(0.12, 0.3)
        band = canvas.oval(chance.random(), height, width, 0.016)
        canvas.lay(band, varied((0.96, 0.52, 0.46), chance), 0.7, glows=True)


def sunset(canvas: Canvas) -> float:
    """A low sun over dark hills."""
    chance = canvas.chance
    horizon = chance.uniform(0.58, 0.68)
    _low_sun(canvas, horizon)
    land = varied((0.34, 0.22, 0.36), chance)
    canvas.lay(canvas.hills(horizon, 0.03), land)
    canvas.lay(canvas.hills(horizon + 0.1, 0.02), shaded(land, 0.75))
    return horizon + 0.14


def night(canvas: Canvas) -> None:
    _dark(canvas)
    stars(canvas, canvas.chance.randint(25, 60))


def stars(canvas: Canvas, count: int, down_to: float = 1.0) -> None:
    chance = canvas.chance
    for _ in range(count):
        around = chance.uniform(0.003, 0.009)
        star = (1.0, 0.97, chance.uniform(0.75, 1.0))
        point = canvas.oval(chance.random(), down_to * chance.random(), around, around)
        canvas.lay(point, star, chance.uniform(0.5, 1.0), glows=True)


def space(canvas: Canvas) -> None:
    """Stars, clouds of light and one or two planets."""
    chance = canvas.chance
    canvas.fade(varied((0.05, 0.03, 0.14), chance, 0.03), varied((0.13, 0.06, 0.26), chance, 0.04))
    light = varied(chance.choice(((0.5, 0.24, 0.62), (0.2, 0.4, 0.66), (0.66, 0.26, 0.44))), chance)
    for _ in range(8):
        x, y = chance.random(), chance.uniform(0.2, 0.8)
        wide = chance.uniform(0.15, 0.35)
        canvas.lay(canvas.oval(x, y, wide, 0.4 * wide), light, 0.12)
    stars(canvas, chance.randint(30, 60))
    for x in chance.sample((0.15, 0.5, 0.85), chance.randint(1, 2)):
        around = chance.uniform(0.05, 0.11)
        _planet(canvas, x, chance.choice((0.14, 0.86)), around)


def _planet(canvas: Canvas, x: float, y: float, around: float) -> None:
    chance = canvas.chance
    colours: tuple[Rgb, ...] = ((0.9, 0.6, 0.36), (0.44, 0.66, 0.86), (0.84, 0.46, 0.42))
    colour = varied(chance.choice(colours), chance)
    ball = canvas.oval(x, y, around, around)
    if chance.random() < 0.5:
        canvas.lay(canvas.oval(x, y, 1.8 * around, 0.4 * around), shaded(colour, 1.25), 0.8)
    canvas.lay(ball, colour)
    for height in (-0.35, 0.3):
        band = canvas.oval(x, y + height * around, 1.5 * around, 0.13 * around)
        canvas.lay(np.minimum(ball, band), shaded(colour, 0.82))


def moon(canvas: Canvas) -> float:
    """Grey ground with craters, and the earth in a black sky."""
    chance = canvas.chance
    canvas.fade((0.02, 0.02, 0.05), (0.05, 0.05, 0.1))
    stars(canvas, chance.randint(30, 60))
    x, y, around = chance.choice((0.16, 0.84)), chance.uniform(0.12, 0.2), chance.uniform(0.07, 0.1)
    earth = canvas.oval(x, y, around, around)
    canvas.lay(earth, (0.25, 0.52, 0.86))
    for aside, up in ((-0.4, -0.3), (0.35, 0.1), (-0.2, 0.55)):
        land = canvas.oval(x + aside * around, y + up * around, 0.4 * around, 0.28 * around)
        canvas.lay(np.minimum(earth, land), (0.4, 0.66, 0.36))
    horizon = chance.uniform(0.6, 0.68)
    dust = varied((0.66, 0.66, 0.69), chance, 0.03)
    canvas.lay(canvas.hills(horizon, 0.015), dust)
    for _ in range(chance.randint(5, 9)):
        x, y = chance.random(), chance.uniform(horizon + 0.06, 0.97)
        width = 0.02 + 0.2 * (y - horizon) * chance.uniform(0.5, 1.0)
        canvas.lay(canvas.oval(x, y, width, 0.3 * width), shaded(dust, 0.8))
        canvas.lay(canvas.oval(x, y + 0.06 * width, 0.9 * width, 0.22 * width), shaded(dust, 0.9))
    return horizon + 0.1
