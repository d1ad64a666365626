"""Which items a step sees, and how a batch is cut: over processes, then into parts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from limner.training.draws import Draws, mix


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """Some rows of the batch of a step.

    indices: the items of the whole batch, (N,). seed: of its random numbers. rows: those meant.
    """

    indices: Tensor
    seed: int
    rows: range

    @property
    def own(self) -> Tensor:
        """The items of `rows`."""
        return self.indices[self.rows.start : self.rows.stop]

    def draws(self) -> Draws:
        """The random numbers of `rows`, from their start."""
        return Draws(self.seed, self.rows)

    def split(self, count: int) -> list[Batch]:
        """`count` equal runs of the rows."""
        size = len(self.rows) // count
        starts = range(self.rows.start, self.rows.stop, size)
        return [replace(self, rows=range(start, start + size)) for start in starts]


def batch_of_step(count: int, batch: int, step: int, seed: int) -> Batch:
    """The whole batch of a step."""
    indices = batch_indices(count, batch, step, seed)
    return Batch(indices=indices, seed=mix(seed, step), rows=range(batch))


def batch_indices(count: int, batch: int, step: int, seed: int) -> Tensor:
    """The items of step `step`, (B,): every item once an epoch, in an order of (seed, epoch)."""
    positions = torch.arange(step * batch, (step + 1) * batch)
    epochs = positions // count
    orders = {
        int(epoch): torch.randperm(
            count, generator=torch.Generator().manual_seed(mix(seed + 1, int(epoch)))
        )
        for epoch in epochs.unique()
    }
    pairs = zip(epochs.tolist(), (positions % count).tolist(), strict=True)
    return torch.stack([orders[epoch][position] for epoch, position in pairs])
