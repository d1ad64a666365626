"""The words that a writer and a reader of sentences are given: what there is, and its names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Names = Mapping[str, tuple[str, ...]]  # a key of the scene -> what people call it, plainest first


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """Names in lower case with spaces. Colours, numbers and grounds are the grammar's.

    For writing, a concept or style without an entry is called by its key; for reading, each that
    is to be known has an entry. kinds: words of lower rank -> the concept that each is a kind of.
    other_styles: phrases for ways of drawing that there are and that are none of the styles.
    unpainted: phrases that nothing in a scene can stand for, each as a whole. descriptions: names
    that beside another one say how that is: "heureux" is a face by itself, and a dog
    that is so is none. parts: concepts that are parts of others and no things beside them: eyes.
    """

    concepts: Names = field(default_factory=dict)
    styles: Names = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)
    other_styles: tuple[str, ...] = ()
    unpainted: tuple[str, ...] = ()
    descriptions: frozenset[str] = frozenset()
    parts: frozenset[str] = frozenset()
