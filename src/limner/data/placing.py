"""Where the things of a composed picture go: boxes that keep what is said of them.

All in parts of the canvas' side: a box is (left, top, side) of a square. What is visible of a
picture is less than its square; its extent says how much, so that a thing stands on another and
not in the air above it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import UInt8
from torch import Tensor

from limner.language.scene import Relation, Size

SIDES = {Size.SMALL: 1 / 3, Size.PLAIN: 1 / 2, Size.BIG: 5 / 8}
ALONE = {Size.SMALL: (0.35, 0.5), Size.PLAIN: (0.62, 1.0), Size.BIG: (0.92, 1.0)}
FULL = 0.5  # share of the plain things alone that fill the canvas
JITTER = 0.1  # how far each of two things is off the line of both
GAP = 0.02  # between things that are not to touch
MOST_OPACITY = 128  # bytes from which a pixel counts as visible


@dataclass(frozen=True, kw_only=True)
class Spot:
    """The square of a thing."""

    left: float
    top: float
    side: float

    def pixels(self, size: int) -> tuple[int, int, int, int]:
        """Left, top, right, bottom on a canvas of so many pixels, a square within it."""
        side = min(size, max(1, round(self.side * size)))
        left = min(max(round(self.left * size), 0), size - side)
        top = min(max(round(self.top * size), 0), size - side)
        return left, top, left + side, top + side


@dataclass(frozen=True, kw_only=True)
class Extent:
    """The part of a picture's square in which something is visible, 0 to 1."""

    left: float = 0.0
    top: float = 0.0
    right: float = 1.0
    bottom: float = 1.0

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top


def extent_of(picture: UInt8[Tensor, "4 H W"]) -> Extent:
    """Of a picture with nothing visible the whole square."""
    visible = picture[3] >= MOST_OPACITY
    rows, columns = visible.any(1).nonzero()[:, 0], visible.any(0).nonzero()[:, 0]
    if len(rows) == 0:
        return Extent()
    height, width = visible.shape
    return Extent(
        left=int(columns[0]) / width,
        top=int(rows[0]) / height,
        right=(int(columns[-1]) + 1) / width,
        bottom=(int(rows[-1]) + 1) / height,
    )


def place_alone(
    size: Size, chance: random.Random, floor: float | None = None, *, full: float = FULL
) -> Spot:
    """One thing; where there is a floor its lower edge is on it. full: share that is as large as
    the canvas, of things of which no size is said.
    """
    least, most = ALONE[size]
    filling = size is Size.PLAIN and chance.random() < full
    side = 1.0 if filling else chance.uniform(least, most)
    left = chance.uniform(0.0, 1.0 - side)
    highest = 0.0 if floor is None else min(max(floor - side, 0.0), 1.0 - side)
    return Spot(left=left, top=chance.uniform(highest, 1.0 - side), side=side)


