"""Other words for a concept: some enter the captions, the others measure what was understood."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from limner.data.records import Record, write_json
from limner.errors import DataError, UsageError


@dataclass(frozen=True, kw_only=True, eq=False)
class Synonyms:
    """Words for each concept, apart in those to train with and those to measure with.

    training, held_out: concept -> its words. sources: word -> where it is from.
    share: of the captions that name a concept by a training synonym, where it has any.
    seed: what the two were parted by.
    """

    training: Mapping[str, tuple[str, ...]]
    held_out: Mapping[str, tuple[str, ...]]
    sources: Mapping[str, str]
    share: float = 0.25
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0.0 <= self.share <= 1.0:
            raise UsageError(f"share {self.share}: a share from 0 to 1 is right")

    def without_held_out(self, records: Sequence[Record]) -> tuple[Record, ...]:
        """The records with no held-out word among their names and keywords, whole or as a part.

        What a training reads must pass through here, or the held-out words measure nothing. The
        concept itself stays: no word of it is ever held out.
        """
        words = {word for some in self.held_out.values() for word in some}
        # Longest first, or a phrase would be found by its beginning only.
        either = "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
        pattern = re.compile(rf"\b(?:{either})(?:e?s)?\b") if words else re.compile(r"(?!)")
        return tuple(
            replace(
                record,
                names=_without(record.names, pattern),
                keywords=_without(record.keywords, pattern),
            )
            for record in records
        )

    def save(self, path: Path) -> None:
        """Write all of it as JSON, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, asdict(self))

    @classmethod
    def load(cls, path: Path) -> Synonyms:
        """Read what `save` wrote; DataError if it is missing or something else."""
        try:
            row = json.loads(path.read_text(encoding="utf-8"))
            for name in ("training", "held_out"):
                row[name] = {concept: tuple(words) for concept, words in row[name].items()}
            return cls(**row)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{path} holds no readable synonyms: {error}") from error


def _without(phrases: Sequence[str], pattern: re.Pattern[str]) -> tuple[str, ...]:
    return tuple(phrase for phrase in phrases if not pattern.search(phrase))
