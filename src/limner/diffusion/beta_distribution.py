"""Quantiles of the Beta distribution, by its power series and bisection."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

TERMS = 60  # of the series, whose terms halve at least up to x = 1/2
HALVINGS = 80


def symmetric_beta_quantiles(levels: Sequence[float], shape: float) -> list[float]:
    """Where Beta(shape, shape) has each level of probability, a number in [0, 1]."""
    wanted = np.asarray(levels, dtype=np.float64)
    nearer = np.minimum(wanted, 1 - wanted)  # by symmetry the half below 1/2 is enough
    low, high = np.zeros_like(nearer), np.full_like(nearer, 0.5)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        below = _lower_half(middle, shape) < nearer
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    found = np.where(wanted < 0.5, low, 1 - low)
    return [float(value) for value in np.where(nearer == 0, wanted, found)]


def _lower_half(x: NDArray[np.float64], shape: float) -> NDArray[np.float64]:
    """The distribution function for x up to 1/2 (Abramowitz and Stegun 26.5.4 and 15.1.1).

    x^a / B(a, a) sum_k (1 - a)_k x^k / (k! (a + k)).
    """
    total, factor = np.zeros_like(x), np.ones_like(x)
    for k in range(TERMS):
        total += factor / (shape + k)
        factor = factor * x * (1 - shape + k) / (k + 1)
    normaliser = math.gamma(2 * shape) / math.gamma(shape) ** 2
    return normaliser * x**shape * total
