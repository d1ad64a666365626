"""What people built: a street, a city, a room, a table."""

from __future__ import annotations

import numpy as np

from limner.data.grounds.canvas import Canvas, Light, Rgb, shaded, varied
from limner.data.grounds.sky import blue_sky

PAPERS: tuple[Rgb, ...] = (
    (0.93, 0.87, 0.78),
    (0.8, 0.88, 0.86),
    (0.9, 0.82, 0.84),
    (0.83, 0.85, 0.93),
)  # on walls


def street(canvas: Canvas) -> float:
    chance = canvas.chance
    pavement = chance.uniform(0.55, 0.64)
    blue_sky(canvas, pavement, chance.randint(0, 2))
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
            pane = canvas.box(x - 0.02, y - 0.026, x + 0.02, y + 0.026)
            canvas.lay(pane, _pane(canvas, glass), glows=canvas.light is not Light.DAY)


def _pane(canvas: Canvas, glass: Rgb) -> Rgb:
    """A window by day; in the evening there is light behind it."""
    return glass if canvas.light is Light.DAY else (1.0, 0.84, 0.5)


def room(canvas: Canvas) -> float:
    chance = canvas.chance
    edge = chance.uniform(0.6, 0.7)
    wall = varied(chance.choice(PAPERS), chance)
    canvas.fade(wall, wall)
    x, y = chance.choice((0.2, 0.5, 0.8)) + chance.uniform(-0.06, 0.06), chance.uniform(0.2, 0.28)
    if chance.random() < 0.6:
        _window(canvas, x, y)
    else:
        frame = varied((0.5, 0.35, 0.24), chance)
        canvas.lay(canvas.box(x - 0.11, y - 0.09, x + 0.11, y + 0.09), frame)
        within = varied(chance.choice(PAPERS), chance, 0.12)
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


def city(canvas: Canvas) -> float:
    """A skyline, the far towers paler, behind a square."""
    chance = canvas.chance
    foot = chance.uniform(0.66, 0.72)
    blue_sky(canvas, foot, chance.randint(1, 3))
    steel = varied((0.42, 0.5, 0.64), chance)
    for low, high, light, lit in ((0.35, 0.6, 1.45, False), (0.2, 0.5, 1.0, True)):
        left = -chance.uniform(0.0, 0.1)
        while left < 1.0:
            width = chance.uniform(0.09, 0.16)
            top = foot - chance.uniform(low, high)
            _tower(canvas, (left, top, left + width, foot), shaded(steel, light), lit=lit)
            left += width + chance.choice((0.0, 0.015, 0.04))
    canvas.lay(canvas.below(foot), varied((0.72, 0.72, 0.74), chance, 0.03))
    canvas.lay(canvas.below(foot + 0.02), varied((0.8, 0.79, 0.77), chance, 0.03))
    return foot + 0.06


def _tower(
    canvas: Canvas, box: tuple[float, float, float, float], walls: Rgb, *, lit: bool
) -> None:
    """lit: with rows of windows."""
    left, top, right, foot = box
    colour = varied(walls, canvas.chance, 0.06)
    canvas.lay(canvas.box(left, top, right, foot), colour)
    if canvas.chance.random() < 0.3:
        middle = (left + right) / 2
        canvas.lay(canvas.line((middle, top - 0.06), (middle, top), 0.004), colour)
    if lit:
        rows = np.abs((canvas.y - top) / 0.045 % 1.0 - 0.5) * 0.045
        columns = np.abs((canvas.x - left) / 0.03 % 1.0 - 0.5) * 0.03
        panes = np.minimum(0.011 - rows, 0.008 - columns)
        within = canvas.box(left + 0.01, top + 0.02, right - 0.01, foot - 0.02)
        glass = _pane(canvas, shaded(colour, 1.5))
        shape, dark = np.minimum(panes, within).astype(np.float32), canvas.light is not Light.DAY
        canvas.lay(shape, glass, 0.8, glows=dark)


def table(canvas: Canvas) -> float:
    """A wooden table before a wall."""
    chance = canvas.chance
    wall = varied(chance.choice(PAPERS), chance)
    canvas.fade(shaded(wall, 1.03), shaded(wall, 0.94))
    if chance.random() < 0.6:
        _window(canvas, chance.choice((0.2, 0.8)), chance.uniform(0.2, 0.28))
    edge = chance.uniform(0.62, 0.7)
    wood = varied((0.74, 0.52, 0.33), chance)
    canvas.lay(canvas.below(edge), wood)
    for _ in range(chance.randint(4, 7)):
        x, y, width = chance.random(), chance.uniform(edge + 0.03, 0.86), chance.uniform(0.1, 0.3)
        canvas.lay(canvas.oval(x, y, width, 0.004), shaded(wood, 0.9))
    canvas.lay(canvas.below(0.9), shaded(wood, 0.82))
    canvas.lay(canvas.below(0.97), shaded(wood, 0.5))
    return edge + 0.08
