"""Brownian paths for SDE solvers: noise that belongs to an interval of sigma, not to a call.

A path W over [lowest, highest] is a binary tree: each node knows how much W moves over its stretch
and splits it at the middle by the Brownian bridge, with random numbers seeded by the node's place
(Li et al. 2020, alg. 3). So W(sigma) is the same whatever was asked before, and with other steps
the same noise is only looked at in other places. Places, seeds and rounding are those of
torchsde's BrownianTree (k-diffusion's noise for SDE solvers), which gives the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

DIGITS = 6  # sigmas are told apart to 1e-6
POOL = 24  # words of entropy that seeds are spun from


@dataclass(frozen=True, kw_only=True)
class Interval:
    """From sigma `start` down to `end`, on a path that spans [lowest, highest]."""

    start: float
    end: float
    lowest: float
    highest: float


class BrownianPath:
    """A picture's W over [lowest, highest], W(lowest) = 0; drawn in fp32 on the CPU, kept in fp64.

    Sigmas are first rounded to fp32, in which k-diffusion has them.
    """

    def __init__(self, seed: int, shape: tuple[int, ...], *, lowest: float, highest: float) -> None:
        self.seed, self.shape = seed, shape
        self.low, self.high = _rounded(lowest), _rounded(highest)
        whole = math.sqrt(self.high - self.low) * self._draw(())
        self._known = {self.low: torch.zeros_like(whole), self.high: whole}

    def increment(self, start: float, end: float) -> Float[Tensor, "..."]:
        """(W(end) - W(start)) / sqrt(|end - start|), of unit variance."""
        return (self.at(end) - self.at(start)) / math.sqrt(abs(end - start))

    def at(self, sigma: float) -> Float[Tensor, "..."]:
        """W(sigma); a sigma outside the path counts as its nearer end."""
        place = min(max(_rounded(sigma), self.low), self.high)
        if place not in self._known:
            self._known[place] = self._descend(place)
        return self._known[place]

    def _descend(self, place: float) -> Tensor:
        """Halve the path until `place` is a middle; each half is W's bridge between its ends."""
        left, right = self.low, self.high
        before, moved = self._known[left], self._known[right]
        key, depth = 0, 0
        while True:
            middle = round(0.5 * (left + right), DIGITS)
            to_middle, from_middle = middle - left, right - middle
            spread = math.sqrt(to_middle * from_middle / (right - left))
            half = to_middle / (right - left) * moved + spread * self._draw((key, depth))
            if place == middle:
                return before + half
            key, depth = 2 * key + int(place > middle), depth + 1
            if place < middle:
                right, moved = middle, half
            else:
                left, before, moved = middle, before + half, moved - half

    def _draw(self, place: tuple[int, ...]) -> Tensor:
        """The node's standard normal numbers; the empty place is the whole path's."""
        spun = np.random.SeedSequence(entropy=self.seed, spawn_key=place, pool_size=POOL)
        generator = torch.Generator().manual_seed(int(spun.generate_state(1)[0]))
        return torch.randn(self.shape, generator=generator).double()


class BrownianPaths:
    """The paths of some pictures, one a seed, so that no picture depends on its batch."""

    def __init__(self, seeds: Sequence[int], shape: tuple[int, ...]) -> None:
        self.seeds, self.shape = tuple(seeds), shape
        self._paths: dict[tuple[float, float], list[BrownianPath]] = {}

    def __call__(self, interval: Interval) -> Float[Tensor, "B ..."]:
        """What every path adds over the interval, scaled to unit variance, fp32."""
        ends = interval.lowest, interval.highest
        if ends not in self._paths:
            self._paths[ends] = [
                BrownianPath(seed, self.shape, lowest=ends[0], highest=ends[1])
                for seed in self.seeds
            ]
        moved = [path.increment(interval.start, interval.end) for path in self._paths[ends]]
        return torch.stack(moved).float()


def _rounded(sigma: float) -> float:
    return round(float(np.float32(sigma)), DIGITS)
