"""The nearest known word for one that is misspelt."""

from __future__ import annotations

from collections.abc import Iterable

from limner.emoji.tables import NAMED
from limner.emoji.words import english_words

SHORTEST = 4
LONG = 6  # from so many letters on two of them may be wrong
ENDINGS = ("s", "es", "ed", "d", "ing", "er", "r", "ly", "y", "ish", "like")


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that differs least, where the word is no English word and one is near.

    One letter may be wrong, missing, too many or in its neighbour's place; of a longer word two.
    Of several that are as near one of the same letters, then the one that goes on alike for longer,
    then the shortest.
    """
    word = word.casefold()
    if len(word) < SHORTEST or not word.isalpha() or is_english(word):
        return None
    most = 1 if len(word) < LONG else 2
    near = [
        (steps, set(word) != set(other), -_alike(word, other), len(other), other)
        for other in known
        if abs(len(other) - len(word)) <= most
        and other[0] == word[0]
        and (steps := distance(word, other)) <= most
    ]
    return min(near)[-1] if near else None


def is_english(word: str) -> bool:
    """Whether a dictionary has the word, or the word without an ending; or it is a known name."""
    words = english_words()
    stems = [word, *(word.removesuffix(end) for end in ENDINGS if word.endswith(end))]
    stems += [f"{stem}e" for stem in stems[1:] if len(stem) > 2]
    stems += [f"{word[:-3]}y"] if word.endswith(("ies", "ied")) else []
    return word in NAMED or any(stem in words for stem in stems)


def distance(first: str, second: str) -> int:
    """Fewest letters to change, add, leave out or swap with their neighbours (Damerau)."""
    before, last = list[int](), list(range(len(second) + 1))
    for row, letter in enumerate(first, start=1):
        line = [row]
        for column, other in enumerate(second, start=1):
            best = min(
                last[column] + 1, line[-1] + 1, last[column - 1] + (0 if letter == other else 1)
            )
            swapped = row > 1 and column > 1 and first[row - 2] == other
            if swapped and letter == second[column - 2]:
                best = min(best, before[column - 2] + 1)
            line.append(best)
        before, last = last, line
    return last[-1]


def _alike(first: str, second: str) -> int:
    """Letters that both begin with."""
    for index, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            return index
    return min(len(first), len(second))
