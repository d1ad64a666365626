"""Which concept a word stands for that no caption had, by what WordNet says it is a kind of."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from limner.data.captions import content_words
from limner.data.find_synonyms import sense_of
from limner.data.records import Record
from limner.data.wordnet import WordNet
from limner.errors import DataError

DEEPEST = 6  # kinds of kinds: a toy poodle is a poodle is a dog


def build_lexicon(
    records: Sequence[Record],
    wordnet: WordNet,
    *,
    read: Collection[str],
    without: Collection[str] = (),
    deepest: int = DEEPEST,
) -> dict[str, str]:
    """Word -> concept, the nearest of several, for words that mostly mean it or a kind of it.

    read: what the captions have; a word of which each part is in there keeps its own meaning and
    has no entry. without: words that mean something else to people. Words are in lower case, with
    spaces.
    """
    known = {part for text in read for part in content_words(text)}
    found: dict[str, tuple[int, str]] = {}
    concepts = {record.concept: record for record in records if record.concept}
    for concept, record in concepts.items():
        number = sense_of(record, wordnet)
        for depth, word in _kinds(number, wordnet, deepest):
            parts = content_words(word)
            if parts and not known.issuperset(parts):
                found[word] = min(found.get(word, (depth, concept)), (depth, concept))
    kept = sorted(found.keys() - set(without))
    return {word: found[word][1] for word in kept}


def listed_words(file: Path) -> frozenset[str]:
    """The words of a file, one a line, without comments; DataError where it cannot be read."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise DataError(
            f"{file} holds no list of words ({error}): a word a line is right"
        ) from error
    return frozenset(line.strip() for line in lines if line.strip() and not line.startswith("#"))


def _kinds(number: int | None, wordnet: WordNet, deepest: int) -> list[tuple[int, str]]:
    """(depth, word) of a meaning and of its kinds, each word that mostly has it."""
    level, words = [] if number is None else [number], list[tuple[int, str]]()
    passed = set(level)
    for depth in range(deepest + 1):
        for each in level:
            usual = (w for w in wordnet.senses[each].words if wordnet.usual(w, each))
            words += [(depth, word) for word in usual]
        level = [kind for each in level for kind in wordnet.senses[each].kinds]
        level = [kind for kind in dict.fromkeys(level) if kind not in passed]
        passed.update(level)
    return words
