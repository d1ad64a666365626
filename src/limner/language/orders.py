"""Word orders that are not English: what stands behind a thing, and what is said before it.

桌子下 is "under the table", 戴帽子的熊猫 "a panda with a hat".
"""

from __future__ import annotations

from collections.abc import Sequence

from limner.language.grammar import Grammar
from limner.language.scene import Relation
from limner.language.words import LOOKS, Kind, Word, normal, unknown

OF_THE_THING = (*LOOKS, Kind.ARTICLE, Kind.NUMBER, Kind.SEVERAL, Kind.FILLER)


def as_in_english(words: Sequence[Word], grammar: Grammar) -> list[Word]:
    """The words in the order of English ones."""
    found = _placed_before(words, grammar) if grammar.postpositions else [*words]
    return _owner_first(found) if grammar.clauses_first else found


def _placed_before(words: Sequence[Word], grammar: Grammar) -> list[Word]:
    """The words with relations that stand behind a thing before it and what is said of it.

    One without a thing before it says nothing.
    """
    behind = {word for several in grammar.postpositions.values() for word in several}
    found = list[Word]()
    for word in words:
        if word.kind is not Kind.RELATION or normal(word.text) not in behind:
            found.append(word)
        elif (place := _thing_before(found)) is None:
            found.append(unknown(word))
        else:
            found.insert(place, word)
    return found


def _owner_first(words: Sequence[Word]) -> list[Word]:
    """The words with a thing that comes after what it has, or does, before that: "with a hat cat".

    So only where nothing but a place stands before it, and the two are joined by nothing.
    """
    start = next((n for n, word in enumerate(words) if _has(word)), len(words))
    before = [word for word in words[:start] if word.kind is not Kind.FILLER]
    placed = bool(before) and before[0].kind is Kind.RELATION
    if not placed and any(word.kind is Kind.CONCEPT for word in before):
        return [*words]
    things = [n for n in range(start, len(words)) if words[n].kind is Kind.CONCEPT]
    if len(things) < 2 or any(_joins(word) for word in words[things[0] : things[1]]):
        return [*words]
    first, stop = things[0] + 1, things[1] + 1
    return [*words[:start], *words[first:stop], *words[start:first], *words[stop:]]


def _has(word: Word) -> bool:
    having = (Relation.WITH.value, Relation.ON.value)
    return word.kind is Kind.RELATION and word.meaning in having


def _joins(word: Word) -> bool:
    return word.kind in (Kind.RELATION, Kind.PAUSE, Kind.GROUND)


def _thing_before(words: Sequence[Word]) -> int | None:
    """Where the thing begins that these words end with, and what is said of it."""
    place = len(words)
    while place > 0 and words[place - 1].kind is Kind.FILLER:
        place -= 1
    if not place or words[place - 1].kind is not Kind.CONCEPT:
        return None
    place -= 1
    while place > 0 and words[place - 1].kind in OF_THE_THING:
        place -= 1
    return place
