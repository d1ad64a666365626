"""Cells of a picture set: a concept in a style; which pictures show the same drawn otherwise."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from limner.data.records import Record


class Cells:
    """The records of a set by concept and by style; those without either are in no cell."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.records = records
        self._of_concept: defaultdict[str, list[int]] = defaultdict(list)
        self._of_style: defaultdict[str, list[int]] = defaultdict(list)
        for index, record in enumerate(records):
            if record.concept and record.style:
                self._of_concept[record.concept].append(index)
                self._of_style[record.style].append(index)

    def others(self, record: Record) -> tuple[int, ...]:
        """Where the same concept is in other styles."""
        same = self._of_concept.get(record.concept, ())
        return tuple(index for index in same if self.records[index].style != record.style)

    def mates(self, record: Record) -> tuple[int, ...]:
        """Where other concepts are in the same style."""
        same = self._of_style.get(record.style, ())
        return tuple(index for index in same if self.records[index].concept != record.concept)
