"""The words that a writer and a reader of sentences are given: what there is, and its names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from limner.language.english import COLOURS, GROUNDS

Names = Mapping[str, tuple[str, ...]]  # a key of the scene -> what people call it, plainest first


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """Names in lower case with spaces; a concept without an entry is called by its own name.

    grounds: place -> phrases ("beach" -> "on the beach", "at the beach").
    """

    concepts: Names = field(default_factory=dict)
    styles: Names = field(default_factory=dict)
    colours: Names = field(default_factory=lambda: COLOURS)
    grounds: Names = field(default_factory=lambda: GROUNDS)
