"""Solvers that go between the levels of a schedule as they choose: DPM fast, DPM adaptive, Restart.

The formulas of DPM-Solver (Lu et al. 2022a) for the noise; where the papers leave a choice it is
k-diffusion's and, of Restart, A1111's.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from limner.diffusion.process import Level
from limner.diffusion.sigmas import karras_sigmas
from limner.diffusion.solvers.deterministic import heun
from limner.diffusion.solvers.step import (
    Evaluations,
    FreshNoise,
    epsilon_of,
    exponential_step,
    log_step,
    noised,
)

THIRDS = 1 / 3, 2 / 3  # of a step in lambda, where DPM-Solver-3 looks
RELATIVE, ABSOLUTE = 0.05, 0.0078  # tolerances of DPM adaptive
FIRST_STEP = 0.05  # of DPM adaptive, in lambda
SAFETY = 0.81  # a step is taken where the next would not be shorter than this
CLOSE = 1e-5  # in lambda, from where on the end is reached
RESTART_FROM, RESTART_TO = 0.1, 2.0  # sigmas that Restart goes back from, and to
RESTART_AGAIN, RESTART_TWICE = 20, 36  # steps from which on it does so once, and twice

Taken = Generator[tuple[Tensor, Level], Tensor, Tensor]


def dpm_fast(x: Tensor, levels: Sequence[Level], noise: FreshNoise) -> Evaluations:
    """DPM-Solver-fast (Lu et al. 2022a, appendix D.3): as many evaluations as there are steps.

    From the first level to the last above 0 in even steps of lambda, of order 3 and what remains;
    the levels between are not looked at. As in k-diffusion the picture keeps the noise of the last
    one, but for a flow, whose last step goes on to 0 and whose first leads away from alpha = 0.
    """
    x, inner, end = yield from _entered(x, levels)
    if len(inner) > 1:
        start, last = inner[0], inner[-1]
        calls = len(levels) - 1 - (levels[0] is not start) - (end is not None)
        orders = _orders(calls)
        step = log_step(start, last) / len(orders)
        stops = [_further(start, step * index) for index in range(len(orders))]
        for order, (level, following) in zip(orders, pairwise([*stops, last]), strict=True):
            x = yield from _dpm_solver(x, level, following, order)
    return (yield from _left(x, inner[-1], end))


def dpm_adaptive(x: Tensor, levels: Sequence[Level], noise: FreshNoise) -> Evaluations:
    """DPM-Solver-23 (Lu et al. 2022a, appendix C): its steps are as long as its error allows.

    Three evaluations a step, two for one that was too long. It looks at the first level and the
    last above 0 alone, and ends as `dpm_fast` does. The error is that of all pictures together.
    """
    x, inner, end = yield from _entered(x, levels)
    level, last, h = inner[0], inner[-1], FIRST_STEP
    before, epsilon = x, None
    while level is not last and (left := log_step(level, last)) > CLOSE:
        following = last if h >= left else _further(level, h)
        if epsilon is None:
            denoised = yield x, level
            epsilon = epsilon_of(x, denoised, level)
        second, third = yield from _second_and_third(x, level, following, epsilon)
        allowed = (RELATIVE * torch.maximum(second.abs(), before.abs())).clamp(min=ABSOLUTE)
        error = float(((second - third) / allowed).square().mean().sqrt())
        longer = 1 + math.atan((error + 1e-8) ** (-1 / 3) - 1)
        if longer >= SAFETY or math.isnan(error):  # a picture of NaN is told by whoever watches
            before, x, level, epsilon = second, third, following, None
        h *= longer if math.isfinite(longer) else 1.0
    return (yield from _left(x, last, end))


def restart(x: Tensor, levels: Sequence[Level], noise: FreshNoise) -> Evaluations:
    """Restart (Xu et al. 2023, alg. 2): Heun, and near the end back to more noise and again.

    From 20 steps on, from sigma = 0.1 back to 2 once, in 9 of them; from 36 on twice, in a fourth
    of them each time. The levels are then laid out anew, as Karras has them, for the steps that
    are left.
    """
    reached = levels[0]
    for section in _sections(levels):
        if section[0].sigma > reached.sigma:
            x = noised(x, reached, section[0], noise)
        x = yield from heun(x, section, noise)
        reached = section[-1]
    return x


def _orders(calls: int) -> list[int]:
    """The orders of steps that take so many evaluations together."""
    whole, rest = divmod(calls, 3)
    return [3] * (whole - 1) + [2, 1] if rest == 0 else [3] * whole + [rest]


def _entered(
    x: Tensor, levels: Sequence[Level]
) -> Generator[tuple[Tensor, Level], Tensor, tuple[Tensor, list[Level], Level | None]]:
    """(x, the levels of finite lambda, where to go from the last of them)."""
    if levels[0].alpha == 0 and len(levels) > 1:
        denoised = yield x, levels[0]
        x, levels = exponential_step(x, denoised, levels[0], levels[1]), levels[1:]
    inner = [level for level in levels if level.sigma > 0] or [levels[-1]]
    to_zero = levels[-1].sigma == 0 and inner[-1].sigma > 0
    needed = to_zero and (inner[-1].alpha < 1 or len(inner) == 1)
    return x, inner, levels[-1] if needed else None


def _left(x: Tensor, last: Level, end: Level | None) -> Taken:
    """The step from the last level above 0 to the end, where there is one."""
    if end is None:
        return x
    denoised = yield x, last
    return exponential_step(x, denoised, last, end)


def _further(level: Level, h: float) -> Level:
    """The level that lies h of lambda further."""
    return level.at_ratio(level.sigma / level.alpha * math.exp(-h)) if h > 0 else level


def _straight_on(x: Tensor, epsilon: Tensor, level: Level, following: Level) -> Tensor:
    """DPM-Solver-1: the exact step for a constant epsilon."""
    shrink = following.alpha / level.alpha
    return shrink * x + (following.sigma - shrink * level.sigma) * epsilon


def _looked_at(x: Tensor, level: Level) -> Taken:
    """The epsilon at x."""
    denoised = yield x, level
    return epsilon_of(x, denoised, level)


def _dpm_solver(x: Tensor, level: Level, following: Level, order: int) -> Taken:
    """One step of DPM-Solver-1, -2 or -3 (alg. 1 and 2), of as many evaluations."""
    epsilon = yield from _looked_at(x, level)
    if order == 3:
        return (yield from _second_and_third(x, level, following, epsilon))[1]
    ahead = _straight_on(x, epsilon, level, following)
    if order == 1:
        return ahead
    h = log_step(level, following)
    middle = _further(level, h / 2)
    later = yield from _looked_at(_straight_on(x, epsilon, level, middle), middle)
    return ahead - following.sigma * math.expm1(h) * (later - epsilon)


def _second_and_third(
    x: Tensor, level: Level, following: Level, epsilon: Tensor
) -> Generator[tuple[Tensor, Level], Tensor, tuple[Tensor, Tensor]]:
    """Ends of the step of DPM-Solver-2, whose other look is at a third, and of DPM-Solver-3."""
    h = log_step(level, following)
    first, second = (_further(level, part * h) for part in THIRDS)
    ahead = _straight_on(x, epsilon, level, following)
    earlier = yield from _looked_at(_straight_on(x, epsilon, level, first), first)
    change = earlier - epsilon
    part = THIRDS[1] * h
    bend = second.sigma * THIRDS[1] / THIRDS[0] * (math.expm1(part) / part - 1)
    there = _straight_on(x, epsilon, level, second) - bend * change
    later = yield from _looked_at(there, second)
    of_second = ahead - following.sigma / (2 * THIRDS[0]) * math.expm1(h) * change
    curve = following.sigma / THIRDS[1] * (math.expm1(h) / h - 1)
    return of_second, ahead - curve * (later - epsilon)


def _sections(levels: Sequence[Level]) -> list[Sequence[Level]]:
    """The ways down of Restart: to where it goes back from, again and again, and to the end."""
    steps = len(levels) - 1
    if steps < RESTART_AGAIN:
        return [levels]
    again, times = (steps // 4, 2) if steps >= RESTART_TWICE else (9, 1)
    entered = list(levels[:1]) if levels[0].alpha == 0 else []  # of no sigma / alpha
    left = list(levels[-1:]) if levels[-1].sigma == 0 else []
    inner = levels[len(entered) : len(levels) - len(left)]
    count = steps + 1 - again * times - len(entered) - len(left)
    way = [*entered, *_as_karras(inner[0], inner[-1], count), *left]
    low, high = (_nearest(way, ratio) for ratio in (RESTART_FROM, RESTART_TO))
    if high >= low:
        return [levels]
    return [
        way[: low + 1],
        *([_as_karras(way[high], way[low], again + 1)] * times),
        way[low:],
    ]


def _as_karras(first: Level, last: Level, count: int) -> list[Level]:
    ends = (level.sigma / level.alpha for level in (last, first))
    return [first.at_ratio(ratio) for ratio in karras_sigmas(count, *ends)]


def _nearest(levels: Sequence[Level], ratio: float) -> int:
    """The place of the level whose sigma / alpha is nearest."""
    far = [abs(level.sigma / level.alpha - ratio) if level.alpha else math.inf for level in levels]
    return far.index(min(far))
