"""What a sentence says, as values: things with counts, colours and sizes, how they stand, a ground.

A scene is written by `captions.write`, read by `read.read` and laid out by `layout.lay_out`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

MOST_THINGS = 4


class Relation(Enum):
    """Where a thing is, seen from the thing that is named next."""

    LEFT = "left of"
    RIGHT = "right of"
    ABOVE = "above"
    BELOW = "below"
    ON = "on"
    UNDER = "under"
    IN_FRONT = "in front of"
    BEHIND = "behind"
    IN = "in"
    WITH = "with"  # what is named next belongs to the thing: "a cat with a hat"
    AND = "and"  # beside each other, whichever way


class Size(Enum):
    """How large a thing is said to be."""

    SMALL = "small"
    PLAIN = ""
    BIG = "big"


@dataclass(frozen=True, kw_only=True)
class Thing:
    """One kind of thing.

    concept: its name in the vocabulary. count: None is several, of which no number was said.
    colour: a basic colour term or empty. style: its own, where it differs from the scene's.
    """

    concept: str
    count: int | None = 1
    colour: str = ""
    size: Size = Size.PLAIN
    style: str = ""

    def __post_init__(self) -> None:
        if self.count is not None and self.count < 1:
            raise ValueError(f"{self.count} of {self.concept!r}: 1 or more, or None, are right")


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What lies behind the things: a place of the vocabulary, or PLAIN with a colour.

    light: when it is there: "night", "sunset", by day nothing. over: the things are above it.
    """

    place: str
    colour: str = ""
    light: str = ""
    over: bool = False


PLAIN = "plain"


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Things in the order in which they are named, with a relation between each and the next.

    joins: one fewer than things. `placed` says which thing each of them is said of.
    """

    things: tuple[Thing, ...]
    joins: tuple[Relation, ...] = ()
    ground: Ground | None = None
    style: str = ""

    def __post_init__(self) -> None:
        if len(self.joins) != max(0, len(self.things) - 1):
            raise ValueError(
                f"{len(self.things)} things with {len(self.joins)} relations between them: "
                "one fewer than things are right"
            )

    @property
    def placed(self) -> tuple[tuple[int, Relation, int], ...]:
        """(first, relation, second): indices of things; the first is left of the second, and so on.

        A relation is said of all the things that "and" joins before it ("a cat and a dog on a
        table": both), and of the thing that has something with it, not of what it has ("a cat
        with a hat under a tree": the cat). AND is said of neighbours.
        """
        return tuple(self._placed())

    def _placed(self) -> Iterator[tuple[int, Relation, int]]:
        group, own = [0], 0  # those that the next relation is said of; whose "with" it is
        for index, relation in enumerate(self.joins, start=1):
            if relation is Relation.AND:
                yield own, relation, index
                group.append(index)
                own = index
            elif relation is Relation.WITH:
                yield own, relation, index
            else:
                yield from ((first, relation, index) for first in group)
                group, own = [index], index


def holders(scene: Scene) -> dict[int, int]:
    """Which thing has which with it: of "a king with a sword and a crown" he has both."""
    found: dict[int, int] = {}
    holder: int | None = None
    for first, relation, second in scene.placed:
        if relation is Relation.WITH:
            holder = first
        elif relation is not Relation.AND:
            holder = None
        if holder is not None:
            found[second] = holder
    return found


def without(scene: Scene, index: int) -> Scene:
    """The scene without one of its things, and without its relation to the one before."""
    things = scene.things[:index] + scene.things[index + 1 :]
    cut = max(0, index - 1)
    return replace(scene, things=things, joins=scene.joins[:cut] + scene.joins[cut + 1 :])


def joined(scene: Scene) -> Scene:
    """The scene with neighbours of one kind counted: "🐈🐈" is two cats."""
    things, joins = list(scene.things[:1]), list[Relation]()
    for relation, thing in zip(scene.joins, scene.things[1:], strict=True):
        last = things[-1]
        alike = replace(thing, count=last.count) == last
        if alike and relation is Relation.AND and last.count and thing.count:
            things[-1] = replace(last, count=last.count + thing.count)
        else:
            things.append(thing)
            joins.append(relation)
    return replace(scene, things=tuple(things), joins=tuple(joins))
