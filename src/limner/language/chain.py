"""Things in a row with the relations between neighbours, and how they change places in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from limner.language.scene import Relation, Thing

JOINING = (Relation.AND, Relation.WITH)
INVERSE = {  # what a thing is to another one that is so to it
    Relation.LEFT: Relation.RIGHT,
    Relation.RIGHT: Relation.LEFT,
    Relation.ABOVE: Relation.BELOW,
    Relation.BELOW: Relation.ABOVE,
    Relation.ON: Relation.UNDER,
    Relation.UNDER: Relation.ABOVE,
    Relation.IN_FRONT: Relation.BEHIND,
    Relation.BEHIND: Relation.IN_FRONT,
}


@dataclass
class Chain:
    """A scene's things and joins under way, and the sides on which single things are."""

    things: list[Thing] = field(default_factory=list)
    joins: list[Relation] = field(default_factory=list)
    sides: dict[int, Relation] = field(default_factory=dict)

    def add(self, thing: Thing, relation: Relation) -> None:
        """One more thing; the relation is the last one's to it."""
        self.things.append(thing)
        if len(self.things) > 1:
            self.joins.append(relation)

    def part(self, several: Sequence[Thing]) -> None:
        """Several things in place of the last one: a black cat and a white cat of two cats."""
        self.things[-1:] = several
        self.joins += [Relation.AND] * (len(several) - 1)

    def turn(self, relation: Relation) -> None:
        """Make the last relation one of the last thing to the one before."""
        if len(self.joins) > 1 and relation in INVERSE:
            self.joins[-1] = INVERSE[relation]
        else:
            self.things[-2:] = self.things[-1], self.things[-2]
            self.joins[-1] = relation

    def turn_round(self, leading: Relation) -> None:
        """What "on the car a cat" says as "a cat on the car": the first thing after the others."""
        stop = 2
        while stop < len(self.things) and self.joins[stop - 1] in JOINING:
            stop += 1
        self.things[:stop] = [*self.things[1:stop], self.things[0]]
        self.joins[: stop - 1] = [*self.joins[1 : stop - 1], leading]

    def surround(self, between: int) -> bool:
        """Put what is said to be between two things, or two of one kind, in the middle of them.

        between: its index, and -1 where it is named after them. Returns whether there are two.
        """
        start = between + 1
        pair = self.things[start : start + 2]
        stop = start + 2
        if pair and pair[0].count in (2, None):
            pair = [replace(pair[0], count=1)] * 2
            stop = start + 1
        first, last = self._joined_with(between) if start else self._having(stop)
        if len(pair) < 2 or last >= len(self.things):
            return False
        middle, within = self.things[first : last + 1], self.joins[first:last]
        first, after = min(first, start), max(last + 1, stop)
        self.things[first:after] = [pair[0], *middle, pair[1]]
        self.joins[first : after - 1] = [Relation.LEFT, *within, Relation.LEFT]
        return True

    def place_sides(self) -> None:
        """Make what single things' own sides say a relation, where none was said."""
        for index, relation in enumerate(self.joins):
            first, second = self.sides.get(index), self.sides.get(index + 1)
            if relation is Relation.WITH and second is Relation.ABOVE:
                self.joins[index] = Relation.UNDER  # "a cake with a cherry on top"
            elif relation is Relation.AND and (first or second):
                self.joins[index] = first or INVERSE[second or Relation.LEFT]

    def _joined_with(self, index: int) -> tuple[int, int]:
        """From the first thing that stands together with one, to that one."""
        first = index
        while first > 0 and self.joins[first - 1] in JOINING:
            first -= 1
        return first, index

    def _having(self, index: int) -> tuple[int, int]:
        """From a thing to the last one that it has with it."""
        last = index
        while last < len(self.joins) and self.joins[last] is Relation.WITH:
            last += 1
        return index, last
