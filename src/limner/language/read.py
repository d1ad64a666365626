"""Sentences to scenes: which things a sentence names, how they look and stand, and where.

A sentence is read as a chain: things, each with the words round it that describe it, between words
that say how it stands to the next. What no scene can hold is marked in the reading's words.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from limner.language.again import named_again, said_again, shared_colours
from limner.language.also_english import HEAPS
from limner.language.belonging import without_owners
from limner.language.compounds import without_descriptions, without_modifiers, without_parts
from limner.language.english import ARTICLES as ONE
from limner.language.grammar import ENGLISH, Grammar
from limner.language.orders import as_in_english
from limner.language.parts import BREAKS, Parts, thing_follows
from limner.language.scene import Scene
from limner.language.vocabulary import Vocabulary
from limner.language.words import LOOKS, Index, Kind, Word, is_and, unknown


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


INSTEAD = ("instead", "rather")


class Reader:
    """What reads sentences of one language about the things of one vocabulary."""

    def __init__(self, vocabulary: Vocabulary, grammar: Grammar = ENGLISH) -> None:
        self.index = Index(vocabulary, grammar)
        self._parts = vocabulary.parts

    def read(self, text: str, also: Mapping[str, str] | None = None) -> Reading:
        """The scene of a sentence, and what each of its words was.

        also: further words, as a known one each ("catt": "cat").
        """
        words = _without_echoes(_chosen(self.index.words(text, also)))
        words = as_in_english(_without_measures(words), self.index.grammar)
        words = said_again(words)
        words = named_again(words, self.index.grammar)
        words = shared_colours(words, self.index.grammar.varied)
        words = _without_likenesses(text, words, self.index.grammar.shaped)
        words, negated = _without_negated(text, words)
        words, writing = _without_writing(text, words)
        words, modifiers = without_owners(words, self.index, self._parts)
        if self.index.grammar.compounds:
            words, sorts = without_modifiers(text, words)
            modifiers += sorts
        else:
            words = without_descriptions(words)
        words, parts_of = without_parts(text, words, self._parts)
        parts = Parts()
        for place, word in enumerate(words):
            parts.take(word, words[place + 1 :])
        scene = parts.scene()
        return Reading(
            scene=scene,
            words=tuple(unknown(word) if word in parts.lonely else word for word in words),
            negated=negated,
            writing=writing,
            unused=tuple(dict.fromkeys(word.text for word in parts.unused)),
            modifiers=(*parts_of, *modifiers),
        )


def _chosen(options: Sequence[Sequence[Word]]) -> list[Word]:
    """Of each word what it is here: "orange" is a colour where a thing belongs to it.

    So is a size one: "chica" is a small one where it is no girl.
    """
    words = list[Word]()
    for place, several in enumerate(options):
        look = next((word for word in several if word.kind in LOOKS), None)
        many = next((word for word in several if word.several), None)
        rest = [each[0] for each in options[place + 1 :]]
        weather = several[0].kind is Kind.GROUND and several[0].describes
        if weather and len(several) > 1 and not thing_follows(rest):
            words.append(several[1])  # "foggy" is a thing too
        elif many is not None and (counted := _counted_by(words)):
            heap = counted.text.casefold() in HEAPS and many.meaning == several[0].meaning
            words.append(several[0] if heap else many)  # two flowers are no two bouquets
        elif look is not None and len(several) > 1:
            is_look = _describes_last(words) or thing_follows(rest) or _is_one_of_two(words, rest)
            words.append(look if is_look else several[0])
        else:
            words.append(several[0])
    return words


def _is_one_of_two(words: Sequence[Word], rest: Sequence[Word]) -> bool:
    """Whether a colour is among others: "an orange and white cat", "two cats, one orange and"."""
    among = len(rest) > 1 and is_and(rest[0]) and rest[1].kind is Kind.COLOUR
    share = bool(words) and words[-1].kind is Kind.NUMBER and words[-1].meaning == "1"
    return among or (share and any(word.kind is Kind.CONCEPT for word in words))


def _counted_by(words: Sequence[Word]) -> Word | None:
    """The word by which a thing that comes after these is said to be more than one."""
    for word in reversed(words):
        if word.kind is Kind.NUMBER:
            return word if word.meaning != "1" and "pair" not in word.text else None
        if word.kind not in (*LOOKS, Kind.STYLE, Kind.FILLER):
            return word if word.kind is Kind.SEVERAL else None
    return None


def _without_echoes(words: Sequence[Word]) -> list[Word]:
    """The words with emoji that only repeat the word before them as fillers: "a cat 🐈"."""
    found = list(words[:1])
    for before, word in pairwise(words):
        named = before.kind is Kind.CONCEPT and before.text[0].isalpha()
        again = word.meaning in (before.meaning, f"{before.meaning} face")
        echo = named and again and word.kind is Kind.CONCEPT and not word.text[0].isalpha()
        found.append(replace(word, kind=Kind.FILLER) if echo else word)
    return found


def _without_measures(words: Sequence[Word]) -> list[Word]:
    """The words with numbers that an article of one comes before as unknown ones: "a 3 layer"."""
    found = list(words[:1])
    for before, word in pairwise(words):
        single = before.kind is Kind.ARTICLE and word.kind is Kind.NUMBER and word.meaning != "1"
        measure = single and word.text[0].isalnum() and before.text.casefold() in ONE
        found.append(unknown(word) if measure else word)
    return found


def _without_likenesses(text: str, words: Sequence[Word], shaped: Collection[str]) -> list[Word]:
    """The words with what only says how a thing looks as an unknown one: "made of pizza".

    So is "heart shaped", and "a cake for my dog". Where no thing comes before it, it is the thing.
    """
    kept, place = list[Word](), 0
    while place < len(words):
        word, stop = words[place], place + 1
        likeness = word.kind is Kind.LIKENESS and not word.text.casefold().startswith(INSTEAD)
        if likeness and not any(each.kind is Kind.CONCEPT for each in kept):
            word = replace(word, kind=Kind.FILLER)  # "a logo for a coffee shop"
        if word.kind is Kind.LIKENESS:
            stop = _negation_ends(words, stop)
        elif word.kind is Kind.CONCEPT and _is_shape(words[stop:], shaped):
            stop += 1
        if stop > place + 1 or word.kind is Kind.LIKENESS:
            last = words[stop - 1].stop
            word = unknown(replace(word, text=text[word.start : last], stop=last))
        kept.append(word)
        place = stop
    return kept


def _is_shape(following: Sequence[Word], shaped: Collection[str]) -> bool:
    """Whether a word such as "shaped" comes next, and what is so after it."""
    named = bool(following) and following[0].text.casefold() in shaped
    return named and thing_follows(following[1:]) and following[1].kind not in LOOKS


def _describes_last(words: Sequence[Word]) -> bool:
    """Whether a word that comes after these would describe the last thing: "un chat noir et".

    So would one after "birds: blue, red and".
    """
    for place, word in reversed([*enumerate(words)]):
        joined = is_and(word) and place > 0 and words[place - 1].kind is Kind.COLOUR
        after = words[place + 1 : place + 2]
        joined |= word.kind is Kind.PAUSE and any(each.kind is Kind.COLOUR for each in after)
        if word.kind not in (Kind.COLOUR, Kind.SIZE, Kind.FILLER) and not joined:
            return word.kind is Kind.CONCEPT
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
    first = place
    while first < len(words) and words[first].kind is Kind.FILLER:
        first += 1
    relation = (
        first < len(words) and words[first].kind is Kind.RELATION and not is_and(words[first])
    )
    if relation or (first < len(words) and words[first].kind is Kind.GROUND):
        place = first + 1  # "not on the beach", "not sitting on a chair"
    for stop in range(place, len(words)):
        word, after = words[stop], words[stop + 1 : stop + 2]
        if is_and(word) and not (after and after[0].kind in (Kind.ARTICLE, Kind.NUMBER)):
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
