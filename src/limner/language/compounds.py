"""Names of two things that mean one: a chocolate cake is a cake, a baby elephant a small one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from limner.language.english import DOINGS, YOUNG
from limner.language.scene import Size
from limner.language.words import Kind, Word

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


def _names_end(text: str, words: Sequence[Word], place: int) -> int:
    """Where the names end that begin here and have nothing but spaces between them."""
    stop = place
    while stop < len(words) and _is_name(words[stop]):
        if stop > place:
            before = words[stop - 1]
            if before.several or text[before.stop : words[stop].start].strip(" "):
                break
        stop += 1
    return stop


def _is_name(word: Word) -> bool:
    """Whether it is a thing's in letters: emoji in a row are a thing each."""
    return word.kind is Kind.CONCEPT and word.text[0].isalpha()


def _lowered(word: Word) -> Word:
    if word.text.casefold() in YOUNG:
        return replace(word, kind=Kind.SIZE, meaning=Size.SMALL.value)
    return replace(word, kind=Kind.FILLER)
