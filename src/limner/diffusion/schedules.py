"""Which noise levels a painting goes through, from the most noise down to none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from itertools import pairwise
from typing import TypedDict, Unpack

import numpy as np

from limner.diffusion.beta_distribution import symmetric_beta_quantiles
from limner.diffusion.names import schedule_name
from limner.diffusion.process import EDM, DiscreteDiffusion, Level, Process, RectifiedFlow
from limner.diffusion.sigmas import (
    BETA_SHAPE,
    beta_sigmas,
    exponential_sigmas,
    karras_sigmas,
    kl_optimal_sigmas,
    line,
    linear_quadratic_sigmas,
    log_linear_sigmas,
    shifted_time,
    stretched,
)
from limner.errors import RequestError


class Schedule(StrEnum):
    """How the levels are spaced.

    karras       linear in sigma^(1 / rho) (EDM eq. 5)
    exponential  linear in log sigma
    polyexponential  log sigma as the power rho of a line; at rho 1 exponential
    kl_optimal   linear in arctan sigma (Sabour et al. 2024)
    kl_optimal_open  the same ending at the least noise and not at none, as A1111 has it
    linear_quadratic  half the steps over a fortieth of the noise, then a parabola (Movie Gen)
    uniform      linear in t; of a chain both ends are levels, of a flow the end is the sigma = 0
    normal       linear in t with both ends, of a flow t = 1 and 1/1000, which `shift` moves
    sgm          linear in t, the end of the chain left out
    simple       every (T / steps)-th time of the chain
    beta         quantiles of Beta(0.6, 0.6) in t (Lee et al. 2024), whole times where they differ
    beta_sigmas  quantiles of Beta(0.6, 0.6) in sigma, as diffusers and A1111 have them
    ays          Align Your Steps for the model's family (Sabour et al. 2024): its ten levels, any
    ays_sd1      number of steps between them on lines in log sigma; those for Stable Diffusion 1,
    ays_sdxl     and those for SDXL
    ays_whole    ays with its eleventh sigma as a level before the 0, as A1111 has it
    leading      whole times from below, every (T // steps)-th, as diffusers counts them
    ddim_uniform all that range(1, T, T // steps) has, as DDIM's and latent diffusion's own code:
                 more than `steps` levels where that does not divide T
    linspace     whole times nearest to a line with both ends
    trailing     whole times from above, the last of the chain among them
    lcm          of 50 trailing times, those that latent consistency models are sampled at
    shifted      uniform, moved towards noise by `shift` (SD3 eq. 23)
    """

    KARRAS = "karras"
    EXPONENTIAL = "exponential"
    POLYEXPONENTIAL = "polyexponential"
    KL_OPTIMAL = "kl_optimal"
    KL_OPTIMAL_OPEN = "kl_optimal_open"
    LINEAR_QUADRATIC = "linear_quadratic"
    UNIFORM = "uniform"
    NORMAL = "normal"
    SGM = "sgm"
    SIMPLE = "simple"
    DDIM_UNIFORM = "ddim_uniform"
    BETA = "beta"
    BETA_SIGMAS = "beta_sigmas"
    AYS = "ays"
    AYS_SD1 = "ays_sd1"
    AYS_SDXL = "ays_sdxl"
    AYS_WHOLE = "ays_whole"
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


class LevelOptions(TypedDict, total=False):
    """What `levels` may be told beside a schedule.

    rho: of karras (7) and polyexponential (1). shift: of a flow's times, above 1 for more steps at
    much noise (1). sigma_min, sigma_max: the ends of what is laid out between two sigmas, in
    straight coordinates (the process's own). offset: of leading, added to its times. beyond: of
    leading, linspace and a flow's span, laid out for so many steps more, the last of them left out.
    final: the sigma at the end in place of 0; a level that is not above it is left out, as its step
    would do nothing. discard_penultimate: laid out for a step more, of which the last level before
    the end is left out. aligned: of ays and ays_whole, whose levels: ays_sd1 (the default) or
    ays_sdxl.

    As diffusers has it where it is not k-diffusion: linear: between whole times of a chain sigma is
    interpolated, not its logarithm. ends: sigma_min and sigma_max are those of that schedule of a
    chain. span: the first and the last time of a flow's line, both of them levels, before they are
    shifted; without it from 1 to the sigma = 0. terminal: what a flow's last level is stretched to,
    once it is shifted. clipped: how many of a chain's noisiest times leading, linspace and trailing
    leave out. told: how the network is told a time.
    """

    rho: float
    shift: float
    sigma_min: float
    sigma_max: float
    offset: int
    beyond: int
    final: float
    discard_penultimate: bool
    aligned: str
    linear: bool
    ends: str
    span: tuple[float, float]
    terminal: float
    clipped: int
    told: str


CUT = 1e-6  # a whole time comes out lower in diffusers, from its sigma's logarithm, and is cut too
LCM_TIMES = 50  # times that latent consistency models are distilled at
THOUSANDTH = 1 / 1000  # a flow's least time where it is cut into a thousand, as in ComfyUI

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
    process: Process, steps: int, schedule: Schedule | str, **options: Unpack[LevelOptions]
) -> tuple[Level, ...]:
    """`steps` falling levels, and sigma = 0 after them.

    Raises RequestError for fewer than 1 step or a schedule that does not fit the process.
    """
    spacing = _fitting(process, schedule, options)
    _check(steps, spacing, options)
    discard = options.get("discard_penultimate", False)
    visited = _laid_out(process, steps + discard, spacing, options)
    least = _ends(process, steps, options)[0] if spacing is Schedule.KL_OPTIMAL_OPEN else 0.0
    final = options.get("final", least)
    told = Told(options.get("told", Told.EXACT))
    above = [_as_told(process, level, told) for level in visited if level.sigma > final]
    return (*(above[:-1] if discard else above), process.level(final))


FITTING: dict[type[Process], tuple[Schedule, ...]] = {
    DiscreteDiffusion: tuple(each for each in Schedule if each is not Schedule.SHIFTED),
    EDM: (
        Schedule.KARRAS,
        Schedule.EXPONENTIAL,
        Schedule.POLYEXPONENTIAL,
        Schedule.KL_OPTIMAL,
        Schedule.KL_OPTIMAL_OPEN,
        Schedule.LINEAR_QUADRATIC,
        Schedule.BETA_SIGMAS,
    ),
    RectifiedFlow: (
        Schedule.UNIFORM,
        Schedule.SHIFTED,
        Schedule.BETA,
        Schedule.NORMAL,
        Schedule.SGM,
        Schedule.SIMPLE,
        Schedule.DDIM_UNIFORM,
        Schedule.LINEAR_QUADRATIC,
    ),
}
_BETWEEN_SIGMAS = (
    Schedule.KARRAS,
    Schedule.EXPONENTIAL,
    Schedule.POLYEXPONENTIAL,
    Schedule.KL_OPTIMAL,
    Schedule.KL_OPTIMAL_OPEN,
    Schedule.BETA_SIGMAS,
)


def _fitting(process: Process, schedule: Schedule | str, options: LevelOptions) -> Schedule:
    """The schedule, if it has a meaning for the process.

    A flow's sigma-hat has no upper end and its sigma no lower one, which `sigma_min` may give.
    """
    spacing = Schedule(schedule_name(schedule))
    fitting = FITTING[type(process)]
    if isinstance(process, RectifiedFlow) and "sigma_min" in options:
        fitting += _BETWEEN_SIGMAS
    if spacing not in fitting:
        kind, names = type(process).__name__, ", ".join(each.value for each in fitting)
        raise RequestError(f"schedule {spacing.value!r} does not fit {kind}; these do: {names}")
    return spacing


def _check(steps: int, spacing: Schedule, options: LevelOptions) -> None:
    if steps < 1:
        raise RequestError(f"steps is {steps}; it must be at least 1")
    bending = (Schedule.KARRAS, Schedule.POLYEXPONENTIAL)
    if "rho" in options and spacing not in bending:
        names = " and ".join(each.value for each in bending)
        raise RequestError(f"schedule {spacing.value!r} has no rho; {names} have one")
    shift, rho = options.get("shift", 1.0), options.get("rho", 1.0)
    if not (shift > 0 and rho > 0):
        raise RequestError(f"shift {shift} and rho {rho} of a schedule must be above 0")


def _laid_out(
    process: Process, steps: int, spacing: Schedule, options: LevelOptions
) -> list[Level]:
    """The levels before the end, with the process's own times."""
    if spacing in _BETWEEN_SIGMAS:
        low, high = _ends(process, steps, options)
        sigmas = _between(steps, spacing, low, high, options)
    elif spacing is Schedule.LINEAR_QUADRATIC:
        sigmas = linear_quadratic_sigmas(steps, process.sigma_max)
    elif spacing in (Schedule.AYS, Schedule.AYS_WHOLE, *AYS_SIGMAS):
        own = AYS_SIGMAS.get(spacing, AYS_SIGMAS[Schedule(options.get("aligned", "ays_sd1"))])
        whole = spacing is Schedule.AYS_WHOLE
        sigmas = log_linear_sigmas(own, steps if whole else steps + 1)[:steps]
    elif isinstance(process, DiscreteDiffusion):
        linear, times = options.get("linear", False), _chain_times(process, steps, spacing, options)
        visited = [process.level(_sigma_at(process, t, linear)) for t in times]
        if not linear:
            return visited
        return [replace(level, t=t) for level, t in zip(visited, times, strict=True)]
    else:
        sigmas = [process.sigma_at(t) for t in _flow_times(steps, spacing, options)]
    return [process.level(sigma) for sigma in sigmas]


def _between(
    steps: int, spacing: Schedule, low: float, high: float, options: LevelOptions
) -> list[float]:
    match spacing:
        case Schedule.KARRAS:
            return karras_sigmas(steps, low, high, options.get("rho", 7.0))
        case Schedule.EXPONENTIAL:
            return exponential_sigmas(steps, low, high)
        case Schedule.POLYEXPONENTIAL:
            return exponential_sigmas(steps, low, high, options.get("rho", 1.0))
        case Schedule.KL_OPTIMAL:
            return kl_optimal_sigmas(steps, low, high)
        case Schedule.KL_OPTIMAL_OPEN:
            return kl_optimal_sigmas(steps + 1, low, high)[:-1]
    return beta_sigmas(steps, low, high)


def _ends(process: Process, steps: int, options: LevelOptions) -> tuple[float, float]:
    """(the least sigma, the most) of what is laid out between two."""
    low, high = process.sigma_min, process.sigma_max
    if "ends" in options and isinstance(process, DiscreteDiffusion):
        linear, spacing = options.get("linear", False), Schedule(schedule_name(options["ends"]))
        times = _chain_times(process, steps, spacing, options)
        low, high = (_sigma_at(process, t, linear) for t in (times[-1], times[0]))
    low, high = options.get("sigma_min", low), options.get("sigma_max", high)
    if not 0 < low < high:
        raise RequestError(f"sigma_min is {low} and sigma_max {high}; it must be 0 < min < max")
    return low, high


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


def _flow_times(steps: int, schedule: Schedule, options: LevelOptions) -> list[float]:
    """The times of a flow, falling; ComfyUI's are those of a chain of a thousand."""
    match schedule:
        case Schedule.BETA:
            times = [(t + 1) * THOUSANDTH for t in _beta_times(1000, steps)]
        case Schedule.NORMAL:
            times = line(1.0, THOUSANDTH, steps)
        case Schedule.SGM:
            times = line(1.0, THOUSANDTH, steps + 1)[:-1]
        case Schedule.SIMPLE:
            times = [1 - index * 1000 // steps * THOUSANDTH for index in range(steps)]
        case Schedule.DDIM_UNIFORM:
            times = [(t + 1) * THOUSANDTH for t in _ddim_times(1000, steps)]
        case _ if "span" in options:
            times = line(*options["span"], steps + options.get("beyond", 0))[:steps]
        case _:
            times = line(1.0, 0.0, steps + 1)[:-1]
    _check_falling(times, 1.0, schedule, steps, 1000)
    if schedule is not Schedule.UNIFORM:
        times = [shifted_time(t, options.get("shift", 1.0)) for t in times]
    return stretched(times, options["terminal"]) if "terminal" in options else times


def _chain_times(
    process: DiscreteDiffusion, steps: int, schedule: Schedule, options: LevelOptions
) -> list[float]:
    """The times of a chain, falling."""
    total, beyond = process.steps, options.get("beyond", 0)
    kept, last = total - options.get("clipped", 0), total - 1.0
    match schedule:
        case Schedule.UNIFORM | Schedule.NORMAL:
            times = line(last, 0.0, steps)
        case Schedule.SGM:
            times = line(last, 0.0, steps + 1)[:-1]
        case Schedule.SIMPLE:
            times = [last - index * total // steps for index in range(steps)]
        case Schedule.BETA:
            times = _beta_times(total, steps)
        case Schedule.LEADING:
            stride, offset = kept // (steps + beyond), options.get("offset", 0)
            times = [float((i + beyond) * stride + offset) for i in reversed(range(steps))]
        case Schedule.DDIM_UNIFORM:
            times = _ddim_times(total, steps)
        case Schedule.LINSPACE:
            times = _whole(line(kept - 1.0, 0.0, steps + beyond))[:steps]
        case Schedule.TRAILING:
            places = [kept - index * (total / steps) for index in range(steps)]
            times = [t - 1 for t in _whole([place for place in places if place > 0])]
        case _:
            chosen = [index * LCM_TIMES // steps for index in range(steps)]
            times = [float((LCM_TIMES - index) * (total // LCM_TIMES) - 1) for index in chosen]
    _check_falling(times, last, schedule, steps, total)
    return times


def _check_falling(
    times: Sequence[float], last: float, schedule: Schedule, steps: int, total: int
) -> None:
    falling = all(high > low for high, low in pairwise(times))
    if not (times and falling and last >= times[0] and times[-1] >= 0):
        raise RequestError(
            f"schedule {schedule.value!r} has no {steps} different times in a chain of {total}; "
            "fewer steps are right"
        )


def _ddim_times(total: int, steps: int) -> list[float]:
    """range(1, total, total // steps) from above; none where there are not so many."""
    if steps > total - 1:
        return []
    return [float(t) for t in reversed(range(1, total, total // steps))]


def _beta_times(total: int, steps: int) -> list[float]:
    """Quantiles in 0 .. total - 1, whole ones unless two of them would be the same."""
    shares = symmetric_beta_quantiles(line(1.0, 0.0, steps + 1)[:-1], BETA_SHAPE)
    times = [(total - 1.0) * share for share in shares]
    whole = _whole(times)
    return whole if len(set(whole)) == steps else times


def _whole(times: Sequence[float]) -> list[float]:
    """The nearest whole numbers, halves to the even one, as numpy and diffusers round."""
    return [float(round(t)) for t in times]
