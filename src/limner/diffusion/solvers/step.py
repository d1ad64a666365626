"""What the solvers share: their shape, and the step sizes and updates that several of them use."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from torch import Tensor

from limner.diffusion.brownian import Interval
from limner.diffusion.process import Level

MOST_CHURN = math.sqrt(2) - 1  # of sigma, that one step of churn adds

FreshNoise = Callable[..., Tensor]
"""noise(x): fresh unit Gaussian noise like x. noise(x, interval): what a Brownian path adds over
an interval of sigma, scaled to unit variance; SDE solvers alone ask for that."""

Evaluations = Generator[tuple[Tensor, Level], Tensor, Tensor]

PairedEvaluations = Generator[tuple[Tensor, Level], "Tensor | Pair", Tensor]


@runtime_checkable
class Solver(Protocol):
    """What every solver is, its own options aside."""

    def __call__(self, x: Tensor, levels: Sequence[Level], noise: FreshNoise) -> Evaluations: ...


class Pair(NamedTuple):
    """A denoised picture, and the one that the noise in x is measured against in its place."""

    denoised: Tensor
    against: Tensor


def pair(answer: Tensor | Pair) -> Pair:
    """Both pictures of an answer; one alone is both."""
    return answer if isinstance(answer, Pair) else Pair(answer, answer)


def order_at(order: int, index: int, count: int, last_orders: Sequence[int]) -> int:
    """The order of step `index` of `count`: the last ones have at most `last_orders`."""
    left = count - index
    return min(order, last_orders[-left]) if left <= len(last_orders) else order


def noise_ratio(level: Level, following: Level) -> float:
    """exp(-h) = (alpha s') / (alpha' s), how much of the noise-to-signal ratio a step leaves.

    Written without the division by alpha, which is 0 at a flow's first level.
    """
    return level.alpha * following.sigma / (following.alpha * level.sigma)


def log_step(level: Level, following: Level) -> float:
    """h, by how much lambda = log(alpha / sigma) grows; infinite from alpha 0 and to sigma 0."""
    ratio = noise_ratio(level, following)
    return -math.log(ratio) if ratio > 0 else math.inf


def exponential_step(x: Tensor, denoised: Tensor, level: Level, following: Level) -> Tensor:
    """s'/s x + alpha' (1 - exp(-h)) D: the exact step for a constant D (DPM-Solver++ eq. 9)."""
    gain = following.alpha * (1 - noise_ratio(level, following))
    return following.sigma / level.sigma * x + gain * denoised


def slope_of(x: Tensor, denoised: Tensor, level: Level) -> Tensor:
    """dx/dsigma in straight coordinates (EDM eq. 3): epsilon where alpha = 1, a flow's velocity."""
    return (x - denoised) / level.sigma


def epsilon_of(x: Tensor, denoised: Tensor, level: Level) -> Tensor:
    """The noise in x = alpha D + sigma epsilon."""
    return (x - level.alpha * denoised) / level.sigma


def ancestral_levels(level: Level, following: Level, eta: float) -> tuple[Level, float]:
    """Where to step without noise, and how much fresh noise then leads to `following`.

    The fresh noise is eta times that of DDPM's posterior (DDIM eq. 16); with alpha = 1 these are
    k-diffusion's sigma_down and sigma_up.
    """
    fresh = eta * following.sigma * math.sqrt(1 - noise_ratio(level, following) ** 2)
    kept = math.sqrt(following.sigma**2 - fresh**2)
    return Level(alpha=following.alpha, sigma=kept, t=None), fresh


def noised(x: Tensor, level: Level, noisier: Level, noise: FreshNoise) -> Tensor:
    """x with fresh noise up to a level above its own: q(x_noisier | x)."""
    shrink = noisier.alpha / level.alpha
    fresh = math.sqrt(noisier.sigma**2 - (shrink * level.sigma) ** 2)
    return shrink * x + fresh * noise(x)


def churned(x: Tensor, level: Level, amount: float, noise: FreshNoise) -> tuple[Tensor, Level]:
    """x and its level with sigma a little higher, by `amount` of it at most (EDM alg. 2, line 5-6).

    A level of no picture at all, alpha = 0, has nothing above it.
    """
    gamma = min(amount, MOST_CHURN)
    if gamma == 0 or level.alpha == 0:
        return x, level
    higher = level.at_ratio(level.sigma / level.alpha * (1 + gamma))
    return noised(x, level, higher, noise), higher


def middle_level(level: Level, following: Level) -> Level:
    """The level half way in lambda = log(alpha / sigma)."""
    ends = level.sigma / level.alpha, following.sigma / following.alpha
    return level.at_ratio(math.sqrt(ends[0] * ends[1]))


def has_middle(level: Level, following: Level) -> bool:
    """Whether the step in lambda is finite, so that it can be halved."""
    return level.alpha > 0 and following.sigma > 0


def over(level: Level, following: Level, levels: Sequence[Level]) -> Interval:
    """The interval of a step for Brownian noise, on a path down all levels above 0."""
    lowest = next(each.sigma for each in reversed(levels) if each.sigma > 0)
    return Interval(start=level.sigma, end=following.sigma, lowest=lowest, highest=levels[0].sigma)
