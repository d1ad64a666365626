"""What the concepts of a world are called, and which of them are learned first.

FOLDER/everyday.json, beside a built set: made once, so that every training reads the same words.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from limner.data.concepts import everyday
from limner.data.find_synonyms import SAME
from limner.data.records import Record, write_json
from limner.data.synonyms import Synonyms
from limner.errors import DataError

EVERYDAY_FILE = "everyday.json"
FIRST = 600  # concepts that are learned before the others
HELD_OUT = 300  # synonyms

# Of one word, and yet another name is used ten times as often (wordfreq 3.1.1); any other label
# of one word is the plainest name of its concept.
LESS_USUAL = frozenset(
    {"amphora", "automobile", "cityscape", "envelope", "ewe",
     "handbag", "headstone", "hibiscus", "honeybee", "loudspeaker", "microbe", "motorway",
     "ogre", "paintbrush", "postbox", "pushpin", "sailboat",
     "sauropod", "stopwatch", "tangerine"}
)  # fmt: skip
USUAL = frozenset(  # of several words, and nothing is more usual
    {"baby bottle", "broken heart", "cherry blossom", "christmas tree", "crystal ball", "hot dog",
     "ice cream", "love letter", "old key", "old man", "old woman", "police car", "police officer",
     "potted plant", "roller coaster", "shooting star", "spider web", "teddy bear", "video game"}
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class EverydayWords:
    """Words of a set's concepts.

    names: concept -> what it is called, the plainest first; the emoji character is among them.
    first: the concepts that are learned first. held_out: concept -> words that no caption has.
    """

    names: Mapping[str, tuple[str, ...]]
    first: tuple[str, ...]
    held_out: Mapping[str, tuple[str, ...]]

    @property
    def refused(self) -> frozenset[str]:
        """The words that are held out."""
        return frozenset(word for words in self.held_out.values() for word in words)

    def save(self, folder: Path) -> None:
        write_json(folder / EVERYDAY_FILE, asdict(self))

    @classmethod
    def load(cls, folder: Path) -> EverydayWords:
        """Read what `save` wrote; DataError if it is not there or something else."""
        try:
            row = json.loads((folder / EVERYDAY_FILE).read_text(encoding="utf-8"))
            names, held_out = (
                {concept: tuple(words) for concept, words in row[field].items()}
                for field in ("names", "held_out")
            )
            return cls(names=names, first=tuple(row["first"]), held_out=held_out)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"{folder} holds no words of everyday ({error}); `limner data everyday` makes them"
            ) from error


def read_nouns(file: Path) -> list[tuple[str, str]]:
    """The nouns of a list as bench/everyday_nouns.py writes it, each with its concept.

    DataError where it is none.
    """
    found = []
    try:
        rows = file.read_text(encoding="utf-8").splitlines()
        for row in filter(None, rows):
            if not row.startswith("#"):
                noun, concept = row.split(" ", 1)[1].split(": ")
                found.append((noun, concept))
    except (OSError, ValueError, IndexError) as error:
        raise DataError(
            f"{file} is no list of nouns ({error}): lines such as '7 car: automobile' are right"
        ) from error
    return found


def everyday_words(
    records: Sequence[Record],
    called: Mapping[str, Sequence[str]],
    characters: Mapping[str, str],
    synonyms: Synonyms,
    *,
    measured: Sequence[str] = (),
    count: int = FIRST,
    seed: int = 0,
) -> EverydayWords:
    """The words of these records' concepts.

    called: concept -> everyday names, the concept's own last. characters: emoji -> concept.
    measured: concepts that are learned first whatever else is. count: how many are learned first.
    synonyms: those of the same meaning are names too; some of the words held out there are held out
    here, by `seed`; all others, such as the kinds of a thing, are left out.
    """
    spoken = {name for names in called.values() for name in names}
    held_out = _held_out(synonyms, spoken, seed)
    refused = {word for words in held_out.values() for word in words}
    signs = {concept: sign for sign, concept in characters.items()}
    names = {}
    for record in records:
        concept = record.concept
        if concept in names:
            continue
        own = _plainest_first(concept, called.get(concept, (concept,)))
        same = [w for w in synonyms.training.get(concept, ()) if synonyms.sources[w] == SAME]
        more = [word for word in (*record.names, *same) if word not in spoken]
        wanted = [*own, *more, *([signs[concept]] if concept in signs else [])]
        names[concept] = tuple(dict.fromkeys(name for name in wanted if name not in refused))
    return EverydayWords(
        names=names, first=first_concepts(records, called, measured, count), held_out=held_out
    )


def first_concepts(
    records: Sequence[Record],
    called: Mapping[str, Sequence[str]],
    measured: Sequence[str],
    count: int = FIRST,
) -> tuple[str, ...]:
    """So many concepts: those measured on, those with names of their own, then everyday ones.

    Within each kind those with the fewest words go first; the order is that of the records.
    """
    concepts = dict.fromkeys(record.concept for record in records)
    plain = set(everyday(records))
    named = {concept for concept, names in called.items() if len(names) > 1}

    def rank(concept: str) -> tuple[bool, bool, bool, int]:
        words = len(concept.split())
        return concept not in measured, concept not in named, concept not in plain, words

    chosen = set(sorted(concepts, key=rank)[:count])
    return tuple(concept for concept in concepts if concept in chosen)


def _plainest_first(concept: str, names: Sequence[str]) -> list[str]:
    label_first = concept in USUAL or (" " not in concept and concept not in LESS_USUAL)
    others = [name for name in names if name != concept]
    return [concept, *others] if label_first else [*others, concept]


def _held_out(synonyms: Synonyms, spoken: set[str], seed: int) -> dict[str, tuple[str, ...]]:
    """`HELD_OUT` of the synonyms that are no everyday name; fewer where there are fewer."""
    pairs = [
        (concept, word)
        for concept, words in sorted(synonyms.held_out.items())
        for word in words
        if word not in spoken
    ]
    random.Random(seed).shuffle(pairs)
    chosen: dict[str, tuple[str, ...]] = {}
    for concept, word in sorted(pairs[:HELD_OUT]):
        chosen[concept] = (*chosen.get(concept, ()), word)
    return chosen
