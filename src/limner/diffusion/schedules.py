"""Which noise levels a painting goes through, from the most noise down to none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from itertools import pairwise

import numpy as np

from limner.diffusion.beta_distribution import symmetric_beta_quantiles
from limner.diffusion.names import schedule_name
from limner.diffusion.process import EDM, DiscreteDiffusion, Level, Process, RectifiedFlow
from limner.errors import RequestError


class Schedule(StrEnum):
    """How the levels are spaced.

    karras       linear in sigma^(1 / rho) (EDM eq. 5)
    exponential  linear in log sigma
    uniform      linear in t; of a chain both ends are levels, of a flow the end is the sigma = 0
    sgm          linear in t, the end of the chain left out
    simple       every (T / steps)-th time of the chain
    beta         quantiles of Beta(0.6, 0.6) in t (Lee et al. 2024), whole times where they differ
    beta_sigmas  quantiles of Beta(0.6, 0.6) in sigma, as diffusers has them
    ays_sd1      Align Your Steps' ten levels for Stable Diffusion 1 (Sabour et al. 2024), any
    ays_sdxl     number of steps between them on lines in log sigma; and those for SDXL
    leading      whole times from below, every (T // steps)-th, as diffusers counts them
    ddim_uniform leading, one time later: those of DDIM's and latent diffusion's own code
    linspace     whole times nearest to a line with both ends
    trailing     whole times from above, the last of the chain among them
    lcm          of 50 trailing times, those that latent consistency models are sampled at
    shifted      uniform, moved towards noise by `shift` (SD3 eq. 23)
    """

    KARRAS = "karras"
    EXPONENTIAL = "exponential"
    UNIFORM = "uniform"
    SGM = "sgm"
    SIMPLE = "simple"
    DDIM_UNIFORM = "ddim_uniform"
    BETA = "beta"
    BETA_SIGMAS = "beta_sigmas"
    AYS_SD1 = "ays_sd1"
    AYS_SDXL = "ays_sdxl"
    LEADING = "leading"
    LINSPACE = "linspace"
    TRAILING = "trailing"
    LCM = "lcm"
    SHIFTED = "shifted"


class Told(StrEnum):
    """How the network is told a time that is not whole: as it is, rounded, or cut."""

    EXACT = "exact"
    NEAREST = "nearest"
    BELOW = "below"


BETA_SHAPE = 0.6
CUT = 1e-6  # a whole time comes out lower in diffusers, from its sigma's logarithm, and is cut too
LCM_TIMES = 50  # times that latent consistency models are distilled at

AYS_SIGMAS = {
    Schedule.AYS_SD1: (
        14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029,
    ),
    Schedule.AYS_SDXL: (
        14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.380, 0.234, 0.113, 0.029,
    ),
}  # fmt: skip
"""As published: ten levels, and where the eleventh would lie if the last step did not go to 0."""


def levels(
    process: Process,
    steps: int,
    schedule: Schedule | str,
    *,
    rho: float = 7.0,
    shift: float = 1.0,
    sigma_min: float | None = None,
    sigma_max: float | None = None,
    offset: int = 0,
    beyond: int = 0,
    final: float = 0.0,
    linear: bool = False,
    ends: Schedule | str | None = None,
    span: tuple[float, float] | None = None,
    told: Told | str = Told.EXACT,
) -> tuple[Level, ...]:
    """`steps` falling levels, and sigma = 0 after them.

    rho: of karras. shift: of shifted, above 1 for more steps at much noise. sigma_min, sigma_max:
    the ends of karras, exponential and beta_sigmas, in straight coordinates; None: the process's
    own. offset: of leading, added to its times. beyond: of leading, linspace and a flow's span,
    laid out for so many steps more, the last of them left out. final: the sigma at the end in place
    of 0; a level that is not above it is left out, as its step would do nothing.

    As diffusers has it where it is not k-diffusion: linear: between whole times of a chain sigma is
    interpolated, not its logarithm. ends: sigma_min and sigma_max are those of that schedule of a
    chain. span: the first and the last time of a flow's line, both of them levels, before they are
    shifted; None: from 1 to the sigma = 0. told: how the network is told a time.

    Raises RequestError for fewer than 1 step or a schedule that does not fit the process.
    """
    spacing = _fitting(process, schedule)
    if steps < 1:
        raise RequestError(f"steps is {steps}; it must be at least 1")
    if not (shift > 0 and rho > 0):
        raise RequestError(f"shift {shift} and rho {rho} of a schedule must be above 0")
    between = (process.sigma_min, process.sigma_max)
    if ends is not None and isinstance(process, DiscreteDiffusion):
        inner = _chain_times(process.steps, steps, Schedule(schedule_name(ends)), offset, beyond)
        between = _sigma_at(process, inner[-1], linear), _sigma_at(process, inner[0], linear)
    low = between[0] if sigma_min is None else sigma_min
    high = between[1] if sigma_max is None else sigma_max
    if spacing in _BETWEEN_SIGMAS and not 0 < low < high:
        raise RequestError(f"sigma_min is {low} and sigma_max {high}; it must be 0 < min < max")
    times: list[float] | None = None
    match spacing:
        case Schedule.KARRAS:
            sigmas = karras_sigmas(steps, low, high, rho)
        case Schedule.EXPONENTIAL:
            sigmas = exponential_sigmas(steps, low, high)
        case Schedule.BETA_SIGMAS:
            shares = symmetric_beta_quantiles(_line(1.0, 0.0, steps), BETA_SHAPE)
            sigmas = [low + share * (high - low) for share in shares]
        case Schedule.AYS_SD1 | Schedule.AYS_SDXL:
            sigmas = log_linear_sigmas(AYS_SIGMAS[spacing], steps + 1)[:-1]
        case _ if isinstance(process, DiscreteDiffusion):
            times = _chain_times(process.steps, steps, spacing, offset, beyond)
            sigmas = [_sigma_at(process, t, linear) for t in times]
        case _:
            times = _flow_times(steps, spacing, shift, span, beyond)
            sigmas = [process.sigma_at(t) for t in times]
    visited = [process.level(sigma) for sigma in sigmas]
    if linear and times is not None:
        visited = [replace(level, t=t) for level, t in zip(visited, times, strict=True)]
    above = [_as_told(process, level, Told(told)) for level in visited if level.sigma > final]
    return (*above, process.level(final))


def karras_sigmas(steps: int, low: float, high: float, rho: float = 7.0) -> list[float]:
    """EDM eq. 5, without the zero after it."""
    return [root**rho for root in _line(high ** (1 / rho), low ** (1 / rho), steps)]


def exponential_sigmas(steps: int, low: float, high: float) -> list[float]:
    """Even steps of log sigma, without the zero after them."""
    return [math.exp(log) for log in _line(math.log(high), math.log(low), steps)]


def log_linear_sigmas(sigmas: Sequence[float], count: int) -> list[float]:
    """`count` sigmas evenly along the given ones, on lines in log sigma between them."""
    places = np.linspace(0, 1, count), np.linspace(0, 1, len(sigmas))
    return [float(sigma) for sigma in np.exp(np.interp(*places, np.log(sigmas)))]


def shifted_time(t: float, shift: float) -> float:
    """s t / (1 + (s - 1) t), SD3 eq. 23."""
    return shift * t / (1 + (shift - 1) * t)


FITTING: dict[type[Process], tuple[Schedule, ...]] = {
    DiscreteDiffusion: tuple(each for each in Schedule if each is not Schedule.SHIFTED),
    EDM: (Schedule.KARRAS, Schedule.EXPONENTIAL, Schedule.BETA_SIGMAS),
    RectifiedFlow: (Schedule.UNIFORM, Schedule.SHIFTED, Schedule.BETA),
}
_BETWEEN_SIGMAS = (Schedule.KARRAS, Schedule.EXPONENTIAL, Schedule.BETA_SIGMAS)


def _fitting(process: Process, schedule: Schedule | str) -> Schedule:
    """The schedule, if it has a meaning for the process: a flow's sigma-hat has no upper end."""
    spacing = Schedule(schedule_name(schedule))
    fitting = FITTING[type(process)]
    if spacing not in fitting:
        kind, names = type(process).__name__, ", ".join(each.value for each in fitting)
        raise RequestError(f"schedule {spacing.value!r} does not fit {kind}; these do: {names}")
    return spacing


def _sigma_at(process: DiscreteDiffusion, t: float, linear: bool) -> float:
    """The straight sigma of a chain's time."""
    if not linear:
        return process.sigma_at(t)
    return float(np.interp(t, np.arange(process.steps), process.log_sigmas.exp().numpy()))


def _as_told(process: Process, level: Level, told: Told) -> Level:
    """The level with the time that the network is told, a whole one of those that there are."""
    if told is Told.EXACT:
        return level
    scale = 1000 if isinstance(process, RectifiedFlow) else 1
    t = process.time_of_level(level) * scale
    whole = round(t) if told is Told.NEAREST else max(0, math.floor(t - CUT))
    return replace(level, t=whole / scale)


def _flow_times(
    steps: int,
    schedule: Schedule,
    shift: float,
    span: tuple[float, float] | None,
    beyond: int,
) -> list[float]:
    if schedule is Schedule.BETA:
        return _beta_shares(steps)
    line = _line(1.0, 0.0, steps + 1)[:-1]
    if span is not None:
        line = _line(*span, steps + beyond)[:steps]
    return line if schedule is Schedule.UNIFORM else [shifted_time(t, shift) for t in line]


def _chain_times(
    total: int, steps: int, schedule: Schedule, offset: int, beyond: int
) -> list[float]:
    """The times of a chain of `total` steps, falling."""
    last = total - 1.0
    downwards = range(steps - 1, -1, -1)
    match schedule:
        case Schedule.UNIFORM:
            times = _line(last, 0.0, steps)
        case Schedule.SGM:
            times = _line(last, 0.0, steps + 1)[:-1]
        case Schedule.SIMPLE:
            times = [last - index * total // steps for index in range(steps)]
        case Schedule.BETA:
            times = [last * share for share in _beta_shares(steps)]
            whole = _whole(times)
            times = whole if len(set(whole)) == steps else times
        case Schedule.LEADING:
            stride = total // (steps + beyond)
            times = [float((index + beyond) * stride + offset) for index in downwards]
        case Schedule.DDIM_UNIFORM:
            times = [float(index * (total // steps) + 1) for index in downwards]
        case Schedule.LINSPACE:
            times = _whole(_line(last, 0.0, steps + beyond))[:steps]
        case Schedule.TRAILING:
            times = [t - 1 for t in _whole([total - i * (total / steps) for i in range(steps)])]
        case _:
            chosen = [index * LCM_TIMES // steps for index in range(steps)]
            times = [float((LCM_TIMES - index) * (total // LCM_TIMES) - 1) for index in chosen]
    if not (last >= times[0] and times[-1] >= 0 and all(a > b for a, b in pairwise(times))):
        raise RequestError(
            f"schedule {schedule.value!r} has no {steps} different times in a chain of {total}; "
            "fewer steps are right"
        )
    return times


def _beta_shares(steps: int) -> list[float]:
    return symmetric_beta_quantiles(_line(1.0, 0.0, steps + 1)[:-1], BETA_SHAPE)


def _whole(times: Sequence[float]) -> list[float]:
    """The nearest whole numbers, halves to the even one, as numpy and diffusers round."""
    return [float(round(t)) for t in times]


def _line(start: float, end: float, count: int) -> list[float]:
    return [float(value) for value in np.linspace(start, end, count)]
