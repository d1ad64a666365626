"""Weather and seasons: rain, fog, autumn."""

from __future__ import annotations

from limner.data.grounds.canvas import Canvas, Rgb, shaded, varied
from limner.data.grounds.sky import heaven


def rain(canvas: Canvas) -> float:
    """Dark clouds, slanting drops, puddles."""
    chance = canvas.chance
    horizon = chance.uniform(0.55, 0.65)
    canvas.fade(varied((0.4, 0.46, 0.55), chance), varied((0.66, 0.72, 0.78), chance), 0.0, horizon)
    for _ in range(7):
        x, y, width = chance.random(), chance.uniform(-0.02, 0.1), chance.uniform(0.12, 0.24)
        cloud = canvas.oval(x, y, width, 0.4 * width)
        canvas.lay(cloud, varied((0.34, 0.38, 0.46), chance), 0.85)
    meadow = varied((0.38, 0.52, 0.42), chance)
    canvas.lay(canvas.hills(horizon, 0.02), meadow)
    for _ in range(chance.randint(2, 4)):
        x, y, width = (
            chance.random(),
            chance.uniform(horizon + 0.14, 0.95),
            chance.uniform(0.08, 0.18),
        )
        canvas.lay(canvas.oval(x, y, width, 0.22 * width), (0.58, 0.68, 0.78), 0.9)
    for column in range(48):
        x, y = (column + chance.random()) / 44, chance.random()
        drop = canvas.line((x, y), (x - 0.02, y + 0.07), 0.003)
        canvas.lay(drop, (0.82, 0.9, 0.98), 0.8)
    return horizon + 0.1


def fog(canvas: Canvas) -> float:
    """Hills and trees, the farther the paler."""
    chance = canvas.chance
    pale, near = varied((0.86, 0.89, 0.91), chance, 0.03), varied((0.4, 0.5, 0.5), chance)
    canvas.fade(pale, shaded(pale, 0.96))
    for layer in range(4):
        share = (layer + 1) / 5
        height = 0.36 + 0.11 * layer
        ink: Rgb = (
            pale[0] + share * (near[0] - pale[0]),
            pale[1] + share * (near[1] - pale[1]),
            pale[2] + share * (near[2] - pale[2]),
        )
        for _ in range(chance.randint(2, 4)):
            x, tall = chance.random(), chance.uniform(0.1, 0.2)
            canvas.lay(canvas.triangle(x, height - tall, height + 0.04, 0.25 * tall), ink)
        canvas.lay(canvas.hills(height, 0.025), ink)
        canvas.lay(canvas.box(-0.1, height + 0.05, 1.1, height + 0.1), pale, 0.25)
    return 0.76


def autumn(canvas: Canvas) -> float:
    """Trees in red and yellow, leaves in the air and on the grass."""
    chance = canvas.chance
    floor = chance.uniform(0.62, 0.7)
    heaven(canvas, varied((0.66, 0.82, 0.92), chance), varied((0.97, 0.9, 0.76), chance), floor)
    leaves: tuple[Rgb, ...] = ((0.88, 0.45, 0.16), (0.94, 0.7, 0.2), (0.76, 0.26, 0.17))
    for shade in (0.9, 1.0):
        for place in range(4):
            x = (place + chance.uniform(0.1, 0.9)) / 4
            tall, colour = chance.uniform(0.35, 0.55), shaded(chance.choice(leaves), shade)
            _leafy(canvas, x, floor + 0.03, tall, colour)
    canvas.lay(canvas.hills(floor, 0.015), varied((0.72, 0.6, 0.3), chance))
    for _ in range(30):
        x, y = chance.random(), chance.uniform(0.1, 0.98)
        canvas.lay(canvas.oval(x, y, 0.014, 0.008), varied(chance.choice(leaves), chance))
    return floor + 0.06


def _leafy(canvas: Canvas, x: float, foot: float, height: float, leaves: Rgb) -> None:
    """A tree with three round crowns."""
    chance = canvas.chance
    bark = varied((0.42, 0.29, 0.2), chance)
    canvas.lay(canvas.line((x, foot), (x, foot - 0.5 * height), 0.014), bark)
    for aside, up in ((-0.13, 0.55), (0.13, 0.6), (0.0, 0.76)):
        crown = canvas.oval(x + aside * height, foot - up * height, 0.2 * height, 0.2 * height)
        canvas.lay(crown, varied(leaves, chance))
