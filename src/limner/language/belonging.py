"""What belongs to something: "a lion's mane" is a lion, "the dog's ball" a ball."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from limner.language.words import LOOKS, Index, Kind, Sense, Word

OWN = ("'s", "\u2019s")
FACE = "face"
BETWEEN = (*LOOKS, Kind.FILLER)


def without_owners(
    words: Sequence[Word], index: Index, parts: AbstractSet[str]
) -> tuple[list[Word], tuple[str, ...]]:
    """The words with what is not painted of an owner and what it has as fillers, and these.

    What is a thing by itself is painted, and its owner is not; of what is one of `parts` (names of
    things) or not known, the owner is.
    """
    found, left_out = [*words], list[str]()
    for at, word in enumerate(words):
        possessive = word.kind is Kind.UNKNOWN and word.text.casefold().endswith(OWN)
        owner = _named(index, word.text[:-2]) if possessive else None
        owned = _owned(words, at)
        if owner is None or owned is None:
            continue
        thing = words[owned]
        said = thing.text.casefold()
        whole = _named(index, f"{word.text[:-2]} {FACE}") if said == FACE else None
        is_part = said == FACE or thing.meaning in parts or said in parts
        if thing.kind is Kind.CONCEPT and not is_part:
            found[at] = replace(word, kind=Kind.FILLER)
            left_out.append(word.text)
            continue
        found[at] = _as(word, whole or owner)
        if thing.kind is Kind.CONCEPT:
            found[owned] = replace(thing, kind=Kind.FILLER)
            left_out += [] if whole else [thing.text]
    return found, tuple(left_out)


def _owned(words: Sequence[Word], place: int) -> int | None:
    """Where what belongs to a word stands: the next that names something, known or not."""
    for at in range(place + 1, len(words)):
        if words[at].kind in (Kind.CONCEPT, Kind.UNKNOWN):
            return at
        if words[at].kind not in BETWEEN:
            break
    return None


def _named(index: Index, name: str) -> Sense | None:
    return next((sense for sense in index.senses(name) if sense.kind is Kind.CONCEPT), None)


def _as(word: Word, sense: Sense) -> Word:
    return replace(word, kind=sense.kind, meaning=sense.meaning, several=sense.several)
