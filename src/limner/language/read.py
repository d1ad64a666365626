"""Sentences to scenes: which things a sentence names, how they look and stand, and where.

A sentence is read as a chain: things, each with the words round it that describe it, between words
that say how it stands to the next. What no scene can hold is marked in the reading's words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from limner.language.compounds import without_descriptions, without_modifiers
from limner.language.english import is_plural
from limner.language.grammar import ENGLISH, Grammar
from limner.language.scene import Ground, Relation, Scene, Size, Thing
from limner.language.vocabulary import Vocabulary
from limner.language.words import LOOKS, Index, Kind, Word

BREAKS = (Kind.PAUSE, Kind.RELATION, Kind.GROUND)
DESCRIBING = (Kind.COLOUR, Kind.SIZE, Kind.STYLE)
OPPOSITE = {
    Relation.LEFT: Relation.RIGHT,
    Relation.RIGHT: Relation.LEFT,
    Relation.ABOVE: Relation.BELOW,
    Relation.BELOW: Relation.ABOVE,
}


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A sentence that was read.

    scene: what it says. words: all of its words in order. negated, writing: what is not to be
    there, and what is to be written, as they stand in the sentence. unused: second colours, sizes,
    styles and grounds: of a scene and each of its things the first one counts. modifiers: names
    that only say what sort of another thing is meant: the chocolate of a chocolate cake.
    """

    scene: Scene
    words: tuple[Word, ...]
    negated: tuple[str, ...] = ()
    writing: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    modifiers: tuple[str, ...] = ()

    @property
    def unknown(self) -> tuple[str, ...]:
        """Words that might say something to be seen and that are not known, once each."""
        return tuple(dict.fromkeys(w.text for w in self.words if w.kind is Kind.UNKNOWN))


class Reader:
    """What reads sentences of one language about the things of one vocabulary."""

    def __init__(self, vocabulary: Vocabulary, grammar: Grammar = ENGLISH) -> None:
        self.index = Index(vocabulary, grammar)

    def read(self, text: str, also: Mapping[str, str] | None = None) -> Reading:
        """The scene of a sentence, and what each of its words was.

        also: further words, as a known one each ("catt": "cat").
        """
        words = _chosen(self.index.words(text, also))
        words, negated = _without_negated(text, words)
        words, writing = _without_writing(text, words)
        modifiers = tuple[str, ...]()
        if self.index.grammar.compounds:
            words, modifiers = without_modifiers(text, words)
        else:
            words = without_descriptions(words)
        parts = _Parts()
        for place, word in enumerate(words):
            parts.take(word, words[place + 1 :])
        scene = parts.scene()
        return Reading(
            scene=scene,
            words=tuple(words),
            negated=negated,
            writing=writing,
            unused=tuple(dict.fromkeys(word.text for word in parts.unused)),
            modifiers=modifiers,
        )


def _chosen(options: Sequence[Sequence[Word]]) -> list[Word]:
    """Of each word what it is here: "orange" is a colour where a thing belongs to it.

    So is a size one: "chica" is a small one where it is no girl.
    """
    words = list[Word]()
    for place, several in enumerate(options):
        look = next((word for word in several if word.kind in LOOKS), None)
        if look is not None and len(several) > 1:
            rest = [each[0] for each in options[place + 1 :]]
            after = _describes_last(words) or _thing_follows(rest)
            words.append(look if after else several[0])
        else:
            words.append(several[0])
    return words


def _describes_last(words: Sequence[Word]) -> bool:
    """Whether a word that comes after these would describe the last thing: "un chat noir et"."""
    for place, word in reversed([*enumerate(words)]):
        joins = word.kind is Kind.RELATION and word.meaning == Relation.AND.value
        joined = joins and place > 0 and words[place - 1].kind is Kind.COLOUR
        if word.kind not in (Kind.COLOUR, Kind.SIZE) and not joined:
            return word.kind is Kind.CONCEPT
    return False


