"""Seeded noise: one generator a picture, so that no picture depends on its batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from limner.diffusion.brownian import BrownianPaths, Interval
from limner.errors import RequestError
from limner.types import Latent


class Noise:
    """The Gaussian noise of some pictures: where they start, and what stochastic solvers add.

    seeds: one a picture. shape: (C, h, w) of one. All is drawn in fp32 on the CPU, then moved and
    cast, so that device and dtype do not change the picture either.
    """

    def __init__(self, seeds: Sequence[int], shape: tuple[int, int, int]) -> None:
        for seed in seeds:
            if not 0 <= seed < 2**63:
                raise RequestError(f"seed is {seed}; it must lie between 0 and 2^63 - 1")
        self.shape = shape
        self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        # Drawn here and not on demand: the draws for the steps must come after the start even where
        # a start from elsewhere is used, or the same noise would be added twice.
        self._start = self._draw()
        self._brownian = BrownianPaths(seeds, shape)

    def start(self) -> Latent:
        """(count, C, h, w) of unit variance, fp32 on the CPU; the same each time."""
        return self._start

    def __call__(self, like: Latent, interval: Interval | None = None) -> Latent:
        """Noise of every picture, with the device and dtype of `like`.

        interval: what each picture's Brownian path adds over it; None: the next fresh noise.
        """
        if interval is not None:
            return self._brownian(interval).to(like)
        return self._draw().to(like)

    def _draw(self) -> Tensor:
        drawn = [torch.randn(self.shape, generator=generator) for generator in self.generators]
        return torch.stack(drawn)


def seeds_from(seed: int, count: int) -> tuple[int, ...]:
    """seed, seed + 1, ...: the seeds of `count` pictures asked for with one seed."""
    return tuple(range(seed, seed + count))
