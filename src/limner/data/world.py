"""What a training of pictures and sentences draws: single things and scenes, all on the fly.

A draw is a scene, of which a caption can be written, and a composition, of which a picture can be
made; both are of the same draw, and nothing of either is kept. What is withheld is never drawn.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from limner.data.colours import Colour
from limner.data.composition import Backdrop, Composition, Piece
from limner.data.grounds import FLOORED, TAUGHT, Place, draw_ground
from limner.data.placing import (
    FULL,
    Extent,
    Spot,
    extent_of,
    floor_of,
    lies_behind,
    place_alone,
    place_apart,
    place_pair,
)
from limner.data.records import PictureSet, Record
from limner.data.withheld import Pair, Withheld
from limner.errors import DataError, UsageError
from limner.language.scene import Ground, Relation, Scene, Size, Thing

RELATIONS = (
    Relation.LEFT,
    Relation.RIGHT,
    Relation.ABOVE,
    Relation.BELOW,
    Relation.ON,
    Relation.UNDER,
    Relation.IN_FRONT,
    Relation.BEHIND,
    Relation.AND,
)
SIZES = (  # of two things, what can be told apart and fits side by side
    (Size.SMALL, Size.PLAIN),
    (Size.PLAIN, Size.SMALL),
    (Size.SMALL, Size.BIG),
    (Size.BIG, Size.SMALL),
)
TRIES = 100


@dataclass(frozen=True, kw_only=True)
class WorldConfig:
    """How draws are made; shares from 0 to 1.

    size: pixels of the canvas. alone: one thing; of the rest half are several of the same thing.
    coloured: things turned to a colour. grounded: pictures with a ground. sized: pictures in which
    sizes are said. mirrored: things drawn the other way round. full: things alone of which no size
    is said that fill the canvas, without a ground and with one.
    """

    size: int = 128
    alone: float = 0.7
    coloured: float = 0.3
    grounded: float = 0.5
    sized: float = 0.2
    mirrored: float = 0.0
    full: tuple[float, float] = (FULL, FULL)
    withheld: Withheld = field(default_factory=Withheld)

    def __post_init__(self) -> None:
        for name in ("alone", "coloured", "grounded", "sized", "mirrored"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise UsageError(f"{name} is {getattr(self, name)}; a share from 0 to 1 is right")
        if len(self.full) != 2 or not all(0.0 <= share <= 1.0 for share in self.full):
            raise UsageError(f"full is {self.full}; two shares from 0 to 1 are right")


@dataclass(frozen=True, kw_only=True)
class Draw:
    """A scene and its picture. owners: of each piece, which thing of the scene it is one of."""

    scene: Scene
    composition: Composition
    owners: tuple[int, ...]


class World:
    """Draws from the single pictures of a set.

    plain: for a concept its name that says no colour ("apple" for "red apple"); one that is not
    there is never turned to a colour. whole: concepts that are pictures of a whole place; they
    stay alone, without a ground.
    """

    def __init__(
        self,
        data: PictureSet,
        config: WorldConfig | None = None,
        *,
        plain: Mapping[str, str] | None = None,
        whole: Collection[str] = (),
    ) -> None:
        if data.pictures.shape[1] != 4:
            raise DataError(
                f"compositions are made of pictures with transparency: 4 channels, not "
                f"{data.pictures.shape[1]}"
            )
        if not len(data):
            raise DataError("a world without pictures: there is nothing to draw")
        self.data = data
        self.config = WorldConfig() if config is None else config
        self.plain = {c: c for c in data.concepts} if plain is None else plain
        self.whole = frozenset(whole)
        self._of_style = defaultdict[str, list[Record]](list)
        for record in data.records:
            if record.concept not in self.whole:
                self._of_style[record.style].append(record)
        self._extents: dict[int, Extent] = {}

    @property
    def count(self) -> int:
        """How many records there are; a training draws each first once an epoch."""
        return len(self.data)

    def draw(self, index: int, chance: random.Random) -> Draw:
        """What is drawn with the record at this position first, all else by chance."""
        first = self.data.records[index]
        if first.concept in self.whole or chance.random() < self.config.alone:
            return self._alone(first, chance)
        if chance.random() < 0.5:
            return self._counted(first, chance)
        return self._several(first, chance)

    def _alone(self, record: Record, chance: random.Random) -> Draw:
        whole = record.concept in self.whole
        sized = not whole and chance.random() < self.config.sized
        size = chance.choice((Size.SMALL, Size.BIG)) if sized else Size.PLAIN
        thing, colour = self._thing(record, chance, size=size)
        backdrop = None if whole else self._backdrop([record], chance)
        full = self.config.full[backdrop is not None]
        spot = place_alone(size, chance, _floor(backdrop, self.config.size), full=full)
        if whole:
            spot = Spot(left=0.0, top=0.0, side=1.0)
        return self._drawn([thing], (), [(record, colour, spot)], [0], backdrop, chance)

    def _counted(self, record: Record, chance: random.Random) -> Draw:
        """Two to four of the same thing, all drawn alike."""
        withheld = self.config.withheld
        counts = [n for n in (2, 3, 4) if not withheld.has(Pair.COUNT, record.concept, n)]
        if not counts:
            return self._alone(record, chance)
        count = chance.choice(counts)
        thing, colour = self._thing(record, chance, count=count)
        backdrop = self._backdrop([record], chance)
        spots = place_apart(count, chance, _floor(backdrop, self.config.size))
        pieces = [(record, colour, spot) for spot in spots]
        return self._drawn([thing], (), pieces, [0] * count, backdrop, chance)

    def _several(self, first: Record, chance: random.Random) -> Draw:
        """Two different things in a relation, or three or four beside each other."""
        number = chance.choice((2, 2, 2, 3, 4))
        records = [first]
        while len(records) < number:
            other = self._partner(records, chance)
            if other is None:
                break
            records.append(other)
        if len(records) == 1:
            return self._alone(first, chance)
        backdrop = self._backdrop(records, chance)
        floor = _floor(backdrop, self.config.size)
        if len(records) > 2:
            things, colours = zip(*(self._thing(one, chance) for one in records), strict=True)
            spots = place_apart(len(records), chance, floor)
            pieces = list(zip(records, colours, spots, strict=True))
            joins = (Relation.AND,) * (len(records) - 1)
            return self._drawn(things, joins, pieces, [*range(len(records))], backdrop, chance)
        return self._pair(records, backdrop, floor, chance)

    def _pair(
        self,
        records: list[Record],
        backdrop: Backdrop | None,
        floor: float | None,
        chance: random.Random,
    ) -> Draw:
        relation = chance.choice(RELATIONS)
        sizes = (Size.PLAIN, Size.PLAIN)
        if chance.random() < self.config.sized:
            sizes = chance.choice(SIZES)
        one, two = (self._thing(r, chance, size=s) for r, s in zip(records, sizes, strict=True))
        extents = (self.extent(records[0]), self.extent(records[1]))
        spots = floor_of(place_pair(relation, sizes, extents, chance), floor)
        pieces = [(records[0], one[1], spots[0]), (records[1], two[1], spots[1])]
        order = [0, 1] if lies_behind(relation) else [1, 0]
        return self._drawn(
            [one[0], two[0]], (relation,), [pieces[i] for i in order], order, backdrop, chance
        )

    def _thing(
        self, record: Record, chance: random.Random, *, count: int = 1, size: Size = Size.PLAIN
    ) -> tuple[Thing, Colour | None]:
        """A thing and the colour that its picture is turned to."""
        colour = None
        if record.concept in self.plain and chance.random() < self.config.coloured:
            withheld = self.config.withheld
            fitting = [c for c in Colour if not withheld.has(Pair.COLOUR, record.concept, c.value)]
            colour = chance.choice(fitting) if fitting else None
        name = record.concept if colour is None else self.plain[record.concept]
        word = "" if colour is None else colour.value
        return Thing(concept=name, count=count, colour=word, size=size), colour

    def _backdrop(self, records: list[Record], chance: random.Random) -> Backdrop | None:
        if chance.random() >= self.config.grounded:
            return None
        withheld = self.config.withheld
        places = [
            place
            for place in TAUGHT
            if not any(withheld.has(Pair.GROUND, r.concept, place.value) for r in records)
        ]
        if not places:
            return None
        place = chance.choice(places)
        colour = chance.choice(list(Colour)) if place is Place.PLAIN else None
        return Backdrop(place=place, colour=colour, seed=chance.getrandbits(32))

    def _partner(self, records: list[Record], chance: random.Random) -> Record | None:
        """Another thing of the same style that may go with all of these, or None."""
        others = self._of_style[records[0].style]
        withheld = self.config.withheld
        for _ in range(TRIES):
            other = chance.choice(others)
            if all(
                other.concept != one.concept
                and not withheld.has(Pair.CONCEPT, one.concept, other.concept)
                for one in records
            ):
                return other
        return None

    def _drawn(
        self,
        things: list[Thing] | tuple[Thing, ...],
        joins: tuple[Relation, ...],
        pieces: list[tuple[Record, Colour | None, Spot]],
        owners: list[int],
        backdrop: Backdrop | None,
        chance: random.Random,
    ) -> Draw:
        size = self.config.size
        made = tuple(
            Piece(
                record=record,
                box=spot.pixels(size),
                colour=colour,
                mirrored=chance.random() < self.config.mirrored,
            )
            for record, colour, spot in pieces
        )
        ground = None
        if backdrop is not None:
            colour = "" if backdrop.colour is None else backdrop.colour.value
            ground = Ground(place=backdrop.place.value, colour=colour)
        scene = Scene(things=tuple(things), joins=joins, ground=ground, style=pieces[0][0].style)
        return Draw(
            scene=scene,
            composition=Composition(pieces=made, size=size, backdrop=backdrop),
            owners=tuple(owners),
        )

    def extent(self, record: Record) -> Extent:
        """What is visible of a record's picture."""
        if record.picture not in self._extents:
            self._extents[record.picture] = extent_of(self.data.pictures[record.picture])
        return self._extents[record.picture]


def _floor(backdrop: Backdrop | None, size: int) -> float | None:
    """Where things stand on a ground."""
    if backdrop is None or backdrop.place not in FLOORED:
        return None
    # The ground's own draws decide, so it is drawn; small, as its points are in parts of the side.
    return draw_ground(backdrop.place, 8, random.Random(backdrop.seed)).floor


def alone(world: World) -> World:
    """The same with one thing in each picture."""
    return World(world.data, replace(world.config, alone=1.0), plain=world.plain, whole=world.whole)