def _thing_follows(words: Sequence[Word]) -> bool:
    """Whether a thing comes before the next break."""
    for word in words:
        if word.kind in (*BREAKS, Kind.ARTICLE, Kind.NUMBER):
            return False
        if word.kind is Kind.CONCEPT:
            return True
    return False


def _without_negated(text: str, words: list[Word]) -> tuple[list[Word], tuple[str, ...]]:
    """The words with those that a negation is said of as fillers, and the sentence's own text."""
    kept, negated, place = list[Word](), list[str](), 0
    while place < len(words):
        if words[place].kind is not Kind.NEGATION:
            kept.append(words[place])
            place += 1
            continue
        stop = _negation_ends(words, place + 1)
        negated.append(text[words[place].start : words[stop - 1].stop])
        kept += [replace(word, kind=Kind.FILLER) for word in words[place:stop]]
        place = stop
    return kept, tuple(negated)


def _negation_ends(words: Sequence[Word], place: int) -> int:
    for stop in range(place, len(words)):
        word, after = words[stop], words[stop + 1 : stop + 2]
        joined = word.kind is Kind.RELATION and word.meaning == Relation.AND.value
        if joined and not (after and after[0].kind in (Kind.ARTICLE, Kind.NUMBER)):
            continue
        if word.kind in (*BREAKS, Kind.STYLE, Kind.NEGATION):
            return stop
    return len(words)


def _without_writing(text: str, words: list[Word]) -> tuple[list[Word], tuple[str, ...]]:
    """The words with those that are to be written as fillers, and these as they stand."""
    kept, writing, place = list[Word](), list[str](), 0
    while place < len(words):
        word = words[place]
        stop = place + 1
        if word.kind is Kind.WRITING and word.meaning:
            writing.append(word.meaning)
        elif word.kind is Kind.WRITING:
            while stop < len(words) and words[stop].kind not in (
                Kind.PAUSE,
                Kind.WRITING,
                Kind.STYLE,
            ):
                stop += 1
            if stop > place + 1:
                writing.append(text[words[place + 1].start : words[stop - 1].stop])
        written = [replace(each, kind=Kind.FILLER) for each in words[place:stop]]
        kept += written if word.kind is Kind.WRITING else [word]
        place = stop
    return kept, tuple(writing)


@dataclass
class _Described:
    """What was said of a thing so far."""

    colour: str = ""
    size: Size = Size.PLAIN
    count: int | None = 1
    style: str = ""
    counted: bool = False  # a number was said, or an article of one
    pair: bool = False  # the number was "a pair of"
    words: list[Word] = field(default_factory=list)  # those that belong to a thing

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
            return True
        self.counted = True
        self.count = int(word.meaning) if word.kind is Kind.NUMBER else None
        self.pair = word.kind is Kind.NUMBER and "pair" in word.text
        return True


