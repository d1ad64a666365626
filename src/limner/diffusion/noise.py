"""Seeded noise: where a picture starts, and what stochastic solvers add on its way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from limner.diffusion.brownian import BrownianPaths, Interval
from limner.diffusion.names import NoiseMode
from limner.diffusion.philox import Philox
from limner.errors import RequestError
from limner.types import Latent

PARALLEL = 0.9995  # above this mean cosine two noises are mixed along a line


@dataclass(frozen=True, kw_only=True)
class Variation:
    """Another noise to turn the start towards: one seed a picture; strength 0 none, 1 all of it."""

    seeds: Sequence[int]
    strength: float

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 1:
            raise RequestError(f"variation strength is {self.strength}; it must lie from 0 to 1")


class Noise:
    """The Gaussian noise of some pictures: where they start, and what stochastic solvers add.

    seeds: one a picture. shape: (C, h, w) of one. All is drawn in fp32 on the CPU, then moved and
    cast, so that device and dtype do not change the picture either. variation: of the start alone;
    the noise of the steps is that of `seeds`.
    """

    def __init__(
        self,
        seeds: Sequence[int],
        shape: tuple[int, int, int],
        *,
        mode: NoiseMode | str = NoiseMode.CPU,
        variation: Variation | None = None,
    ) -> None:
        self.shape = shape
        self._draw = source(seeds, shape, mode)
        # Drawn here and not on demand: the draws for the steps must come after the start even where
        # a start from elsewhere is used, or the same noise would be added twice.
        self._start = self._draw()
        self._brownian = BrownianPaths(seeds, shape)
        if variation is not None and variation.strength > 0:
            other = source(variation.seeds, shape, mode)()
            pairs = zip(self._start, other, strict=True)
            self._start = torch.stack([slerp(*pair, variation.strength) for pair in pairs])

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


def source(
    seeds: Sequence[int], shape: tuple[int, int, int], mode: NoiseMode | str
) -> Callable[[], Tensor]:
    """A function whose calls give one (B, C, h, w) of noise after the other, B the seeds' number.

    Raises RequestError for an unknown mode and a seed out of range.
    """
    for seed in seeds:
        if not 0 <= seed < 2**64:
            raise RequestError(f"seed is {seed}; it must lie between 0 and 2^64 - 1")
    match noise_mode(mode):
        case NoiseMode.CPU:
            generators = [torch.Generator().manual_seed(seed) for seed in seeds]
            return lambda: torch.stack([torch.randn(shape, generator=g) for g in generators])
        case NoiseMode.NV:
            streams = [Philox(seed) for seed in seeds]
            return lambda: torch.stack([stream.randn(shape) for stream in streams])
        case NoiseMode.BATCH:
            generator = torch.Generator().manual_seed(seeds[0])
            return lambda: torch.randn((len(seeds), *shape), generator=generator)


def noise_mode(name: str) -> NoiseMode:
    """The mode of that name; RequestError if there is none."""
    if name not in tuple(NoiseMode):
        raise RequestError(f"noise {name!r} is unknown: one of {', '.join(NoiseMode)} is right")
    return NoiseMode(name)


def slerp(
    low: Float[Tensor, "C h w"], high: Float[Tensor, "C h w"], amount: float
) -> Float[Tensor, "C h w"]:
    """From `low` (amount 0) to `high` (1) along the arc between them, which keeps the variance.

    As A1111 measures it, each column of each channel has an arc of its own. The way is a straight
    line where the mean cosine exceeds 0.9995, and in columns that point the same or opposite ways.
    """
    cosine = torch.cosine_similarity(low, high, dim=-2).unsqueeze(-2).clamp(-1.0, 1.0)
    line = torch.lerp(low, high, amount)
    if cosine.mean() > PARALLEL:
        return line
    angle = torch.acos(cosine)
    sine = torch.sin(angle)
    arc = (torch.sin((1 - amount) * angle) * low + torch.sin(amount * angle) * high) / sine
    return torch.where(sine > 1e-3, arc, line)


def seeds_from(seed: int, count: int) -> tuple[int, ...]:
    """seed, seed + 1, ...: the seeds of `count` pictures asked for with one seed."""
    return tuple(range(seed, seed + count))
