"""Names of two things that mean one: a chocolate cake is a cake, a baby elephant a small one.

So do, in other languages than English, words that are known from faces and people alone: by itself
"heureux" is a smiling face, and "un chien heureux" is no dog and a face.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from limner.language.also_english import DOINGS, POSSESSIVES, YOUNG
from limner.language.scene import Relation, Size
from limner.language.words import Kind, Word, unknown

SMALL = (Kind.FILLER, Kind.ARTICLE)
SAID = (Kind.ARTICLE, Kind.NUMBER, Kind.COLOUR, Kind.SIZE)  # what a list of names has not before it


def without_modifiers(text: str, words: Sequence[Word]) -> tuple[list[Word], tuple[str, ...]]:
    """The words with the names that only say what sort of thing is meant as fillers, and these.

    Of two names that follow each other the last one is the thing, but for "chef cooking"; three and
    more are a list where nothing is said before them: "cat dog bird".
    """
    lowered, place = dict[int, Word](), 0
    while place < len(words):
        stop = _names_end(text, words, place)
        if stop - place == 2 or (stop - place > 2 and place > 0 and words[place - 1].kind in SAID):
            does = words[stop - 1].text.casefold() in DOINGS
            head = place if does else stop - 1
            others = (index for index in range(place, stop) if index != head)
            lowered |= {index: _lowered(words[index]) for index in others}
        place = max(stop, place + 1)
    modifiers = (word.text for word in lowered.values() if word.kind is Kind.FILLER)
    return [lowered.get(index, word) for index, word in enumerate(words)], tuple(modifiers)


def without_parts(
    text: str, words: Sequence[Word], parts: AbstractSet[str]
) -> tuple[list[Word], tuple[str, ...]]:
    """The words with what a thing has by nature as fillers, and these: its blue eyes, its mouth."""
    lowered, found, things = dict[int, Word](), list[str](), False
    for place, word in enumerate(words):
        if word.kind is Kind.CONCEPT and _is_part(word, parts) and things:
            start = _begins(words, place)
            had = start > 0 and (start - 1 in lowered or words[start - 1].text.endswith("hair"))
            if _is_own(words[start:place], had=had):
                found.append(text[words[start + 1].start : word.stop])
                inside = range(start, place + 1)
                lowered |= {index: replace(words[index], kind=Kind.FILLER) for index in inside}
        things |= word.kind is Kind.CONCEPT and not _is_part(word, parts)
    return [lowered.get(index, word) for index, word in enumerate(words)], tuple(found)


def _is_part(word: Word, parts: AbstractSet[str]) -> bool:
    return word.meaning in parts or word.text.casefold() in parts


def _begins(words: Sequence[Word], place: int) -> int:
    """Where what is said of a thing begins, with the word that joins it to the one before."""
    while place > 0 and words[place - 1].kind in (*SAID, Kind.FILLER, Kind.UNKNOWN):
        place -= 1
    return max(0, place - 1)


def _is_own(before: Sequence[Word], *, had: bool) -> bool:
    """Whether what is said before a part makes it one of the thing: "with", "in its".

    had: whether another one comes just before these words: "red hair and".
    """
    if not before or before[0].kind not in (Kind.RELATION, Kind.PAUSE):
        return False
    own = any(word.text.casefold() in POSSESSIVES for word in before)
    return own or had or _is_with(before[0])


def without_descriptions(words: Sequence[Word]) -> list[Word]:
    """The words with those that only say how a thing beside them is as unknown ones.

    Where what one is known as is that thing itself, it stands for both: beside "mulher", a woman,
    "grávida" is a pregnant woman, and "un hombre con barba" is one person too.
    """
    lowered = dict[int, Word]()
    for place, word in enumerate(words):
        for thing, joined in _things_round(words, place) if word.describes else ():
            if words[thing].meaning in re.split(r"\W+", word.meaning):
                others = range(thing, place) if thing < place else range(place + 1, thing + 1)
                lowered |= {index: replace(words[index], kind=Kind.FILLER) for index in others}
            elif not joined:
                lowered[place] = unknown(word)
    return [lowered.get(index, word) for index, word in enumerate(words)]


def _things_round(words: Sequence[Word], place: int) -> Iterator[tuple[int, bool]]:
    """Where the things stand next to a word, or before it and "with"; whether that is between."""
    for step in (-1, 1):
        index, joined = place + step, False
        while 0 <= index < len(words) and (words[index].kind in SMALL or _is_with(words[index])):
            joined |= words[index].kind is not Kind.FILLER
            index += step
        there = 0 <= index < len(words) and words[index].kind is Kind.CONCEPT
        if there and not words[index].describes and not (joined and step > 0):
            yield index, joined


def _is_with(word: Word) -> bool:
    return word.kind is Kind.RELATION and word.meaning == Relation.WITH.value


def _names_end(text: str, words: Sequence[Word], place: int) -> int:
    """Where the names end that begin here and have nothing but spaces between them."""
    stop = place
    while stop < len(words) and _is_name(words[stop]):
        if stop > place and _does(words[stop - 1]):
            break
        if stop > place:
            before = words[stop - 1]
            if before.several or text[before.stop : words[stop].start].strip(" "):
                break
        stop += 1
    return stop


def _does(word: Word) -> bool:
    """Whether it says what somebody does: what comes next is another thing."""
    said = word.text.casefold()
    return said in DOINGS or (" " in said and said.endswith("ing"))


def _is_name(word: Word) -> bool:
    """Whether it is a thing's in letters: emoji in a row are a thing each."""
    return word.kind is Kind.CONCEPT and word.text[0].isalpha()


def _lowered(word: Word) -> Word:
    if word.text.casefold() in YOUNG:
        return replace(word, kind=Kind.SIZE, meaning=Size.SMALL.value)
    return replace(word, kind=Kind.FILLER)
