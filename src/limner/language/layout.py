"""Scenes to boxes: where each thing stands, so that every relation that was said holds.

Things are placed one after the other, each by its relation to those that it is said of, in units
of a plain thing's side; what is in the way is moved aside. In the end all is fitted to a canvas.
Sizes and places vary with the seed; what a relation means is `holds`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from limner.language.scene import Relation, Scene, Size

SEVERAL = (2, 4)  # how many are drawn where no number is said, both included
SIDES = {Size.SMALL: (0.45, 0.6), Size.PLAIN: (0.8, 1.0), Size.BIG: (1.2, 1.5)}
GAP = 0.08  # between things that do not touch, at the least
LAPS = {  # the part of the nearer thing's height that lies over the other
    Relation.ON: (0.08, 0.2),
    Relation.UNDER: (0.08, 0.2),
    Relation.IN_FRONT: (0.35, 0.5),
    Relation.BEHIND: (0.35, 0.5),
}
INSIDE = (0.15, 0.3)  # room round what is in something, of its own side
WIDEST = 2.5  # width of what is under or behind a row, of its height
SQUEEZED = 1.5  # how much narrower than drawn a thing may be
ROW = 4  # more of one kind stand in several rows
ROOM, STEP, MOST = 128, 64, 256  # pixels a side: of one thing, of growth, of any canvas
TOLERANCE = 1e-9

APART = (Relation.LEFT, Relation.RIGHT, Relation.ABOVE, Relation.BELOW, Relation.AND, Relation.WITH)
COVERED = (Relation.UNDER, Relation.IN_FRONT)  # what comes next is above or further up
BESIDE = (Relation.LEFT, Relation.RIGHT, Relation.AND, Relation.WITH)


@dataclass(frozen=True, kw_only=True)
class Box:
    """Where one thing is: x, y of its upper left corner, width and height.

    In a `Layout` they are parts of the canvas, 0 to 1. thing: its index among the scene's things.
    order: what is drawn later, with a higher one, covers the rest.
    """

    x: float
    y: float
    width: float
    height: float
    thing: int = 0
    order: int = 0

    @property
    def right(self) -> float:
        """Where it ends to the right."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Where it ends below."""
        return self.y + self.height

    def moved(self, x: float, y: float) -> Box:
        """The box so much further to the right and down."""
        return replace(self, x=self.x + x, y=self.y + y)

    def scaled(self, across: float, down: float) -> Box:
        """The box on a canvas so many times as wide and as high."""
        return replace(
            self,
            x=self.x * across,
            y=self.y * down,
            width=self.width * across,
            height=self.height * down,
        )


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Boxes in the order in which they are drawn, on a canvas of (width, height) pixels."""

    boxes: tuple[Box, ...]
    size: tuple[int, int]

    def of(self, thing: int) -> tuple[Box, ...]:
        """The boxes of one of the scene's things."""
        return tuple(box for box in self.boxes if box.thing == thing)


def lay_out(scene: Scene, seed: int = 0) -> Layout:
    """Boxes for all of the scene's things, a canvas with room for them; the same for a seed.

    One thing has 128x128 pixels; several have up to 256x256.
    """
    chance = random.Random(seed)
    under_way = _UnderWay(scene, chance)
    for index in range(len(scene.things)):
        under_way.add(index)
    return _fitted(under_way.ordered(), chance)


def holds(relation: Relation, first: Sequence[Box], second: Sequence[Box]) -> bool:
    """Whether the first things are so to the second, each a thing's boxes.

    Left of, above: all of the one is before all of the other. On, under: one reaches into the
    other's edge and its middle is over or below it. In front, behind: they overlap, the nearer one
    is drawn later and reaches further down. In: inside. With, and: they do not touch.
    """
    a, b = around(first), around(second)
    later = min(box.order for box in first) > max(box.order for box in second)
    match relation:
        case Relation.LEFT:
            return a.right <= b.x + TOLERANCE
        case Relation.ABOVE:
            return a.bottom <= b.y + TOLERANCE
        case Relation.RIGHT | Relation.BELOW | Relation.BEHIND:
            return holds(OPPOSITE[relation], second, first)
        case Relation.ON:
            return later and _reaches(a, b) and _over_middle(a, b)
        case Relation.UNDER:
            return _reaches(b, a) and _over_middle(a, b)
        case Relation.IN_FRONT:
            return later and touch(a, b) and a.y > b.y and a.bottom > b.bottom
        case Relation.IN:
            inside = a.x > b.x and a.right < b.right and a.y > b.y and a.bottom < b.bottom
            return later and inside
        case _:
            return not any(touch(one, other) for one in first for other in second)


