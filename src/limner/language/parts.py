"""Words to a scene: what was said of which thing, and how it stands to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from limner.language.chain import JOINING, Chain
from limner.language.english import COLOURS, LIGHTS, LIT, is_plural
from limner.language.scene import Ground, Relation, Scene, Size, Thing
from limner.language.words import Kind, Word

BREAKS = (Kind.PAUSE, Kind.RELATION, Kind.BETWEEN, Kind.GROUND)
OVER = ("over ", "above ", "high above ")
ALOFT = ("sky", "space", "night", "sunset")  # where nothing is below
DESCRIBING = (Kind.COLOUR, Kind.SIZE, Kind.STYLE)


def thing_follows(words: Sequence[Word]) -> bool:
    """Whether a thing comes before the next break."""
    for word in words:
        weather = word.kind is Kind.GROUND and word.describes
        if word.kind in (*BREAKS, Kind.ARTICLE, Kind.NUMBER) and not weather:
            return False
        if word.kind is Kind.CONCEPT:
            return True
    return False


@dataclass
class Described:
    """What was said of a thing so far."""

    colour: str = ""
    size: Size = Size.PLAIN
    count: int | None = 1
    style: str = ""
    counted: bool = False  # a number was said, or an article of one
    number: bool = False  # a number was
    pair: bool = False  # the number was "a pair of"
    words: list[Word] = field(default_factory=list)  # those that belong to a thing

    @property
    def looks(self) -> bool:
        """Whether it says how the thing looks."""
        return bool(self.colour) or self.size is not Size.PLAIN

    def take(self, word: Word) -> bool:
        """What is said first counts; whether it is this word, or says the same."""
        self.words.append(word)
        if word.kind is Kind.COLOUR:
            self.colour = self.colour or word.meaning
            return self.colour == word.meaning
        if word.kind is Kind.SIZE:
            self.size = Size(word.meaning) if self.size is Size.PLAIN else self.size
            return self.size is Size(word.meaning)
        if word.kind is Kind.STYLE:
            self.style = self.style or word.meaning
            return self.style == word.meaning
        if self.counted:
            self.number |= word.kind is Kind.NUMBER
            return True
        self.counted = self.number = True
        self.count = int(word.meaning) if word.kind is Kind.NUMBER else None
        self.pair = word.kind is Kind.NUMBER and "pair" in word.text
        return True


@dataclass
class Parts:
    """A scene under way."""

    chain: Chain = field(default_factory=Chain)
    ground: Ground | None = None
    style: str = ""
    described: Described = field(default_factory=Described)
    relation: Relation | None = None
    placing: Word | None = None  # what said the relation
    side: Relation | None = None
    leading: Relation | None = None  # "on the car a cat": said before the first thing
    between: int | None = None  # "a cat between two dogs": the index of what is between others
    shares: list[Described] = field(default_factory=list)  # of the last: "one black, one white"
    adrift: list[Described] = field(default_factory=list)  # of the next: "a red and a blue car"
    pointing: bool = False  # the relation is to what was named: "a house, behind it a tree"
    name: str = ""  # what the last thing was called
    at: int = -1  # the thing that is described where none follows
    open: bool = False  # the last thing may still be described: no break since
    lost: bool = False  # something unknown since the last thing or break
    unused: list[Word] = field(default_factory=list)
    lonely: list[Word] = field(default_factory=list)  # "between" without two things for it

    def take(self, word: Word, rest: Sequence[Word]) -> None:
        match word.kind:
            case Kind.CONCEPT:
                self._thing(word)
            case Kind.AGAIN:
                self._again(word)
            case Kind.COLOUR | Kind.SIZE | Kind.NUMBER | Kind.SEVERAL:
                self._describe(word, rest)
            case Kind.STYLE:
                self._styled(word, rest)
            case Kind.ARTICLE:
                self._end_lost()
                self._break()
                self.described.counted = True
            case Kind.OPENING:
                self.described.counted = False  # "a picture of cats"
            case Kind.RELATION:
                self._relate(word)
            case Kind.PRONOUN:
                self._point()
            case Kind.BETWEEN:
                self._put_between(word)
            case Kind.SIDE:
                self._beside(Relation(word.meaning))
            case Kind.GROUND:
                self._lie_behind(word)
            case Kind.PAUSE:
                if self.lost:
                    self.described, self.relation = Described(), None
                self._point_back()
                self.open, self.lost = False, False
            case Kind.UNKNOWN:
                if word.text.endswith("ing"):
                    self._end_lost()
                self.lost = True

    def scene(self) -> Scene:
        self._break()
        self._point_back()
        self._share_out()
        if self.between is not None and self.chain.surround(self.between):
            self.lonely = []
        self.chain.place_sides()
        if self.leading is not None and len(self.chain.things) > 1:
            self.chain.turn_round(self.leading)
        for said in self.adrift:
            self.unused += said.words
        things, style = self.chain.things, self.style
        own = {thing.style for thing in things if thing.style}
        if not style and len(own) == 1:
            style = own.pop()
        if style:
            things = [replace(each, style="") if each.style == style else each for each in things]
        return Scene(
            things=tuple(things), joins=tuple(self.chain.joins), ground=self.ground, style=style
        )

    def _thing(self, word: Word) -> None:
        self._share_out()
        if len(self.chain.things) == 1 and (self.relation or self.side):
            self.leading = None
        if self.side is not None:
            self.chain.sides[len(self.chain.things)] = self.side
        for said in (*self.adrift, self.described):
            self._add(word, said)
        self.described, self.relation, self.side = Described(), None, None
        self.open, self.lost, self.adrift, self.name = True, False, [], word.text.casefold()

    def _add(self, word: Word, said: Described) -> None:
        """One more thing, which is of the same kind as the last where several are described."""
        count = None if word.several and not said.counted else said.count
        plural = not word.several and is_plural(word.text.casefold())
        if plural and (said.pair or count is None):
            count = 1  # a pair of sunglasses, some grapes
        thing = Thing(
            concept=word.meaning, count=count, colour=said.colour, size=said.size, style=said.style
        )
        relation = self.relation or Relation.AND
        self.chain.add(thing, relation)
        if self.pointing:
            self.chain.turn(relation)
        self.relation, self.pointing, self.at = None, False, -1

    def _describe(self, word: Word, rest: Sequence[Word]) -> None:
        if self.open and not thing_follows(rest) and word.kind in (Kind.COLOUR, Kind.SIZE):
            self._add_to_last(word)
        else:
            if word.kind in (Kind.NUMBER, Kind.SEVERAL):
                self._break()
            self._used(word, self.described.take(word))

    def _again(self, word: Word) -> None:
        """A thing that was named before: what is said of it is added, or where another one is."""
        named = [n for n, thing in enumerate(self.chain.things) if thing.concept == word.meaning]
        said = self.described
        if not named or said.number or said.colour not in ("", self.chain.things[named[-1]].colour):
            self._thing(word)
            return
        self.described, self.open, self.lost, self.at = Described(), True, False, named[-1]
        if self.relation is not None and self.relation not in JOINING:
            if named[-1] == len(self.chain.things) - 1:
                self._point()
            else:
                self.unused.append(word)
                self.relation = None

    def _add_to_last(self, word: Word) -> None:
        last = self.chain.things[self.at]
        if word.kind is Kind.COLOUR:
            last = replace(last, colour=last.colour or word.meaning)
            self._used(word, last.colour == word.meaning)
        elif word.kind is Kind.SIZE:
            size = Size(word.meaning)
            last = replace(last, size=size if last.size is Size.PLAIN else last.size)
            self._used(word, last.size is size)
        self.chain.things[self.at] = last

    def _styled(self, word: Word, rest: Sequence[Word]) -> None:
        if thing_follows(rest) and not self.open:
            self._used(word, self.described.take(word))
        else:
            self.style = self.style or word.meaning
            self._used(word, self.style == word.meaning)

    def _lie_behind(self, word: Word) -> None:
        """The first ground counts, and with a place when it is there."""
        if not word.describes:  # "two snowy owls"
            self._break()
        place, _, colour = word.meaning.partition(" ")
        over = place not in ALOFT and word.text.casefold().startswith(OVER)
        ground = Ground(place=place, colour=colour, over=over)
        known = self.ground or ground
        if place in LIGHTS and known.place in LIT and known.light in ("", place):
            known = replace(known, light=place)
        elif known.place in LIGHTS and place in LIT:
            known = replace(ground, light=known.place)
        self.ground = known
        self._used(word, place in (known.place, known.light) and colour == known.colour)
        self.relation = self.relation if word.describes else None

    def _used(self, word: Word, used: bool) -> None:
        if not used:
            self.unused.append(word)

    def _relate(self, word: Word) -> None:
        relation = Relation(word.meaning)
        within = bool(self.described.words) and not self.lost  # "a black and white cat"
        if relation is Relation.AND and within and not self.open:
            return
        self._break()
        self._point_back()
        if relation is Relation.AND and self.relation is Relation.WITH and self.lost:
            relation = Relation.WITH  # "with a beard and glasses"
        if not self.chain.things and relation not in JOINING:
            self.leading = relation
        self.relation, self.placing, self.open, self.lost = relation, word, False, False

    def _beside(self, side: Relation) -> None:
        if self.open:
            self.chain.sides[self.at % len(self.chain.things)] = side
        else:
            self.side = side

    def _break(self) -> None:
        """What was said and belongs to no thing that follows is the last thing's, or nobody's."""
        said = self.described
        self.style = self.style or said.style
        if self.chain.things and not self.lost and self._is_share(said):
            self.shares.append(said)
        elif self.chain.things and not self.lost and self._is_another(said):
            last = self.chain.things[-1]
            one = replace(last, count=said.count, colour=said.colour, size=said.size)
            self.chain.add(one, self.relation or Relation.AND)
            self.relation = None
        elif self._is_adrift(said):
            self.adrift.append(said)
        elif said.words and self.chain.things and not self.lost:
            last = self.chain.things[self.at]
            plain = last.size is Size.PLAIN
            last = replace(
                last, colour=last.colour or said.colour, size=said.size if plain else last.size
            )
            kept = (last.colour, last.size.value, self.style)
            described = (word for word in said.words if word.kind in DESCRIBING)
            self.unused += [word for word in described if word.meaning not in kept]
            self.chain.things[self.at] = last
        self.described, self.open = Described(), False

    def _is_share(self, said: Described) -> bool:
        """Whether it is said of some of the last things: "one black" of two cats."""
        whole, taken = self.chain.things[-1].count, sum(each.count or 0 for each in self.shares)
        several = whole is None or whole > 1
        fits = whole is None or taken + (said.count or 0) <= whole
        plain = not self._colour()
        return bool(said.counted and said.count and said.looks and plain and several and fits)

    def _is_another(self, said: Described) -> bool:
        """Whether it is said of more things like the last: "two red apples and one green"."""
        return bool(said.number and said.colour and self._colour() not in ("", said.colour))

    def _colour(self) -> str:
        """What was said to be the last thing's colour, by its name too."""
        own = (word for word in self.name.split() if word in COLOURS)
        return self.chain.things[-1].colour or next(own, "")

    def _is_adrift(self, said: Described) -> bool:
        """Whether what was said can only be of a thing that is named later."""
        nothing = not self.chain.things or self.relation is not None or bool(self.adrift)
        return said.counted and said.looks and nothing and not self.lost

    def _end_lost(self) -> None:
        """What is said after an unknown thing is not where that was to be: "on a bench feeding"."""
        if self.lost:
            self.relation = None

    def _point(self) -> None:
        """A word for what was named: of the thing that all else was said of."""
        if self.relation is not None and self.relation not in JOINING and self.chain.things:
            if self.leading is not None and len(self.chain.things) > 1:
                self.chain.turn_round(self.leading)
                self.leading = None
            self.pointing = True

    def _point_back(self) -> None:
        """Where no thing follows, the last is so to the one before: "a tree, a cat under it"."""
        if self.relation is not None and self.relation not in JOINING and self.chain.joins:
            had = self.chain.joins[-1] is Relation.WITH and not self.lost
            if had or (self.pointing and self.chain.joins[-1] in JOINING):
                self.chain.turn(self.relation)
                self.relation = None
        left_over = self.relation not in (None, *JOINING) and not self.lost
        if self.placing is not None and left_over and self.chain.things:
            self.unused.append(self.placing)
            self.relation = None
        self.pointing = False

    def _share_out(self) -> None:
        """The last things by what was said of some of them: a black cat and a white cat."""
        if self.shares:
            last = self.chain.things[-1]
            parts = [
                replace(
                    last,
                    count=s.count,
                    colour=s.colour,
                    size=last.size if s.size is Size.PLAIN else s.size,
                )
                for s in self.shares
            ]
            left = (last.count or 0) - sum(each.count or 0 for each in self.shares)
            self.chain.part([*parts, *([replace(last, count=left)] if left > 0 else [])])
            self.shares = []

    def _put_between(self, word: Word) -> None:
        self._break()
        self._share_out()
        self.between = len(self.chain.things) - 1
        self.lonely = [word]
        self.relation, self.open, self.lost = None, False, False
