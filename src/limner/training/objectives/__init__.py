"""What is minimised: one module an objective, all called the same way by the loop."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn


@runtime_checkable
class Objective(Protocol):
    """A loss over a data set of `count` items.

    modules: everything that is trained; saved, averaged and clipped by the loop.
    """

    modules: nn.ModuleDict
    count: int

    def loss(self, indices: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Losses of the items `indices`, (B,), by name; `total` is what is minimised.

        Every random choice comes from `generator`, so that a step can be repeated to the bit.
        """
        ...