@dataclass
class _Parts:
    """A scene under way."""

    things: list[Thing] = field(default_factory=list)
    joins: list[Relation] = field(default_factory=list)
    sides: dict[int, Relation] = field(default_factory=dict)
    ground: Ground | None = None
    style: str = ""
    described: _Described = field(default_factory=_Described)
    relation: Relation | None = None
    side: Relation | None = None
    open: bool = False  # the last thing may still be described: no break since
    lost: bool = False  # something unknown since the last thing or break
    unused: list[Word] = field(default_factory=list)

    def take(self, word: Word, rest: Sequence[Word]) -> None:
        match word.kind:
            case Kind.CONCEPT:
                self._thing(word)
            case Kind.COLOUR | Kind.SIZE | Kind.NUMBER | Kind.SEVERAL:
                self._describe(word, rest)
            case Kind.STYLE:
                self._styled(word, rest)
            case Kind.ARTICLE:
                self._break()
                self.described.counted = True
            case Kind.OPENING:
                self.described.counted = False  # "a picture of cats"
            case Kind.RELATION:
                self._relate(Relation(word.meaning))
            case Kind.SIDE:
                self._beside(Relation(word.meaning))
            case Kind.GROUND:
                self._break()
                place, _, colour = word.meaning.partition(" ")
                ground = Ground(place=place, colour=colour)
                self.ground = self.ground or ground
                self._used(word, self.ground == ground)
                self.relation = None
            case Kind.PAUSE:
                if self.lost:
                    self.described = _Described()
                self.open, self.lost = False, False
            case Kind.UNKNOWN:
                self.lost = True

    def scene(self) -> Scene:
        self._break()
        things, style = self.things, self.style
        own = {thing.style for thing in things if thing.style}
        if not style and len(own) == 1:
            style = own.pop()
        if style:
            things = [replace(each, style="") if each.style == style else each for each in things]
        return Scene(things=tuple(things), joins=self._placed(), ground=self.ground, style=style)

    def _thing(self, word: Word) -> None:
        said = self.described
        if self.things:
            self.joins.append(self.relation or Relation.AND)
        if self.side is not None:
            self.sides[len(self.things)] = self.side
        count = None if word.several and not said.counted else said.count
        if said.pair and not word.several and is_plural(word.text.casefold()):
            count = 1  # a pair of sunglasses
        self.things.append(
            Thing(
                concept=word.meaning,
                count=count,
                colour=said.colour,
                size=said.size,
                style=said.style,
            )
        )
        self.described, self.relation, self.side = _Described(), None, None
        self.open, self.lost = True, False

    def _describe(self, word: Word, rest: Sequence[Word]) -> None:
        if self.open and not _thing_follows(rest) and word.kind in (Kind.COLOUR, Kind.SIZE):
            self._add_to_last(word)
        else:
            if word.kind in (Kind.NUMBER, Kind.SEVERAL):
                self._break()
            self._used(word, self.described.take(word))

    def _add_to_last(self, word: Word) -> None:
        last = self.things[-1]
        if word.kind is Kind.COLOUR:
            last = replace(last, colour=last.colour or word.meaning)
            self._used(word, last.colour == word.meaning)
        elif word.kind is Kind.SIZE:
            size = Size(word.meaning)
            last = replace(last, size=size if last.size is Size.PLAIN else last.size)
            self._used(word, last.size is size)
        self.things[-1] = last

    def _styled(self, word: Word, rest: Sequence[Word]) -> None:
        if _thing_follows(rest) and not self.open:
            self._used(word, self.described.take(word))
        else:
            self.style = self.style or word.meaning
            self._used(word, self.style == word.meaning)

    def _used(self, word: Word, used: bool) -> None:
        if not used:
            self.unused.append(word)

    def _relate(self, relation: Relation) -> None:
        within = bool(self.described.words) and not self.lost  # "a black and white cat"
        if relation is Relation.AND and within and not self.open:
            return
        self._break()
        self.relation, self.open, self.lost = relation, False, False

    def _beside(self, side: Relation) -> None:
        if self.open:
            self.sides[len(self.things) - 1] = side
        else:
            self.side = side

    def _break(self) -> None:
        """What was said and belongs to no thing that follows is the last thing's, or nobody's."""
        said = self.described
        self.style = self.style or said.style
        if said.words and self.things and not self.lost:
            last = self.things[-1]
            plain = last.size is Size.PLAIN
            last = replace(
                last, colour=last.colour or said.colour, size=said.size if plain else last.size
            )
            kept = (last.colour, last.size.value, self.style)
            described = (word for word in said.words if word.kind in DESCRIBING)
            self.unused += [word for word in described if word.meaning not in kept]
            self.things[-1] = last
        self.described, self.open = _Described(), False

    def _placed(self) -> tuple[Relation, ...]:
        """The relations, with those that the things' own sides say."""
        joins = list(self.joins)
        for index, relation in enumerate(joins):
            first, second = self.sides.get(index), self.sides.get(index + 1)
            if relation is Relation.AND and (first or second):
                joins[index] = first or OPPOSITE[second or Relation.LEFT]
        return tuple(joins)
