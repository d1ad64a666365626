"""Combinations that no training draws, so that what a model makes of them can be measured.

Whether a pair is withheld depends on the seed, the kind of pair and its two names alone: it is
fixed before there is a data set, and a choice of fewer concepts withholds the same. Withheld
(concept, style) cells are chosen while a set is built (`emoji.choose_held_out`), withheld synonyms
by `find_synonyms`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import combinations

from limner.errors import UsageError


class Pair(Enum):
    """What is combined with a concept."""

    COLOUR = "concept, colour"
    CONCEPT = "concept, concept"
    COUNT = "concept, count"
    GROUND = "concept, ground"


@dataclass(frozen=True, kw_only=True)
class Withheld:
    """share: of the pairs of each kind. seed: which."""

    share: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0.0 <= self.share <= 1.0:
            raise UsageError(f"share {self.share}: a share from 0 to 1 is right")

    def has(self, kind: Pair, concept: str, other: str | int) -> bool:
        """Whether this pair is never drawn; of two concepts in either order."""
        names = [concept, str(other)]
        if kind is Pair.CONCEPT:
            if concept == other:
                return False
            names.sort()
        text = "\n".join([str(self.seed), kind.value, *names])
        digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
        return int.from_bytes(digest) < self.share * 2**64

    def listed(self, kind: Pair, concepts: Sequence[str], others: Sequence[str | int]) -> list[str]:
        """The withheld pairs of these concepts with these others, as "concept, other"."""
        pairs: list[tuple[str, str | int]]
        if kind is Pair.CONCEPT:
            pairs = list(combinations(sorted(concepts), 2))
        else:
            pairs = [(concept, other) for concept in sorted(concepts) for other in others]
        return [f"{one}, {other}" for one, other in pairs if self.has(kind, one, other)]