OPPOSITE = {
    Relation.RIGHT: Relation.LEFT,
    Relation.BELOW: Relation.ABOVE,
    Relation.BEHIND: Relation.IN_FRONT,
}


def around(boxes: Sequence[Box]) -> Box:
    """The smallest box round all of these."""
    x, y = min(box.x for box in boxes), min(box.y for box in boxes)
    right, bottom = max(box.right for box in boxes), max(box.bottom for box in boxes)
    return Box(x=x, y=y, width=right - x, height=bottom - y)


def touch(first: Box, second: Box) -> bool:
    """Whether two boxes have more than an edge in common."""
    wide = min(first.right, second.right) - max(first.x, second.x)
    high = min(first.bottom, second.bottom) - max(first.y, second.y)
    return wide > TOLERANCE and high > TOLERANCE


def _reaches(upper: Box, lower: Box) -> bool:
    """Whether the upper one ends within the upper half of the lower one, and begins above it."""
    return upper.y < lower.y < upper.bottom < lower.y + lower.height / 2


def _over_middle(box: Box, other: Box) -> bool:
    """Whether the other box is wide enough to have the middle of the box over or below it."""
    return other.x < box.x + box.width / 2 < other.right


@dataclass
class _UnderWay:
    """A layout under way: of each thing its boxes, in units, by its index."""

    scene: Scene
    chance: random.Random
    boxes: dict[int, list[Box]] = field(default_factory=dict)
    behind: list[int] = field(default_factory=list)  # things, the furthest first

    def add(self, index: int) -> None:
        """Place the next thing by what is said of it and those before."""
        block = self._block(index)
        said = [(first, r) for first, r, second in self.scene.placed if second == index]
        if not said:
            self.boxes[index] = block
            self.behind.append(index)
            return
        relation = said[0][1]
        group = [first for first, _ in said]
        if relation in APART:
            self._beside(index, block, group, relation)
        else:
            self._over(index, block, group, relation)

    def ordered(self) -> list[Box]:
        """All boxes, what is behind first."""
        rank = {thing: place for place, thing in enumerate(self.behind)}
        every = [box for boxes in self.boxes.values() for box in boxes]
        every.sort(key=lambda box: rank[box.thing])
        return [replace(box, order=place) for place, box in enumerate(every)]

    def _block(self, index: int) -> list[Box]:
        """As many boxes as there are things, in rows that end at one height."""
        thing, draw = self.scene.things[index], self.chance.uniform
        count = self.chance.randint(*SEVERAL) if thing.count is None else thing.count
        columns = count if count <= ROW else math.ceil(math.sqrt(count))
        cell = max(SIDES[thing.size]) / max(1.0, columns**0.5)
        scale = cell / max(SIDES[thing.size])
        boxes = list[Box]()
        for place in range(count):
            row, column = divmod(place, columns)
            side = scale * draw(*SIDES[thing.size])
            x = column * (cell + GAP) + draw(0, cell - side)
            boxes.append(
                Box(x=x, y=row * (cell + GAP) + cell - side, width=side, height=side, thing=index)
            )
        return boxes

    def _beside(self, index: int, block: list[Box], group: list[int], relation: Relation) -> None:
        """Next to all that is there, on the side that the relation says."""
        near, every, own = self._around(group), self._around(self.boxes), around(block)
        gap = GAP * self.chance.uniform(1, 3)
        if relation in BESIDE:
            leftmost = near.x <= every.x + TOLERANCE and near.right < every.right - TOLERANCE
            left = relation is Relation.RIGHT or (relation is not Relation.LEFT and leftmost)
            x = every.x - gap - own.right if left else every.right + gap - own.x
            level = own.y if self._covered(index) else own.bottom
            y = (near.y if self._covered(index) else near.bottom) - level
            row = replace(near, y=own.y + y, height=own.height)
            self._make_room(near, around([near, row]), index, group[0])
        else:
            x = near.x + near.width / 2 - own.x - own.width / 2
            down = relation is Relation.ABOVE
            y = every.bottom + gap - own.y if down else every.y - gap - own.bottom
        self.boxes[index] = [box.moved(x, y) for box in block]
        self.behind.append(index)

    def _over(self, index: int, block: list[Box], group: list[int], relation: Relation) -> None:
        """Where it overlaps the group, as wide as that, with what is in the way moved aside."""
        near, own = self._around(group), around(block)
        wanted = self._over_where(near, own, group, relation)
        self._make_room(near, around([near, wanted]), index, index)
        wide, high = wanted.width / own.width, wanted.height / own.height
        self.boxes[index] = [
            replace(
                box,
                x=wanted.x + (box.x - own.x) * wide,
                y=wanted.y + (box.y - own.y) * high,
                width=box.width * wide,
                height=box.height * high,
            )
            for box in block
        ]
        first = min(map(self.behind.index, group))
        nearer = relation is Relation.BEHIND
        self.behind.insert(len(self.behind) if nearer else first, index)

    def _over_where(self, near: Box, own: Box, group: list[int], relation: Relation) -> Box:
        """The box of what overlaps the group: at least as wide, and not squeezed."""
        chance = self.chance.uniform
        if relation is Relation.IN:
            margin = chance(*INSIDE) * max(near.width, near.height)
            return _widened(_grown(near, margin), own)
        height = max(own.height, near.width / WIDEST)
        lowest = min(self._around([member]).height for member in group)
        lap = chance(*LAPS[relation]) * min(height, lowest)
        y = near.y + lap - height if relation in COVERED else near.bottom - lap
        return _widened(Box(x=near.x, y=y, width=near.width, height=height), own)

    def _covered(self, index: int) -> bool:
        """Whether the thing is said, with others, to be under or before one that comes later."""
        later = [r for first, r, _ in self.scene.placed if first == index and r not in BESIDE]
        return bool(later) and later[0] in COVERED

    def _make_room(self, old: Box, new: Box, index: int, own: int) -> None:
        """Move piles so far aside that the pile of a thing, `own`, can grow to the new box."""
        others = set(self.boxes) - self._pile(own, index)
        while others:
            pile = self._pile(min(others), index) & self.boxes.keys()
            x, y = _aside(self._around(sorted(pile)), old, new)
            for thing in pile:
                self.boxes[thing] = [box.moved(x, y) for box in self.boxes[thing]]
            others -= pile

    def _pile(self, thing: int, last: int) -> set[int]:
        """The things up to the last that this one overlaps, what those overlap, and so on."""
        pile, before = {thing}, set[int]()
        while pile != before:
            before = set(pile)
            for first, relation, second in self.scene.placed:
                if relation not in APART and pile & {first, second} and second <= last:
                    pile |= {first, second}
        return pile

    def _around(self, things: Sequence[int] | dict[int, list[Box]]) -> Box:
        return around([box for thing in things for box in self.boxes[thing]])


