"""Which noise levels a painting goes through, from the most noise down to none."""

from __future__ import annotations

import math
from enum import StrEnum

import numpy as np

from limner.diffusion.process import EDM, DiscreteDiffusion, Level, Process, RectifiedFlow
from limner.errors import RequestError


class Schedule(StrEnum):
    """How the levels are spaced.

    karras       linear in sigma^(1 / rho) (EDM eq. 5)
    exponential  linear in log sigma
    uniform      linear in t; of a chain both ends are levels, of a flow the end is the sigma = 0
    sgm          linear in t, the end of the chain left out
    simple       every (T / steps)-th time of the chain
    shifted      uniform, moved towards noise by `shift` (SD3 eq. 23)
    """

    KARRAS = "karras"
    EXPONENTIAL = "exponential"
    UNIFORM = "uniform"
    SGM = "sgm"
    SIMPLE = "simple"
    SHIFTED = "shifted"


def levels(
    process: Process,
    steps: int,
    schedule: Schedule | str,
    *,
    rho: float = 7.0,
    shift: float = 1.0,
    sigma_min: float | None = None,
    sigma_max: float | None = None,
) -> tuple[Level, ...]:
    """`steps` falling levels, and sigma = 0 after them.

    rho: of karras. shift: of shifted, above 1 for more steps at much noise. sigma_min, sigma_max:
    the ends of karras and exponential, in straight coordinates; None: the process's own. Raises
    RequestError for fewer than 1 step or a schedule that does not fit the process.
    """
    spacing = _fitting(process, schedule)
    if steps < 1:
        raise RequestError(f"steps is {steps}; it must be at least 1")
    if not (shift > 0 and rho > 0):
        raise RequestError(f"shift {shift} and rho {rho} of a schedule must be above 0")
    low = process.sigma_min if sigma_min is None else sigma_min
    high = process.sigma_max if sigma_max is None else sigma_max
    if spacing in (Schedule.KARRAS, Schedule.EXPONENTIAL) and not 0 < low < high:
        raise RequestError(f"sigma_min is {low} and sigma_max {high}; it must be 0 < min < max")
    match spacing:
        case Schedule.KARRAS:
            sigmas = karras_sigmas(steps, low, high, rho)
        case Schedule.EXPONENTIAL:
            sigmas = exponential_sigmas(steps, low, high)
        case _:
            sigmas = [process.sigma_at(t) for t in _times(process, steps, spacing, shift)]
    return tuple(process.level(sigma) for sigma in [*sigmas, 0.0])


def karras_sigmas(steps: int, low: float, high: float, rho: float = 7.0) -> list[float]:
    """EDM eq. 5, without the zero after it."""
    return [root**rho for root in _line(high ** (1 / rho), low ** (1 / rho), steps)]


def exponential_sigmas(steps: int, low: float, high: float) -> list[float]:
    """Even steps of log sigma, without the zero after them."""
    return [math.exp(log) for log in _line(math.log(high), math.log(low), steps)]


def shifted_time(t: float, shift: float) -> float:
    """s t / (1 + (s - 1) t), SD3 eq. 23."""
    return shift * t / (1 + (shift - 1) * t)


FITTING: dict[type[Process], tuple[Schedule, ...]] = {
    DiscreteDiffusion: (
        Schedule.KARRAS,
        Schedule.EXPONENTIAL,
        Schedule.UNIFORM,
        Schedule.SGM,
        Schedule.SIMPLE,
    ),
    EDM: (Schedule.KARRAS, Schedule.EXPONENTIAL),
    RectifiedFlow: (Schedule.UNIFORM, Schedule.SHIFTED),
}


def _fitting(process: Process, schedule: Schedule | str) -> Schedule:
    """The schedule, if it has a meaning for the process: a flow's sigma-hat has no upper end."""
    fitting = FITTING[type(process)]
    if schedule not in [spacing.value for spacing in fitting]:
        kind, names = type(process).__name__, ", ".join(spacing.value for spacing in fitting)
        raise RequestError(f"schedule {str(schedule)!r} does not fit {kind}; these do: {names}")
    return Schedule(schedule)


def _times(process: Process, steps: int, schedule: Schedule, shift: float) -> list[float]:
    if not isinstance(process, DiscreteDiffusion):
        return [shifted_time(t, shift) for t in _line(1.0, 0.0, steps + 1)[:-1]]
    last = process.steps - 1.0
    if schedule is Schedule.UNIFORM:
        return _line(last, 0.0, steps)
    if schedule is Schedule.SGM:
        return _line(last, 0.0, steps + 1)[:-1]
    if steps > process.steps:
        raise RequestError(f"schedule 'simple' has at most {process.steps} steps, not {steps}")
    return [float(last - index * process.steps // steps) for index in range(steps)]


def _line(start: float, end: float, count: int) -> list[float]:
    return [float(value) for value in np.linspace(start, end, count)]
