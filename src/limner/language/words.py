"""A sentence as words, each with its place and what it says, before they are put together."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import pairwise, product

from limner.language.english import HEAD_ENDS, plural, with_article_within
from limner.language.grammar import ENGLISH, Grammar
from limner.language.scene import PLAIN, Relation
from limner.language.vocabulary import Vocabulary

LONGEST = 9  # words of a phrase
PLACE_WORDS = (3, 2, 1)  # of a ground's name, which comes last in its phrase
MOST_WITHIN = 3  # words before it that say more of it
LONGEST_NUMBER = 3  # digits
SHORTEST_PART = 3  # letters of a part of a name that is written apart
GOING = ("goes", "does")  # no parts of names: a man goes by, and is no mango


class Kind(Enum):
    """What a word is in its sentence. Where it could be several, the first of these is taken."""

    STYLE = "style"
    GROUND = "ground"
    CONCEPT = "concept"
    COLOUR = "colour"
    RELATION = "relation"
    BETWEEN = "between"
    SIDE = "side"
    NUMBER = "number"
    SEVERAL = "several"
    SIZE = "size"
    NEGATION = "negation"
    WRITING = "writing"
    LIKENESS = "likeness"  # made of
    ARTICLE = "article"
    PRONOUN = "pronoun"
    OPENING = "opening"  # a picture of
    FILLER = "filler"
    PAUSE = "pause"  # a comma, a full stop
    UNKNOWN = "unknown"
    AGAIN = "again"  # the name of a thing that was named before: the dog


@dataclass(frozen=True, kw_only=True)
class Word:
    """A word or phrase of a sentence: sentence[start:stop] is its text.

    meaning: the key of what it says: a concept, a colour, the value of a size or relation, a place,
    a count in digits. several: a plural's form. kind_of: it is a word for a kind of
    the concept and not a name of it. describes: beside a name it says how that is.
    """

    text: str
    start: int
    stop: int
    kind: Kind
    meaning: str
    several: bool = False
    kind_of: bool = False
    describes: bool = False


def unknown(word: Word) -> Word:
    """The word as one that says nothing to be painted, and is told so."""
    return replace(word, kind=Kind.UNKNOWN, meaning="")


@dataclass(frozen=True)
class Sense:
    """What a phrase may say, as `Word` has it."""

    kind: Kind
    meaning: str
    several: bool = False
    kind_of: bool = False
    describes: bool = False


class Index:
    """Every phrase of a grammar and a vocabulary, with what it may say."""

    def __init__(self, vocabulary: Vocabulary, grammar: Grammar = ENGLISH) -> None:
        self.grammar = grammar
        self._kinds = vocabulary.kinds
        self._senses: dict[str, list[Sense]] = {}
        self._joined: dict[str, list[Sense]] = {}  # names without what parts their words
        for phrase, sense in (*_names(vocabulary, grammar), *_small_words(grammar)):
            key = normal(phrase, grammar)
            self._senses.setdefault(key, []).append(sense)
            if sense.kind is Kind.CONCEPT and grammar.compounds:
                self._joined.setdefault(_squeezed(key), []).append(sense)
        grounds = (phrase for words in grammar.grounds.values() for phrase in words)
        sides = [(words[0], words[-1]) for words in map(str.split, grounds)]
        self._grounds_begin = {first for first, _ in sides}
        self._grounds_end = {last for _, last in sides}
        self._elided = re.compile(grammar.elided) if grammar.elided else None

    def words(self, text: str, also: Mapping[str, str] | None = None) -> list[list[Word]]:
        """The text's words in order, of each what it may be; of phrases the longest that is known.

        also: further words, as a known one each ("catt": "cat").
        """
        pieces = list(split(text, self._elided))
        found, index = list[list[Word]](), 0
        while index < len(pieces):
            rest = pieces[index : index + LONGEST + 2]
            count, senses = self._next(text, rest, also or {})
            unseen = list[int]()
            known = senses[0].kind is Kind.GROUND or (senses[0].kind in PLACES and count > 1)
            if not known and (ground := self._described_ground(text, rest)):
                count, senses, unseen = ground
            start, stop = pieces[index][0], pieces[index + count - 1][1]
            found.append([_word(text, start, stop, sense) for sense in senses])
            found += [[_word(text, *rest[place], UNSEEN)] for place in unseen]
            index += count
        return found

    def senses(self, phrase: str) -> list[Sense]:
        """What a phrase may say, the likeliest first; of one that is not known nothing."""
        key = normal(phrase, self.grammar)
        found = self._senses.get(key, [])
        if all(sense.kind is Kind.CONCEPT for sense in found):
            found = [*found, *self._bent(key)]  # of several that are counted it is this
        if not found and PARTED.fullmatch(key) and not self._small_in(key):
            found = self._joined.get(_squeezed(key), [])
        if not found and key.isdecimal() and len(key) <= LONGEST_NUMBER and int(key) > 0:
            found = [Sense(Kind.NUMBER, str(int(key)))]
        order = list(Kind)
        return sorted(found, key=lambda sense: (order.index(sense.kind), sense.several))

    def _small_in(self, key: str) -> bool:
        """Whether a part of a phrase is too small for one of a name: "be an", "man goes"."""
        parts = key.split()
        small = (len(p) < SHORTEST_PART or p in GOING or p in self.grammar.words for p in parts)
        return len(parts) > 1 and any(small)

    @property
    def single(self) -> tuple[str, ...]:
        """The single words for things and colours."""
        return tuple(
            phrase
            for phrase, senses in self._senses.items()
            if " " not in phrase and senses[0].kind in (Kind.CONCEPT, Kind.COLOUR)
        )

    def knows(self, word: str) -> bool:
        """Whether the word says something, by itself or as another form of a name."""
        return bool(self.senses(word) or self._kind_of(word))

    def _next(
        self, text: str, pieces: Sequence[tuple[int, int]], also: Mapping[str, str]
    ) -> tuple[int, list[Sense]]:
        """As `_here`; what is no word by itself is told by what comes after it."""
        if posture := self._posture(text, pieces, also):
            return posture, [Sense(Kind.FILLER, "")]
        count, senses = self._here(text, pieces, also)
        several = senses[0].kind is Kind.NUMBER and senses[0].meaning != "1"
        measure = self._measure(text, pieces[count:], also) if several else 0
        return (count + measure, [Sense(Kind.UNKNOWN, "")]) if measure else (count, senses)

    def _here(
        self, text: str, pieces: Sequence[tuple[int, int]], also: Mapping[str, str]
    ) -> tuple[int, list[Sense]]:
        """How many pieces the phrase has that begins here, and what it may say.

        Where a name goes on further than "a bunch of", the article stands alone.
        """
        count, senses = self._longest(text, pieces[:LONGEST], also)
        if count > 1 and senses[0].kind in (Kind.SEVERAL, Kind.NUMBER):
            further, named = self._longest(text, pieces[1:], also)
            if further + 1 > count and named[0].kind is Kind.CONCEPT:
                return self._longest(text, pieces[:1], also)
        return count, senses

    def _described_ground(
        self, text: str, pieces: Sequence[tuple[int, int]]
    ) -> tuple[int, list[Sense], list[int]] | None:
        """A ground's phrase with words within it that say more: "in a magical forest".

        How many pieces it has, what it says, and which of the pieces are not painted.
        """
        near = [text[slice(*piece)].casefold() for piece in pieces[:LONGEST]]
        if near[0] not in self._grounds_begin or self._grounds_end.isdisjoint(near[2:]):
            return None
        for before, more, named in product((2, 1), range(1, MOST_WITHIN + 1), PLACE_WORDS):
            last = before + more
            if text[slice(*pieces[min(last, len(pieces) - 1)])].casefold() in self.grammar.articles:
                continue  # "in armor from the desert"
            parts = (*pieces[:before], *pieces[last : last + named])
            phrase = normal(" ".join(text[slice(*piece)] for piece in parts), self.grammar)
            senses = [s for s in self._senses.get(phrase, ()) if s.kind is Kind.GROUND]
            if senses and last + named <= len(pieces):
                within = {
                    p: self._longest(text, [pieces[p]], {})[1][0] for p in range(before, last)
                }
                if all(s.kind in DESCRIBING or s.describes for s in within.values()):
                    unseen = [place for place, s in within.items() if s.kind not in SILENT]
                    return last + named, senses, unseen
        return None

    def _posture(
        self, text: str, pieces: Sequence[tuple[int, int]], also: Mapping[str, str]
    ) -> int:
        """How many pieces are a posture before a place: the "sitting" of "sitting on a car"."""
        for count in (2, 1):
            phrase = text[pieces[0][0] : pieces[min(count, len(pieces)) - 1][1]]
            if normal(phrase) in self.grammar.postures and len(pieces) > count:
                following = self._longest(text, pieces[count:], also)[1][0]
                if following.kind in PLACES:
                    return count
        return 0

    def _measure(
        self, text: str, pieces: Sequence[tuple[int, int]], also: Mapping[str, str]
    ) -> int:
        """How many pieces after a number say what is measured: the "year old" of "20 year old".

        None where they begin a longer name, as of dollar banknotes.
        """
        for count in range(min(2, len(pieces)), 0, -1):
            if normal(text[pieces[0][0] : pieces[count - 1][1]]) in self.grammar.measures:
                return count if self._longest(text, pieces, also)[0] <= count else 0
        return 0

    def _longest(
        self, text: str, pieces: Sequence[tuple[int, int]], also: Mapping[str, str]
    ) -> tuple[int, list[Sense]]:
        first = text[slice(*pieces[0])]
        if first[0] in QUOTES and len(first) > 1:
            return 1, [Sense(Kind.WRITING, first[1:-1])]
        if first in PAUSES:
            return 1, [Sense(Kind.PAUSE, first)]
        for count in range(len(pieces), 0, -1):
            phrase = _phrase(text, pieces[:count], also)
            if senses := self.senses(phrase) or self._kind_of(phrase):
                return count, senses
        alone = unicodedata.category(first[0])[0] in "PSC" and len(first) == 1 and first < "\u2190"
        return 1, [Sense(Kind.FILLER if alone else Kind.UNKNOWN, first)]

    def _kind_of(self, phrase: str) -> list[Sense]:
        key = normal(phrase)
        first, _, rest = key.partition(" ")
        if rest and self.senses(rest) and any(s.kind in LOOKS for s in self.senses(first)):
            return []  # a brown bear is a bear that is brown
        for entry in (key, key.removesuffix("s"), key.removesuffix("es")):
            if entry in self._kinds:
                return [Sense(Kind.CONCEPT, self._kinds[entry], entry != key, kind_of=True)]
        return []

    def _bent(self, key: str) -> list[Sense]:
        """Names of which the phrase is another form by the grammar."""
        for stem, several in self.grammar.stems(key):
            named = [s for s in self._senses.get(stem, ()) if s.kind is Kind.CONCEPT]
            if named:
                return [replace(sense, several=several) for sense in named]
        return []


LOOKS = (Kind.COLOUR, Kind.SIZE)
SILENT = (Kind.FILLER, Kind.ARTICLE)
DESCRIBING = (*LOOKS, *SILENT, Kind.UNKNOWN)
UNSEEN = Sense(Kind.UNKNOWN, "")
PLACES = (Kind.RELATION, Kind.GROUND, Kind.SIDE, Kind.BETWEEN)
QUOTES = '"\u201c\u201e\u00ab'
CLOSING = {'"': '"', "\u201c": "\u201d", "\u201e": "\u201c\u201d", "\u00ab": "\u00bb"}
PAUSES = frozenset(",;.:!?\n\u3001\u3002\uff0c\u060c\u0964")
SKIN = re.compile("[\U0001f3fb-\U0001f3ff]")  # tones
PARTED = re.compile(r"\w+([ -]\w+)*")
JOINERS = "'\u2019-"  # within a word
BOUND = "\ufe0e\ufe0f\u200d\u20e3"  # to the character before; the third to the one after it too


def split(text: str, elided: re.Pattern[str] | None = None) -> Iterator[tuple[int, int]]:
    """The places of words, pauses, quotations and single characters of scripts without spaces."""
    index = 0
    while index < len(text):
        stop = _stop(text, index, elided)
        if not text[index].isspace() or text[index] in PAUSES:
            yield index, stop
        index = stop


def is_and(word: Word) -> bool:
    """Whether the word joins two things without saying where they are."""
    return word.kind is Kind.RELATION and word.meaning == Relation.AND.value


def normal(phrase: str, grammar: Grammar | None = None) -> str:
    """The phrase as an index holds it: lower case, one space, plain apostrophes."""
    plain = phrase.casefold().replace("_", " ")
    if not plain.isascii():
        plain = unicodedata.normalize("NFC", phrase).casefold().replace("\u2019", "'")
        plain = plain.replace("\ufe0f", "").replace("\u200b", "").replace("_", " ")
        plain = SKIN.sub("", plain) or plain
    if grammar is not None and grammar.elided:
        plain = re.sub(r"(?<=\w')\s+", "", plain)
    return " ".join(plain.split())


def _stop(text: str, start: int, elided: re.Pattern[str] | None) -> int:
    """Where the piece ends that begins here."""
    first = text[start]
    if first in QUOTES:
        ends = [text.find(mark, start + 1) for mark in CLOSING[first]]
        if found := [end for end in ends if end > 0]:
            return min(found) + 1
    if not _in_word(first):
        return _bound(text, start + 1)
    if elided and (match := elided.match(text[start:].casefold().replace("\u2019", "'"))):
        return start + match.end()
    stop = start + 1
    while stop < len(text):
        joined = text[stop] in JOINERS and stop + 1 < len(text) and _in_word(text[stop + 1])
        if not _in_word(text[stop]) and not joined:
            break
        stop += 1
    return stop


def _bound(text: str, stop: int) -> int:
    while stop < len(text) and (
        text[stop] in BOUND or SKIN.match(text[stop]) or text[stop - 1] == "\u200d"
    ):
        stop += 1
    return stop


def _in_word(character: str) -> bool:
    """Letters, digits and marks of scripts that part words by spaces."""
    ideograph = "\u2e80" <= character <= "\u9fff" or "\uf900" <= character <= "\ufaff"
    return unicodedata.category(character)[0] in "LNM" and not ideograph and character not in BOUND


def _phrase(text: str, pieces: Sequence[tuple[int, int]], also: Mapping[str, str]) -> str:
    """What stands in these places, with the known words for those that stand for some."""
    if not also:
        return text[pieces[0][0] : pieces[-1][1]]
    said = [also.get(normal(text[slice(*piece)]), text[slice(*piece)]) for piece in pieces]
    gaps = [text[before[1] : after[0]] for before, after in pairwise(pieces)]
    return "".join(word for pair in zip(said, (*gaps, ""), strict=True) for word in pair)


def _squeezed(key: str) -> str:
    """A phrase without what parts its words: "firetruck" is a fire truck, "tea-pot" a teapot."""
    return key.replace(" ", "").replace("-", "")


def _word(text: str, start: int, stop: int, sense: Sense) -> Word:
    return Word(
        text=text[start:stop],
        start=start,
        stop=stop,
        kind=sense.kind,
        meaning=sense.meaning,
        several=sense.several,
        kind_of=sense.kind_of,
        describes=sense.describes,
    )


def _names(vocabulary: Vocabulary, grammar: Grammar) -> Iterator[tuple[str, Sense]]:
    for concept, names in vocabulary.concepts.items():
        for name in names:
            describes = name in vocabulary.descriptions
            for form, sense in _forms(name, concept, grammar):
                yield form, replace(sense, describes=True) if describes else sense
    for style, names in vocabulary.styles.items():
        for name in names:
            for form in grammar.style_forms:
                yield form.format(name), Sense(Kind.STYLE, style)
    for phrase in (*vocabulary.other_styles, *vocabulary.unpainted):
        yield phrase, Sense(Kind.UNKNOWN, "")


def _forms(name: str, concept: str, grammar: Grammar) -> Iterator[tuple[str, Sense]]:
    spaced = {name, name.replace("-", " ")}
    if grammar is ENGLISH:
        spaced |= set(map(with_article_within, spaced))
    yield from ((form, Sense(Kind.CONCEPT, concept)) for form in spaced)
    if grammar is ENGLISH and (several := plural(name)) != name and not _counts(name, grammar):
        yield from (
            (form, Sense(Kind.CONCEPT, concept, True))
            for form in (several, several.replace("-", " "))
        )
        # "buss" are several, "sun behind clouds" one sun
        yield f"{name}s", Sense(Kind.CONCEPT, concept, HEAD_ENDS.search(name) is None)


def _counts(name: str, grammar: Grammar) -> bool:
    """Whether a name begins with a number, so that its plural is so many things: "eight balls"."""
    first, _, rest = name.partition(" ")
    return bool(rest) and any(first in words for words in grammar.numbers.values())


def _small_words(grammar: Grammar) -> Iterator[tuple[str, Sense]]:
    for kind, table in (
        (Kind.NUMBER, {str(number): words for number, words in grammar.numbers.items()}),
        (Kind.COLOUR, grammar.colours),
        (Kind.SIZE, {size.value: words for size, words in grammar.sizes.items()}),
        (Kind.RELATION, {each.value: words for each, words in grammar.relations.items()}),
        (Kind.RELATION, {each.value: words for each, words in grammar.postpositions.items()}),
        (Kind.SIDE, {each.value: words for each, words in grammar.sides.items()}),
        (Kind.GROUND, grammar.grounds),
        (Kind.GROUND, dict(_plain_grounds(grammar))),
    ):
        for meaning, words in table.items():
            yield from ((word, Sense(kind, meaning)) for word in words)
    for place, words in grammar.weather.items():
        yield from ((word, Sense(Kind.GROUND, place, describes=True)) for word in words)
    for kind, words in (
        (Kind.BETWEEN, grammar.between),
        (Kind.SEVERAL, grammar.several),
        (Kind.NEGATION, grammar.negations),
        (Kind.UNKNOWN, (*grammar.varied, *grammar.unpainted)),
        (Kind.WRITING, grammar.writings),
        (Kind.ARTICLE, grammar.articles),
        (Kind.OPENING, grammar.openings),
        (Kind.LIKENESS, grammar.likenesses),
        (Kind.PRONOUN, grammar.pronouns),
        (Kind.FILLER, grammar.fillers),
    ):
        yield from ((word, Sense(kind, "")) for word in words)


def _plain_grounds(grammar: Grammar) -> Iterator[tuple[str, tuple[str, ...]]]:
    """ "plain blue": every phrase that says so."""
    for colour, words in grammar.colours.items():
        phrases = [form.format(word) for form in grammar.plain_grounds for word in words]
        yield f"{PLAIN} {colour}", tuple(phrases)
