"""Solvers of the reverse ODE: no noise is added on the way but for churn, 0 unless asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from torch import Tensor

from limner.diffusion.process import Level
from limner.diffusion.solvers.step import (
    Evaluations,
    FreshNoise,
    churned,
    exponential_step,
    log_step,
    order_at,
    slope_of,
)

Weights = Callable[[Sequence[Level], Level], list[float]]
"""(the levels of the slopes at hand, newest first; the level to go to) -> a weight each."""


def euler(
    x: Tensor, levels: Sequence[Level], noise: FreshNoise, *, churn: float = 0.0
) -> Evaluations:
    """x + (s' - s) dx/ds (EDM alg. 1, lines 4-5); for a flow, lines along the velocity.

    Written as D + s'/s (x - D), which at s' = 0 is D without a rounding error. churn: S_churn of
    EDM alg. 2, with noise of deviation 1 at every level.
    """
    for level, following in pairwise(levels):
        x, level = churned(x, level, churn / (len(levels) - 1), noise)
        denoised = yield x, level
        x = denoised + following.sigma / level.sigma * (x - denoised)
    return x


def heun(
    x: Tensor, levels: Sequence[Level], noise: FreshNoise, *, churn: float = 0.0
) -> Evaluations:
    """Euler, then the mean of the slopes at both ends (EDM alg. 1); the step to 0 is Euler's.

    churn: as of `euler`; with it EDM alg. 2.
    """
    for level, following in pairwise(levels):
        x, level = churned(x, level, churn / (len(levels) - 1), noise)
        denoised = yield x, level
        slope = slope_of(x, denoised, level)
        ahead = denoised + following.sigma * slope
        if following.sigma == 0:
            x = ahead
            continue
        denoised = yield ahead, following
        slope_ahead = slope_of(ahead, denoised, following)
        x = x + (following.sigma - level.sigma) * (slope + slope_ahead) / 2
    return x


def plms(x: Tensor, levels: Sequence[Level], noise: FreshNoise) -> Evaluations:
    """PNDM without its Runge-Kutta start: S-PNDM's first step, then F-PNDM's (PNDM, alg. 2 and 3).

    Its transfer (eq. 11) is the straight line of DDIM, and the slope along it Adams-Bashforth's
    for even steps, up to the fourth order (eq. 12). The first step takes the mean of the slopes at
    both ends, the second of which is not kept: one evaluation more.
    """
    slopes: list[Tensor] = []
    for level, following in pairwise(levels):
        denoised = yield x, level
        slopes = [slope_of(x, denoised, level), *slopes[:3]]
        used, weights = slopes, _ADAMS_BASHFORTH[len(slopes) - 1]
        if len(slopes) == 1 and following.sigma > 0:
            ahead = denoised + following.sigma * slopes[0]
            denoised_ahead = yield ahead, following
            used, weights = [*slopes, slope_of(ahead, denoised_ahead, following)], (1 / 2, 1 / 2)
        step = following.sigma - level.sigma
        x = _along_slopes(denoised, following, used, [step * weight for weight in weights])
    return x


_ADAMS_BASHFORTH = (
    (1.0,),
    (3 / 2, -1 / 2),
    (23 / 12, -16 / 12, 5 / 12),
    (55 / 24, -59 / 24, 37 / 24, -9 / 24),
)


def ipndm(x: Tensor, levels: Sequence[Level], noise: FreshNoise) -> Evaluations:
    """iPNDM (Zhang and Chen 2023, appendix H.2): F-PNDM with lower orders in place of its start.

    Adams-Bashforth's weights for even steps, up to the fourth order; the step to 0 is Euler's.
    """
    slopes: list[Tensor] = []
    for level, following in pairwise(levels):
        denoised = yield x, level
        slopes = [slope_of(x, denoised, level), *slopes[:3]]
        step = following.sigma - level.sigma
        weights = _ADAMS_BASHFORTH[0 if following.sigma == 0 else len(slopes) - 1]
        used = slopes[: len(weights)]
        x = _along_slopes(denoised, following, used, [step * weight for weight in weights])
    return x


def lms(x: Tensor, levels: Sequence[Level], noise: FreshNoise) -> Evaluations:
    """Adams-Bashforth of order 4 for uneven steps: a polynomial in sigma through the last slopes.

    k-diffusion's `sample_lms`, the polynomial integrated exactly in place of by quadrature.
    """
    return _adams_bashforth(x, levels, order=4, weights=_weights_in_sigma)


def deis(
    x: Tensor,
    levels: Sequence[Level],
    noise: FreshNoise,
    *,
    order: int = 3,
    last_orders: Sequence[int] = (),
) -> Evaluations:
    """DEIS, tAB in log rho (Zhang and Chen 2023, eq. 15-16): the polynomial is in log sigma.

    The step to 0, where log sigma has no end, is Euler's. For a flow log sigma stands for log rho,
    which has no beginning there.
    """
    return _adams_bashforth(
        x, levels, order=order, weights=_weights_in_log_sigma, last_orders=last_orders
    )


def _adams_bashforth(
    x: Tensor,
    levels: Sequence[Level],
    *,
    order: int,
    weights: Weights,
    last_orders: Sequence[int] = (),
) -> Evaluations:
    """x plus the integral over sigma of a polynomial through the last `order` slopes."""
    seen, slopes = list[Level](), list[Tensor]()
    for index, (level, following) in enumerate(pairwise(levels)):
        denoised = yield x, level
        seen = [level, *seen[: order - 1]]
        slopes = [slope_of(x, denoised, level), *slopes[: order - 1]]
        here = order_at(order, index, len(levels) - 1, last_orders)
        x = _along_slopes(denoised, following, slopes[:here], weights(seen[:here], following))
    return x


def _along_slopes(
    denoised: Tensor, following: Level, slopes: Sequence[Tensor], weights: Sequence[float]
) -> Tensor:
    """x plus the weighted slopes, newest first, where the weights' sum is the step in sigma.

    Written as Euler's step and what the older slopes change in it: with D and not x, of which at
    much noise the rounding alone would show in the picture.
    """
    ahead = denoised + following.sigma * slopes[0]
    for weight, slope in zip(weights[1:], slopes[1:], strict=True):
        ahead = ahead + weight * (slope - slopes[0])
    return ahead


def _weights_in_sigma(seen: Sequence[Level], following: Level) -> list[float]:
    """Integrals of the powers of sigma - sigma_0, as weights of the slopes."""
    nodes = [level.sigma - seen[0].sigma for level in seen]
    step = following.sigma - seen[0].sigma
    return _interpolation(nodes, [step ** (k + 1) / (k + 1) for k in range(len(seen))])


def _weights_in_log_sigma(seen: Sequence[Level], following: Level) -> list[float]:
    """Integrals over sigma of the powers of u = log(sigma / sigma_0), as weights of the slopes.

    With dsigma = sigma_0 e^u du they are M_0 = e^u - 1, M_k = u^k e^u - k M_(k-1).
    """
    if following.sigma == 0:
        return [-seen[0].sigma] + [0.0] * (len(seen) - 1)
    nodes = [math.log(level.sigma / seen[0].sigma) for level in seen]
    u = math.log(following.sigma / seen[0].sigma)
    moments = [math.expm1(u)]
    for k in range(1, len(seen)):
        moments.append(u**k * math.exp(u) - k * moments[-1])
    return [seen[0].sigma * weight for weight in _interpolation(nodes, moments)]


def _interpolation(nodes: Sequence[float], moments: Sequence[float]) -> list[float]:
    """The weights of values at the nodes with which every power is integrated to its moment."""
    powers = np.vander(nodes, increasing=True).T
    return [float(weight) for weight in np.linalg.solve(powers, moments)]


def _weighted(weights: Sequence[float], tensors: Sequence[Tensor]) -> Tensor:
    total = weights[0] * tensors[0]
    for weight, tensor in zip(weights[1:], tensors[1:], strict=True):
        total = total + weight * tensor
    return total


def dpmpp_2m(
    x: Tensor,
    levels: Sequence[Level],
    noise: FreshNoise,
    *,
    last_orders: Sequence[int] = (),
) -> Evaluations:
    """DPM-Solver++(2M) (Lu et al. 2022, alg. 2), in lambda = log(alpha / sigma).

    The first step and the step to sigma = 0 are of first order; so is the second of a flow, whose
    first lambda is minus infinity.
    """
    before, h_before = None, math.inf
    for index, (level, following) in enumerate(pairwise(levels)):
        denoised = yield x, level
        h = log_step(level, following)
        ahead = denoised
        second = order_at(2, index, len(levels) - 1, last_orders) == 2
        if before is not None and following.sigma > 0 and second:
            ahead = denoised + h / (2 * h_before) * (denoised - before)
        x = exponential_step(x, ahead, level, following)
        before, h_before = denoised, h
    return x


def singlestep(
    x: Tensor,
    levels: Sequence[Level],
    noise: FreshNoise,
    *,
    last_orders: Sequence[int] = (),
) -> Evaluations:
    """DPM-Solver++(2S) (Lu et al. 2022b, alg. 1) with every second level the middle of a step.

    One evaluation a level, where `dpmpp_2s` makes two. A step that ends in no noise is of first
    order, and so is the level before it where their number is even, as in DPM-Solver's own code;
    so are both with any `last_orders`.
    """
    count = len(levels) - 1
    pairs = count // 2 if levels[-1].sigma > 0 and not last_orders else (count - 1) // 2
    start, earlier = x, x
    for index, (level, following) in enumerate(pairwise(levels)):
        denoised = yield x, level
        if index % 2 == 0 or index >= 2 * pairs:
            start, earlier = x, denoised
            x = exponential_step(x, denoised, level, following)
        else:
            h, h_inner = log_step(levels[index - 1], following), log_step(levels[index - 1], level)
            part = 1.0 if math.isinf(h_inner) else h / h_inner  # their ratio from alpha = 0 on
            ahead = earlier + part / 2 * (denoised - earlier)
            x = exponential_step(start, ahead, levels[index - 1], following)
    return x


def unipc(
    x: Tensor,
    levels: Sequence[Level],
    noise: FreshNoise,
    *,
    order: int = 3,
    bh2: bool = False,
    last_orders: Sequence[int] = (2, 1),
) -> Evaluations:
    """UniPC (Zhao et al. 2023, alg. 5-8, predicting x_0), B(h) = h or, with bh2, e^h - 1.

    Each evaluation first corrects the step that led to it (UniC) and then serves the next one
    (UniP). Orders rise from 1 at the start and fall to 1 at the end, to sigma = 0 always. A level
    of alpha = 0 has no lambda: the step from it is not corrected, and its D not used again.
    """
    history: list[tuple[Level, Tensor]] = []
    start, terms = x, list[_Difference]()
    for index, (level, following) in enumerate(pairwise(levels)):
        denoised = yield x, level
        if history and history[0][0].alpha > 0:
            previous, earlier = history[0]
            terms = [*terms, (1.0, denoised - earlier)]
            x = _unified_step(start, earlier, previous, level, terms, bh2)
        history = [(level, denoised), *history][:order]
        here = order_at(order, index, len(levels) - 1, last_orders) if following.sigma > 0 else 1
        terms = _differences(history[:here], following)
        start = x
        x = _unified_step(start, denoised, level, following, terms, bh2)
    return x


_Difference = tuple[float, Tensor]
"""(r, (D_r - D_0) / r): another D, r steps of lambda away from the newest."""


def _differences(history: Sequence[tuple[Level, Tensor]], following: Level) -> list[_Difference]:
    level, newest = history[0]
    h = log_step(level, following)
    past = [(-log_step(older, level) / h, value) for older, value in history[1:] if older.alpha > 0]
    return [(r, (value - newest) / r) for r, value in past]


def _unified_step(
    x: Tensor,
    denoised: Tensor,
    level: Level,
    following: Level,
    terms: Sequence[_Difference],
    bh2: bool,
) -> Tensor:
    """UniPC eq. 3 and 8 for x_0 (eq. 9 of appendix A): without terms the exponential Euler step."""
    x = exponential_step(x, denoised, level, following)
    if not terms:
        return x
    h = -log_step(level, following)  # the paper's h with the sign that x_0 gives it
    scale = math.expm1(h) if bh2 else h
    weights = _unipc_weights([r for r, _ in terms], h, scale)
    return x - following.alpha * scale * _weighted(weights, [term for _, term in terms])


def _unipc_weights(nodes: Sequence[float], h: float, scale: float) -> list[float]:
    """The a of UniPC eq. 5: sum_m a_m r_m^(k-1) = k! h phi_(k+1)(h) / B(h); 1/2 for one node."""
    if len(nodes) == 1:
        return [0.5]
    phi, factorial, right = math.expm1(h) / h - 1, 1, []
    for k in range(1, len(nodes) + 1):
        right.append(phi * factorial / scale)
        factorial *= k + 1
        phi = phi / h - 1 / factorial
    return _interpolation(nodes, right)
