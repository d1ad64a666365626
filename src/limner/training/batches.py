"""Which items a step sees, and how a batch is cut: over processes, then into parts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from limner.training.draws import NEWEST, Draws, mix


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """Some rows of the batch of a step.

    indices: the items of the whole batch, (N,). rows: those meant. seed, version: of its random
    numbers.
    """

    indices: Tensor
    seed: int
    rows: range
    version: int = NEWEST

    @property
    def own(self) -> Tensor:
        """The items of `rows`."""
        return self.indices[self.rows.start : self.rows.stop]

    def draws(self) -> Draws:
        """The random numbers of `rows`, from their start."""
        return Draws(self.seed, self.rows, version=self.version)

    def split(self, count: int) -> list[Batch]:
        """`count` equal runs of the rows."""
        size = len(self.rows) // count
        starts = range(self.rows.start, self.rows.stop, size)
        return [replace(self, rows=range(start, start + size)) for start in starts]


class Batches:
    """The batches of a training, each a function of its step.

    count: items of the data set. batch: items a step. seed: of the training. draws: the version of
    `Draws` that it draws by. The orders of the epochs that a step needs are kept for the next one.
    """

    def __init__(self, count: int, batch: int, seed: int, *, draws: int = NEWEST) -> None:
        self.count, self.batch, self.seed, self.draws = count, batch, seed, draws
        self._orders: dict[int, Tensor] = {}

    def of_step(self, step: int) -> Batch:
        """The whole batch of a step."""
        return Batch(
            indices=self.indices(step),
            seed=mix(self.seed, step),
            rows=range(self.batch),
            version=self.draws,
        )

    def indices(self, step: int) -> Tensor:
        """The items of a step, (B,): every item once an epoch, in an order of (seed, epoch)."""
        positions = torch.arange(step * self.batch, (step + 1) * self.batch)
        epochs = positions // self.count
        needed = epochs.unique().tolist()
        self._orders = {epoch: self._order(epoch) for epoch in needed}
        parts = [self._orders[epoch][positions[epochs == epoch] % self.count] for epoch in needed]
        return torch.cat(parts)

    def _order(self, epoch: int) -> Tensor:
        if epoch in self._orders:
            return self._orders[epoch]
        chance = torch.Generator().manual_seed(mix(self.seed + 1, epoch))
        return torch.randperm(self.count, generator=chance)