def _grown(box: Box, margin: float) -> Box:
    """The box with so much room on every side."""
    return Box(
        x=box.x - margin,
        y=box.y - margin,
        width=box.width + 2 * margin,
        height=box.height + 2 * margin,
    )


def _widened(box: Box, own: Box) -> Box:
    """The box, wider to both sides where what is put into it would be squeezed."""
    width = max(box.width, own.width / own.height * box.height / SQUEEZED)
    return replace(box, x=box.x - (width - box.width) / 2, width=width)


def _aside(box: Box, old: Box, new: Box) -> tuple[float, float]:
    """How far to move a box that is beside the old one for it to be as far from the new one."""
    x = y = 0.0
    if box.x >= old.right - TOLERANCE:
        x = new.right - old.right
    elif box.right <= old.x + TOLERANCE:
        x = new.x - old.x
    if box.y >= old.bottom - TOLERANCE:
        y = new.bottom - old.bottom
    elif box.bottom <= old.y + TOLERANCE:
        y = new.y - old.y
    return x, y


def _fitted(boxes: list[Box], chance: random.Random) -> Layout:
    """The boxes on a canvas that has room for each, somewhere on it."""
    if not boxes:
        return Layout(boxes=(), size=(ROOM, ROOM))
    every = around(boxes)
    size = _canvas(every.width), _canvas(every.height)
    if len(boxes) == 1:
        size = ROOM, ROOM
    unit = min(size[0] / (every.width + GAP), size[1] / (every.height + GAP), float(ROOM))
    if len(boxes) == 1:  # as large as its size says, in a picture for one thing
        unit = min(unit, ROOM / max(SIDES[Size.BIG]) * 1.2)
    left = chance.uniform(0, size[0] - every.width * unit)
    top = chance.uniform(0, size[1] - every.height * unit)
    return Layout(boxes=tuple(_placed(boxes, every, unit, (left, top), size)), size=size)


def _placed(
    boxes: list[Box],
    every: Box,
    unit: float,
    corner: tuple[float, float],
    size: tuple[int, int],
) -> Iterator[Box]:
    for box in boxes:
        there = box.moved(-every.x, -every.y).scaled(unit, unit).moved(*corner)
        yield there.scaled(1 / size[0], 1 / size[1])


def _canvas(units: float) -> int:
    """Pixels of a side: room for so many plain things, up to what a picture has."""
    wanted = math.ceil(units * ROOM / STEP) * STEP
    return max(ROOM, min(MOST, wanted))
