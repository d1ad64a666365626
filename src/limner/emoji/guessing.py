"""Which languages a text may be in, before a reader of any is made."""

from __future__ import annotations

import re
from collections.abc import Iterator

from limner.emoji.words import LANGUAGES, languages_of, translations
from limner.language.foreign import FOREIGN
from limner.language.words import normal, split

MOST_WORDS = 4  # of a phrase that is looked for
MOST_SIGNS = 9  # of a word in a script without spaces, of which each is a piece
MOST_LANGUAGES = 3


def likely_languages(text: str) -> list[str]:
    """The languages that know most of the text's letters, the most spoken first of equals."""
    counts = {language: known_letters(text, language) for language in languages_of(text)}
    order = list(LANGUAGES)
    likely = [language for language, count in counts.items() if count]
    return sorted(likely, key=lambda each: (-counts[each], order.index(each)))[:MOST_LANGUAGES]


def known_letters(text: str, language: str) -> int:
    """How many letters of a text are in words of a language."""
    grammar, names = FOREIGN[language], translations(language)
    small = set(map(normal, grammar.words.union(*grammar.colours.values())))
    elided = re.compile(grammar.elided) if grammar.elided else None
    letters = set[int]()
    for start, stop in _phrases(list(split(text, elided))):
        key = normal(text[start:stop])
        stems = [key, *(stem for stem, _ in grammar.stems(key))]
        if key in small or any(stem in names for stem in stems):
            letters.update(range(start, stop))
    return len(letters)


def _phrases(places: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Up to so many words, and words of so many signs that nothing parts."""
    for first in range(len(places)):
        apart = 0
        for last in range(first, min(first + MOST_SIGNS, len(places))):
            apart += last > first and places[last][0] > places[last - 1][1]
            if apart and last - first >= MOST_WORDS:
                break
            yield places[first][0], places[last][1]
