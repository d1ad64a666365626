"""What people call the emoji, and what of it a model knows."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache
from importlib.resources import files


@cache
def everyday_names() -> dict[str, tuple[str, ...]]:
    """Label of emojibase -> other names, the plainest first."""
    return {label: tuple(names) for label, names in _rows("names.txt")}


def abroad() -> dict[str, dict[str, str]]:
    """By language everyday words -> English names, which go before what the tables say."""
    return {
        language: {word: name for word, _, name in (each.partition("=") for each in words)}
        for language, words in _rows("abroad.txt")
    }


def names_of(concepts: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Every name of each of a model's concepts, its own label among them.

    A name that several labels have is for the first that the model has, and a label before all.
    """
    taken = set(concepts)
    found: dict[str, list[str]] = {concept: [] for concept in concepts}
    for label, names in everyday_names().items():
        for name in names if label in found else ():
            if name not in taken:
                found[label].append(name)
                taken.add(name)
    return {concept: (*names, concept) for concept, names in found.items()}


def in_words(concept: str) -> str:
    """A label as it is said in a sentence: "man: beard" is a man with a beard."""
    return everyday_names().get(concept, (concept,))[0] if ":" in concept else concept


def _rows(file: str) -> Iterator[tuple[str, list[str]]]:
    """What stands before the last colon of each line ("man: beard"), and the list behind it."""
    for line in (files("limner.emoji") / file).read_text("utf-8").splitlines():
        if not line.startswith("#"):
            key, _, several = line.rpartition(": ")
            yield key, several.split(", ")
