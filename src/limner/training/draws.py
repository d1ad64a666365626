"""The random numbers of a training batch: each item has its own, wherever it is computed.

A batch that is cut into parts, one after another or over processes, draws for every item what the
whole batch would have drawn for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from limner.errors import TrainingError

NEWEST = 2
"""The way of drawing that new trainings have; one that is under way keeps its own."""

MOST_TOGETHER, NUMBERS_TOGETHER = 64, 4096


class Draws:
    """Random numbers of some items of one batch, on the CPU.

    seed: of the whole batch. rows: the items' places in the whole batch; B of them, next to each
    other. Repeated draws differ, a new `Draws` of the same seed repeats them all.
    version: how numbers are made. 1: by a generator of each item, one item after another. 2: by one
    of each draw of a group of rows; how many these are follows from the shape.
    """

    def __init__(self, seed: int, rows: range, *, version: int = NEWEST) -> None:
        self.seed = seed
        self.rows = rows
        self.version = version
        self._chances: list[torch.Generator] = []
        self._drawn = 0

    def __len__(self) -> int:
        return len(self.rows)

    def of(self, rows: range) -> Draws:
        """The numbers of other rows of the same batch, from their start."""
        return Draws(self.seed, rows, version=self.version)

    def chances(self) -> list[torch.Generator]:
        """One generator an item, for what is drawn item by item, such as captions."""
        if not self._chances:
            self._chances = [
                torch.Generator().manual_seed(mix(self.seed, row)) for row in self.rows
            ]
        return self._chances

    def normal(self, *shape: int) -> Tensor:
        """(B, *shape) of N(0, 1)."""
        return self._filled(Tensor.normal_, shape)

    def uniform(self, *shape: int) -> Tensor:
        """(B, *shape), even over [0, 1)."""
        return self._filled(Tensor.uniform_, shape)

    def _filled(self, fill: Callable[..., Tensor], shape: tuple[int, ...]) -> Tensor:
        if self.version > 1:
            return self._by_groups(fill, shape)
        numbers = torch.empty(len(self), *shape)
        for chance, row in zip(self.chances(), numbers, strict=True):
            fill(row, generator=chance)
        return numbers

    def _by_groups(self, fill: Callable[..., Tensor], shape: tuple[int, ...]) -> Tensor:
        """Every group that has one of the rows is drawn whole, so a cut changes no number."""
        size = rows_together(math.prod(shape))
        first, last = self.rows.start // size, (self.rows.stop - 1) // size
        numbers = torch.empty(max(0, last + 1 - first), size, *shape)
        chance, draw = torch.Generator(), mix(self.seed, -1 - self._drawn)
        for place, group in enumerate(numbers):
            fill(group, generator=chance.manual_seed(mix(draw, first + place)))
        self._drawn += 1
        return numbers.flatten(0, 1)[self.rows.start - first * size :][: len(self)]


def rows_together(numbers: int) -> int:
    """How many rows of so many numbers have one generator; it depends on nothing else.

    Making a generator takes as long as some thousand numbers; drawing rows of others for nothing
    should not take longer.
    """
    return max(1, min(MOST_TOGETHER, NUMBERS_TOGETHER // max(1, numbers)))


def check_version(version: int) -> int:
    """The version itself; TrainingError where it is one of a newer Limner."""
    if not 1 <= version <= NEWEST:
        raise TrainingError(
            f"this training draws its random numbers in way {version}, which a newer Limner made: "
            f"this one has 1 to {NEWEST}"
        )
    return version


def mix(seed: int, number: int) -> int:
    """One 63-bit seed of two numbers (SplitMix64's finaliser)."""
    z = (seed * 0x9E3779B97F4A7C15 + number * 0xBF58476D1CE4E5B9 + 1) & (2**64 - 1)
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & (2**64 - 1)
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & (2**64 - 1)
    return (z ^ (z >> 31)) >> 1
