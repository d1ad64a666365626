"""Formulas that lay noise levels out by their sigmas, from the most down; numbers alone.

Each gives `steps` of them, without the zero after them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from limner.diffusion.beta_distribution import symmetric_beta_quantiles

BETA_SHAPE = 0.6
LINEAR_PART = 0.025  # of the way from noise to data that half of a linear-quadratic way takes


def karras_sigmas(steps: int, low: float, high: float, rho: float = 7.0) -> list[float]:
    """EDM eq. 5."""
    return [root**rho for root in line(high ** (1 / rho), low ** (1 / rho), steps)]


def exponential_sigmas(steps: int, low: float, high: float, rho: float = 1.0) -> list[float]:
    """Even steps of log sigma; a rho above 1 has more of them at little noise.

    k-diffusion's polyexponential: log sigma = log low + r^rho (log high - log low), r from 1 to 0.
    """
    return [low * math.exp(share**rho * math.log(high / low)) for share in line(1.0, 0.0, steps)]


def kl_optimal_sigmas(steps: int, low: float, high: float) -> list[float]:
    """Even steps of arctan sigma: best for data of a unit Gaussian (Sabour et al. 2024)."""
    return [math.tan(angle) for angle in line(math.atan(high), math.atan(low), steps)]


def beta_sigmas(steps: int, low: float, high: float) -> list[float]:
    """Quantiles of Beta(0.6, 0.6) between the ends."""
    shares = symmetric_beta_quantiles(line(1.0, 0.0, steps), BETA_SHAPE)
    return [low + share * (high - low) for share in shares]


def linear_quadratic_sigmas(steps: int, high: float) -> list[float]:
    """Half of the steps along a line to 1 - LINEAR_PART of `high`, then a parabola to 0.

    The parabola goes on with the line's slope (Polyak et al. 2024, "Movie Gen", section 3.4.2, in
    Mochi's numbers).
    """
    straight = steps // 2
    bent = steps - straight
    slope = LINEAR_PART / straight if straight else 0.0
    bend = (1 - slope * steps) / bent**2 if straight else 1.0
    way = [slope * index + bend * max(0, index - straight) ** 2 for index in range(steps)]
    return [high * (1 - part) for part in way]


def log_linear_sigmas(sigmas: Sequence[float], steps: int) -> list[float]:
    """`steps` sigmas evenly along the given ones, on lines in log sigma between them."""
    places = np.linspace(0, 1, steps), np.linspace(0, 1, len(sigmas))
    return [float(sigma) for sigma in np.exp(np.interp(*places, np.log(sigmas)))]


def shifted_time(t: float, shift: float) -> float:
    """s t / (1 + (s - 1) t), SD3 eq. 23."""
    return shift * t / (1 + (shift - 1) * t)


def stretched(times: Sequence[float], terminal: float) -> list[float]:
    """Times of a flow, of which the last becomes `terminal`; what is 1 stays 1 (LTX-Video)."""
    factor = (1 - terminal) / (1 - times[-1])
    return [1 - factor * (1 - t) for t in times]


def line(start: float, end: float, count: int) -> list[float]:
    """`count` numbers evenly from one to the other, both among them."""
    return [float(value) for value in np.linspace(start, end, count)]
