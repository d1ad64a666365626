"""Exponential moving averages of weights with a power-function profile (EDM2 section 3.1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


class PowerEMA:
    """Averages with beta = (1 - 1/step)^(gamma + 1): the window grows (EDM2 eq. 127).

    A larger gamma forgets sooner the beginning: 16.97 and 6.94 are windows of 5 % and 10 % of the
    training so far.
    """

    def __init__(self, parameters: Iterable[Tensor], gammas: tuple[float, ...]) -> None:
        self.parameters = list(parameters)
        self.averages = {gamma: [p.detach().clone() for p in self.parameters] for gamma in gammas}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after optimiser step `step`, counted from 1."""
        for gamma, average in self.averages.items():
            beta = (1.0 - 1.0 / step) ** (gamma + 1.0)
            torch._foreach_lerp_(average, self.parameters, 1.0 - beta)

    @torch.no_grad()
    def copy_to_parameters(self, gamma: float) -> None:
        """Overwrite the weights by the average of this gamma."""
        torch._foreach_copy_(self.parameters, self.averages[gamma])

    @contextmanager
    def applied(self, gamma: float) -> Iterator[None]:
        """The weights are the average of this gamma inside the block, and themselves after it."""
        own = [p.detach().clone() for p in self.parameters]
        self.copy_to_parameters(gamma)
        try:
            yield
        finally:
            with torch.no_grad():
                torch._foreach_copy_(self.parameters, own)

    def restore(self, state: dict[float, list[Tensor]]) -> None:
        for gamma, average in self.averages.items():
            torch._foreach_copy_(average, state[gamma])
