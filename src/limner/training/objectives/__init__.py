"""What is minimised: one module an objective, all called the same way by the loop."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from limner.training.draws import Draws


@runtime_checkable
class Objective(Protocol):
    """A loss over a data set of `count` items.

    modules: everything that is trained; saved, averaged and clipped by the loop.
    """

    modules: nn.ModuleDict
    count: int

    def loss(self, indices: Tensor, draws: Draws) -> dict[str, Tensor]:
        """Losses of the items `indices`, (B,), by name, means over them; `total` is minimised.

        Every random choice comes from `draws`, so that a step can be repeated to the bit, and cut
        into parts whose losses average to that of the whole.
        """
        ...


@runtime_checkable
class ComparingObjective(Objective, Protocol):
    """An objective that compares the items of a batch: parts of it need the features of all.

    share_gradients: over processes, every feature gets the gradient of all processes' losses.
    """

    share_gradients: bool

    def features(self, indices: Tensor, draws: Draws) -> Tensor:
        """(B, ...) of the items `indices`, (B,)."""
        ...

    def compare(self, features: Tensor, indices: Tensor, draws: Draws) -> dict[str, Tensor]:
        """Losses of the rows of `draws` against all; features: (N, ...) of all `indices`, (N,)."""
        ...
