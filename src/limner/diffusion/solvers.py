"""Solvers of the reverse process, each one flat generator.

A solver yields (x, level), is sent the denoised picture D(x, level), and returns the last x:

    denoised = yield x, level          once for each evaluation of the model

x and `levels` (falling, the last of them sigma = 0) are in straight coordinates, where
dx/dsigma = (x - D) / sigma both for alpha = 1 and for alpha = 1 - sigma
(`limner.diffusion.process`). `noise(x)` gives fresh Gaussian noise like x; deterministic solvers
leave it alone. All of a solver's state lives in its frame.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Protocol, runtime_checkable

from torch import Tensor

from limner.diffusion.process import Level
from limner.errors import RequestError

FreshNoise = Callable[[Tensor], Tensor]
Evaluations = Generator[tuple[Tensor, Level], Tensor, Tensor]


def euler(x: Tensor, levels: Sequence[Level], noise: FreshNoise) -> Evaluations:
    """x + (s' - s) dx/ds (EDM alg. 1, lines 4-5); for a flow, lines along the velocity.

    Written as D + s'/s (x - D), which at s' = 0 is D without a rounding error.
    """
    for level, following in pairwise(levels):
        denoised = yield x, level
        x = denoised + following.sigma / level.sigma * (x - denoised)
    return x


def heun(x: Tensor, levels: Sequence[Level], noise: FreshNoise) -> Evaluations:
    """Euler, then the mean of the slopes at both ends (EDM alg. 1); the step to 0 is Euler's."""
    for level, following in pairwise(levels):
        denoised = yield x, level
        slope = (x - denoised) / level.sigma
        ahead = denoised + following.sigma * slope
        if following.sigma == 0:
            x = ahead
            continue
        denoised = yield ahead, following
        slope_ahead = (ahead - denoised) / following.sigma
        x = x + (following.sigma - level.sigma) * (slope + slope_ahead) / 2
    return x


def ddim(x: Tensor, levels: Sequence[Level], noise: FreshNoise, *, eta: float = 0.0) -> Evaluations:
    """DDIM (eq. 12 and 16): no fresh noise at eta 0, that of DDPM's posterior at eta 1.

    In straight coordinates eta 0 is Euler and eta 1 is Euler ancestral; on neighbouring levels of
    the chain eta 1 is DDPM's own reverse step, with the variance of the posterior.
    """
    for level, following in pairwise(levels):
        denoised = yield x, level
        epsilon = (x - level.alpha * denoised) / level.sigma
        fresh = eta * following.sigma * math.sqrt(1 - _noise_ratio(level, following) ** 2)
        kept = math.sqrt(following.sigma**2 - fresh**2)
        x = following.alpha * denoised + kept * epsilon
        if fresh > 0:
            x = x + fresh * noise(x)
    return x


def dpmpp_2m(x: Tensor, levels: Sequence[Level], noise: FreshNoise) -> Evaluations:
    """DPM-Solver++(2M) (Lu et al. 2022, alg. 2), in lambda = log(alpha / sigma).

    The first step and the step to sigma = 0 are of first order; so is the second of a flow, whose
    first lambda is minus infinity.
    """
    before, h_before = None, math.inf
    for level, following in pairwise(levels):
        denoised = yield x, level
        ratio = _noise_ratio(level, following)
        h = -math.log(ratio) if ratio > 0 else math.inf
        ahead = denoised
        if before is not None and following.sigma > 0:
            ahead = denoised + h / (2 * h_before) * (denoised - before)
        x = following.sigma / level.sigma * x + following.alpha * (1 - ratio) * ahead
        before, h_before = denoised, h
    return x


def _noise_ratio(level: Level, following: Level) -> float:
    """exp(-h) = (alpha s') / (alpha' s), how much of the noise-to-signal ratio a step leaves.

    Written without the division by alpha, which is 0 at a flow's first level.
    """
    return level.alpha * following.sigma / (following.alpha * level.sigma)


@runtime_checkable
class Solver(Protocol):
    """What every entry of SOLVERS is, its own options aside."""

    def __call__(self, x: Tensor, levels: Sequence[Level], noise: FreshNoise) -> Evaluations: ...


@dataclass(frozen=True, kw_only=True)
class SolverEntry:
    """A solver under its name.

    evaluations: model calls a step (Heun's last step has one less).
    stochastic: whether it draws noise at its steps. takes_eta: whether `eta` is an option of it.
    """

    solve: Solver
    evaluations: int = 1
    stochastic: bool = False
    takes_eta: bool = False


SOLVERS: dict[str, SolverEntry] = {
    "euler": SolverEntry(solve=euler),
    "heun": SolverEntry(solve=heun, evaluations=2),
    "ddim": SolverEntry(solve=ddim, takes_eta=True),
    "ddpm": SolverEntry(solve=partial(ddim, eta=1.0), stochastic=True),
    "euler_ancestral": SolverEntry(solve=partial(ddim, eta=1.0), stochastic=True, takes_eta=True),
    "dpmpp_2m": SolverEntry(solve=dpmpp_2m),
}


def solver_named(name: str, *, eta: float | None = None) -> Solver:
    """The solver of that name, with its eta where it takes one (None: the solver's own).

    Raises RequestError for an unknown name, for an eta outside [0, 1], and for an eta given to a
    solver that takes none.
    """
    if name not in SOLVERS:
        raise RequestError(f"solver {name!r} is unknown; these are known: {', '.join(SOLVERS)}")
    entry = SOLVERS[name]
    if eta is None:
        return entry.solve
    if not entry.takes_eta:
        raise RequestError(f"solver {name!r} takes no eta; leave it out")
    if not 0 <= eta <= 1:
        raise RequestError(f"eta is {eta}; it must lie between 0 and 1")
    return partial(ddim, eta=eta)
