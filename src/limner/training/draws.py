"""The random numbers of a training batch: each item has its own, wherever it is computed.

A batch that is cut into parts, one after another or over processes, draws for every item what the
whole batch would have drawn for it.
"""

from __future__ import annotations

import torch
from torch import Tensor


class Draws:
    """Random numbers of some items of one batch, on the CPU.

    seed: of the whole batch. rows: the items' places in the whole batch; B of them.
    Each call goes on in every item's own sequence: repeated draws differ, a new `Draws` of the same
    seed repeats them all.
    """

    def __init__(self, seed: int, rows: range) -> None:
        self.seed = seed
        self.rows = rows
        self._chances = [torch.Generator().manual_seed(mix(seed, row)) for row in rows]

    def __len__(self) -> int:
        return len(self.rows)

    def chances(self) -> list[torch.Generator]:
        """One generator an item, for what is drawn item by item, such as captions."""
        return self._chances

    def normal(self, *shape: int) -> Tensor:
        """(B, *shape) of N(0, 1)."""
        numbers = torch.empty(len(self), *shape)
        for chance, row in zip(self._chances, numbers, strict=True):
            row.normal_(generator=chance)
        return numbers

    def uniform(self, *shape: int) -> Tensor:
        """(B, *shape), even over [0, 1)."""
        numbers = torch.empty(len(self), *shape)
        for chance, row in zip(self._chances, numbers, strict=True):
            row.uniform_(generator=chance)
        return numbers


def mix(seed: int, number: int) -> int:
    """One 63-bit seed of two numbers (SplitMix64's finaliser)."""
    z = (seed * 0x9E3779B97F4A7C15 + number * 0xBF58476D1CE4E5B9 + 1) & (2**64 - 1)
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & (2**64 - 1)
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & (2**64 - 1)
    return (z ^ (z >> 31)) >> 1