def place_apart(count: int, chance: random.Random, floor: float | None = None) -> list[Spot]:
    """Two to four things that do not touch, in a row, a column or a square, from left to right."""
    columns = chance.choice({2: (2, 2, 1), 3: (3, 2), 4: (2, 2, 4)}[count])
    rows = -(-count // columns)
    cell = 1.0 / max(columns, rows)
    side = cell * chance.uniform(0.8, 0.96)
    spare = 1.0 - cell * rows
    lift = 0.0 if floor is None else min(max(floor - cell, 0.0), spare)
    top = chance.uniform(lift, spare) if spare else 0.0
    spots = []
    for index in range(count):
        row, column = divmod(index, columns)
        in_row = min(columns, count - row * columns)
        start = (1.0 - cell * in_row) / 2
        spots.append(
            Spot(
                left=start + cell * column + chance.uniform(0.0, cell - side),
                top=top + cell * row + chance.uniform(0.0, cell - side),
                side=side,
            )
        )
    return spots


def place_pair(
    relation: Relation,
    sizes: tuple[Size, Size],
    extents: tuple[Extent, Extent],
    chance: random.Random,
) -> tuple[Spot, Spot]:
    """The first and the second of two things, of which the first is left of, on, ... the second.

    Which of them lies over the other is said by `lies_behind`.
    """
    if relation is Relation.AND:
        relation = chance.choice((Relation.LEFT, Relation.RIGHT, Relation.ABOVE, Relation.BELOW))
    if relation in MIRRORED:
        second, first = place_pair(MIRRORED[relation], sizes[::-1], extents[::-1], chance)
        return first, second
    sides = (SIDES[sizes[0]], SIDES[sizes[1]])
    if relation is Relation.ON:
        return _stacked(sides, extents, chance)
    if relation is Relation.IN_FRONT:
        return _overlapping(sides, extents, chance)
    near, far, spare = *sides, 1.0 - sum(sides)
    gaps = sorted(chance.uniform(0.0, max(spare - GAP, 0.0)) for _ in range(2))
    along = (gaps[0], gaps[1] + near + min(GAP, max(spare, 0.0)))
    across = [_middle(side, chance) for side in (near, far)]
    starts = zip(along, across, strict=True)
    if relation is Relation.ABOVE:
        first, second = (
            Spot(left=a, top=b, side=s) for (b, a), s in zip(starts, sides, strict=True)
        )
    else:
        first, second = (
            Spot(left=b, top=a, side=s) for (b, a), s in zip(starts, sides, strict=True)
        )
    return first, second


MIRRORED = {
    Relation.RIGHT: Relation.LEFT,
    Relation.BELOW: Relation.ABOVE,
    Relation.UNDER: Relation.ON,
    Relation.BEHIND: Relation.IN_FRONT,
}


def lies_behind(relation: Relation) -> bool:
    """Whether the first of two things is covered by the second where they overlap."""
    return relation in (Relation.BEHIND, Relation.UNDER)


def floor_of(spots: Sequence[Spot], floor: float | None) -> list[Spot]:
    """All moved down by as much as brings the lowest onto a floor; nothing leaves the canvas."""
    lowest = max(spot.top + spot.side for spot in spots)
    if floor is None or lowest >= floor:
        return list(spots)
    down = min(floor - lowest + 0.02, 1.0 - lowest)
    return [Spot(left=s.left, top=s.top + down, side=s.side) for s in spots]


def _stacked(
    sides: tuple[float, float], extents: tuple[Extent, Extent], chance: random.Random
) -> tuple[Spot, Spot]:
    """The first stands on the second: what is visible of them meets, and sinks in a little."""
    upper, lower = sides
    above, below = extents
    sink = chance.uniform(0.0, 0.06)
    height = upper * above.bottom + lower * (1.0 - below.top) - sink
    shrink = min(1.0, 1.0 / height)  # both together are to fit
    upper, lower, height, sink = (value * shrink for value in (upper, lower, height, sink))
    top = chance.uniform(0.0, max(1.0 - height, 0.0))
    meet = top + upper * above.bottom - sink
    left = _middle(lower, chance)
    aside = left + (lower - upper) / 2 + chance.uniform(-0.12, 0.12) * lower
    return (
        Spot(left=min(max(aside, 0.0), 1.0 - upper), top=top, side=upper),
        Spot(left=left, top=max(meet - lower * below.top, 0.0), side=lower),
    )


def _overlapping(
    sides: tuple[float, float], extents: tuple[Extent, Extent], chance: random.Random
) -> tuple[Spot, Spot]:
    """The first covers part of the second, lower and to one side; half is the most it covers."""
    front, back = sides
    wide = (front * extents[0].width, back * extents[1].width)
    shared = chance.uniform(0.35, 0.5) * min(wide)
    aside = chance.choice((-1, 1)) * (sum(wide) / 2 - shared)
    lower = chance.uniform(0.03, 0.15) * (front * extents[0].height + back * extents[1].height) / 2
    across = 0.5 + chance.uniform(-0.05, 0.05)
    middle = 0.5 + chance.uniform(-0.05, 0.05)
    first = _centred(front, extents[0], across + aside / 2, middle + lower / 2)
    second = _centred(back, extents[1], across - aside / 2, middle - lower / 2)
    return first, second


def _centred(side: float, extent: Extent, x: float, y: float) -> Spot:
    """What is visible of a thing has its middle here, as far as the canvas allows."""
    left = x - side * (extent.left + extent.right) / 2
    top = y - side * (extent.top + extent.bottom) / 2
    return Spot(left=min(max(left, 0.0), 1.0 - side), top=min(max(top, 0.0), 1.0 - side), side=side)


def _middle(side: float, chance: random.Random) -> float:
    """Where something starts that is about in the middle."""
    start = (1.0 - side) / 2 + chance.uniform(-JITTER, JITTER)
    return min(max(start, 0.0), 1.0 - side)
