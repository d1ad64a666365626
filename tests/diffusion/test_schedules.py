"""Schedules against published numbers, diffusers, and what every schedule must hold."""

from __future__ import annotations

import math
from itertools import pairwise

import diffusers
import numpy as np
import pytest
from diffusers.schedulers import AysSchedules
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from limner.diffusion.process import EDM, DiscreteDiffusion, RectifiedFlow
from limner.diffusion.schedules import AYS_SIGMAS, FITTING, Schedule, levels
from limner.errors import RequestError

SD1 = DiscreteDiffusion()
PAIRS = [
    (process, schedule)
    for process in (SD1, EDM(), RectifiedFlow())
    for schedule in FITTING[type(process)]
]


def _sigmas(*arguments: object, **options: float) -> list[float]:
    return [level.sigma for level in levels(*arguments, **options)]


def _diffusers_sigmas(steps: int, **options: object) -> list[float]:
    sd1 = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
    scheduler = diffusers.EulerDiscreteScheduler(timestep_spacing="linspace", **sd1, **options)
    scheduler.set_timesteps(steps)
    return scheduler.sigmas.tolist()


def test_karras_numbers_of_stable_diffusion() -> None:
    published = [14.6146, 9.1029, 5.4784, 3.1686, 1.7494, 0.9141, 0.4469, 0.2014, 0.0819, 0.0292, 0]
    assert _sigmas(SD1, 10, "karras") == pytest.approx(published, abs=5e-5)


@pytest.mark.parametrize("steps", [2, 7, 30])
def test_spacings_are_those_of_diffusers(steps: int) -> None:
    # Their betas are fp32; and "linspace" interpolates log sigma when asked to, as here.
    karras = _diffusers_sigmas(steps, use_karras_sigmas=True)
    assert _sigmas(SD1, steps, "karras") == pytest.approx(karras, rel=2e-4)
    exponential = _diffusers_sigmas(steps, use_exponential_sigmas=True)
    assert _sigmas(SD1, steps, "exponential") == pytest.approx(exponential, rel=2e-4)


def test_uniform_is_that_of_diffusers_at_whole_times() -> None:
    # 4 levels lie on whole times (999, 666, 333, 0), where interpolation has no say.
    assert _sigmas(SD1, 4, "uniform") == pytest.approx(_diffusers_sigmas(4), rel=2e-4)
    times = [level.t for level in levels(SD1, 4, "uniform")]
    assert times == pytest.approx([999, 666, 333, 0, 0], abs=1e-8)


def test_uniform_between_whole_times_is_interpolated_in_log_sigma() -> None:
    sigmas = _sigmas(SD1, 3, "uniform")
    assert math.log(sigmas[1]) == pytest.approx(float(SD1.log_sigmas[499:501].mean()))


def test_sgm_and_simple_spacings() -> None:
    assert [level.t for level in levels(SD1, 3, "sgm")] == pytest.approx([999, 666, 333, 0])
    assert [level.t for level in levels(SD1, 4, "simple")] == pytest.approx([999, 749, 499, 249, 0])


def test_flow_levels_are_a_line_and_a_shift_bends_it() -> None:
    assert _sigmas(RectifiedFlow(), 4, "uniform") == pytest.approx([1, 0.75, 0.5, 0.25, 0])
    theirs = diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0)
    theirs.set_timesteps(sigmas=np.linspace(1, 0.125, 8))
    shifted = _sigmas(RectifiedFlow(), 8, Schedule.SHIFTED, shift=3.0)
    assert shifted == pytest.approx(theirs.sigmas.tolist(), rel=1e-6)


def test_edm_levels_are_the_papers() -> None:
    sigmas = _sigmas(EDM(), 18, "karras")
    assert sigmas[0] == pytest.approx(80)
    assert sigmas[-2:] == pytest.approx([0.002, 0])
    middle = (80 ** (1 / 7) + 5 / 17 * (0.002 ** (1 / 7) - 80 ** (1 / 7))) ** 7
    assert sigmas[5] == pytest.approx(middle)


@settings(deadline=None, max_examples=12)
@given(steps=st.integers(1, 150))
@pytest.mark.parametrize(("process", "schedule"), PAIRS)
def test_levels_fall_strictly_to_zero(
    process: DiscreteDiffusion, schedule: Schedule, steps: int
) -> None:
    if schedule is Schedule.LCM:
        steps = min(steps, 50)
    made = levels(process, steps, schedule, shift=2.5)
    if schedule is Schedule.DDIM_UNIFORM:
        steps = len(range(1, 1000, 1000 // steps))
    assert len(made) == steps + 1
    assert all(high.sigma > low.sigma for high, low in pairwise(made))
    least = process.sigma_min if schedule is Schedule.KL_OPTIMAL_OPEN else 0
    assert made[-1].sigma == pytest.approx(least, abs=1e-12)
    assert made[-1].alpha == 1
    if schedule not in (Schedule.LEADING, Schedule.DDIM_UNIFORM):
        assert made[0].sigma == pytest.approx(process.sigma_max, rel=1e-4)


@pytest.mark.parametrize("spacing", ["leading", "linspace", "trailing"])
@pytest.mark.parametrize("steps", [2, 7, 30])
def test_spacings_of_whole_times_are_those_of_diffusers(spacing: str, steps: int) -> None:
    scheduler = diffusers.DDIMScheduler(timestep_spacing=spacing, steps_offset=1)
    scheduler.set_timesteps(steps)
    options = {"offset": 1} if spacing == "leading" else {}
    ours = [level.t for level in levels(SD1, steps, spacing, **options)][:-1]
    assert ours == pytest.approx(scheduler.timesteps.tolist(), abs=1e-8)


@pytest.mark.parametrize("spacing", ["leading", "linspace"])
def test_spacings_of_the_multistep_solvers_of_diffusers_leave_the_last_out(spacing: str) -> None:
    scheduler = diffusers.UniPCMultistepScheduler(timestep_spacing=spacing, steps_offset=1)
    scheduler.set_timesteps(9)
    options = {"offset": 1} if spacing == "leading" else {}
    ours = [level.t for level in levels(SD1, 9, spacing, beyond=1, **options)][:-1]
    assert ours == pytest.approx(scheduler.timesteps.tolist(), abs=1e-8)


def test_one_step_of_linspace_starts_at_the_most_noise() -> None:
    """Where diffusers, in DDIM, starts at t = 0: that one step would do nothing."""
    assert [level.t for level in levels(SD1, 1, "linspace")] == [999, 0]


def test_ddim_uniform_is_latent_diffusions() -> None:
    """range(0, T, T // steps) + 1, which has 31 times for 30 steps."""
    for steps in (20, 30):
        times = [level.t for level in levels(SD1, steps, "ddim_uniform")][:-1]
        assert times == pytest.approx([*reversed(range(1, 1000, 1000 // steps))], abs=1e-8)
    assert len(times) == 31
    assert times[0] == pytest.approx(991)


def test_lcm_times_are_those_of_diffusers() -> None:
    scheduler = diffusers.LCMScheduler()
    for steps in (1, 4, 7, 50):
        scheduler.set_timesteps(steps)
        times = [level.t for level in levels(SD1, steps, "lcm")][:-1]
        assert times == pytest.approx(scheduler.timesteps.tolist(), abs=1e-8)


@pytest.mark.parametrize("steps", [5, 20, 60])
def test_beta_is_the_papers_quantiles_in_whole_times(steps: int) -> None:
    shares = stats.beta.ppf(1 - np.arange(steps) / steps, 0.6, 0.6)
    times = [level.t for level in levels(SD1, steps, "beta")][:-1]
    assert times == pytest.approx(np.rint(999 * shares).tolist(), abs=1e-8)


def test_beta_of_more_steps_than_whole_times_at_the_ends_still_falls() -> None:
    times = [level.t for level in levels(SD1, 300, "beta")][:-1]
    assert times[0] == pytest.approx(999)
    assert 998.5 < times[1] < 999


def test_beta_sigmas_are_those_of_diffusers() -> None:
    for steps in (2, 11):
        theirs = _diffusers_sigmas(steps, use_beta_sigmas=True)
        assert _sigmas(SD1, steps, "beta_sigmas") == pytest.approx(theirs, rel=2e-4)


@pytest.mark.parametrize(
    ("schedule", "theirs"), [("ays_sd1", "StableDiffusion"), ("ays_sdxl", "StableDiffusionXL")]
)
def test_align_your_steps_are_the_published_levels(schedule: str, theirs: str) -> None:
    published = AysSchedules[f"{theirs}Sigmas"]
    assert _sigmas(SD1, 10, schedule) == pytest.approx(published)
    # The times that go with them, as published.
    times = [level.t for level in levels(SD1, 10, schedule)][:-1]
    assert times == pytest.approx(AysSchedules[f"{theirs}Timesteps"], abs=1.5)
    twenty = _sigmas(SD1, 20, schedule)
    assert twenty[::2] == pytest.approx([*published[:-1], 0.0])
    assert twenty[1] == pytest.approx((twenty[0] * twenty[2]) ** 0.5)


def test_align_your_steps_are_those_of_the_models_family() -> None:
    for aligned in ("ays_sd1", "ays_sdxl"):
        assert _sigmas(SD1, 12, "ays", aligned=aligned) == _sigmas(SD1, 12, aligned)
        published = list(AYS_SIGMAS[Schedule(aligned)])
        assert _sigmas(SD1, 11, "ays_whole", aligned=aligned) == pytest.approx([*published, 0])
    assert _sigmas(SD1, 12, "ays") == _sigmas(SD1, 12, "ays_sd1")
    # of other numbers of steps both ends stay
    assert _sigmas(SD1, 20, "ays_whole")[::19] == pytest.approx([14.615, 0.029])


def test_beta_of_a1111() -> None:
    assert _sigmas(SD1, 20, "beta_sigmas")[:3] == pytest.approx([14.6, 14.4, 14.0], abs=0.05)


def test_normal_of_a_chain_is_uniform() -> None:
    assert levels(SD1, 13, "normal") == levels(SD1, 13, "uniform")


@pytest.mark.parametrize(
    ("schedule", "times"),
    [
        ("normal", [1, 0.75025, 0.5005, 0.25075, 0.001]),
        ("sgm", [1, 0.8002, 0.6004, 0.4006, 0.2008]),
        ("simple", [1, 0.8, 0.6, 0.4, 0.2]),
        ("ddim_uniform", [0.802, 0.602, 0.402, 0.202, 0.002]),
        (
            "beta",
            [1, *((1 + np.rint(999 * stats.beta.ppf([0.8, 0.6, 0.4, 0.2], 0.6, 0.6))) / 1000)],
        ),
    ],
)
def test_a_flow_by_comfyuis_names(schedule: str, times: list[float]) -> None:
    """Of a chain of a thousand times t / 1000, which the shift then moves."""
    assert _sigmas(RectifiedFlow(), 5, schedule) == pytest.approx([*times, 0])
    shifted = [3 * t / (1 + 2 * t) for t in times]
    assert _sigmas(RectifiedFlow(), 5, schedule, shift=3.0) == pytest.approx([*shifted, 0])


def test_a_flow_between_two_sigmas() -> None:
    sigmas = _sigmas(RectifiedFlow(), 3, "exponential", sigma_min=0.01)
    assert sigmas == pytest.approx([1, 0.1, 0.01, 0])


def test_a_flow_is_stretched_to_a_last_level() -> None:
    scheduler = diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0, shift_terminal=0.1)
    scheduler.set_timesteps(7)
    least = 3 * 0.001 / (1 + 2 * 0.001)
    ours = _sigmas(RectifiedFlow(), 7, "shifted", shift=3.0, span=(1.0, least), terminal=0.1)
    assert ours == pytest.approx(scheduler.sigmas.tolist(), rel=1e-5)


def test_the_last_level_but_one_can_be_left_out() -> None:
    whole = _sigmas(SD1, 11, "karras")
    assert _sigmas(SD1, 10, "karras", discard_penultimate=True) == [*whole[:-2], 0]
    assert len(_sigmas(SD1, 30, "ddim_uniform", discard_penultimate=True)) == 32


def test_the_noisiest_times_of_a_chain_can_be_left_out() -> None:
    clipped = 41
    for spacing in ("linspace", "leading", "trailing"):
        times = [level.t for level in levels(SD1, 10, spacing, clipped=clipped)][:-1]
        assert times[0] <= 999 - clipped < levels(SD1, 10, "linspace")[0].t
        assert len(times) == 10
    assert levels(SD1, 10, "linspace", clipped=clipped)[0].t == 958


def test_a_last_sigma_above_0() -> None:
    end = SD1.sigma_min
    sigmas = _sigmas(SD1, 10, "leading", offset=1, final=end)
    assert len(sigmas) == 11
    assert sigmas[-1] == end
    # Without the offset the last level would be where the end is, and its step do nothing.
    assert len(_sigmas(SD1, 10, "leading", final=end)) == 10


def test_ends_can_be_given() -> None:
    sigmas = _sigmas(EDM(), 5, "exponential", sigma_min=0.1, sigma_max=10.0)
    assert sigmas == pytest.approx([10, 10**0.5, 1, 0.1**0.5, 0.1, 0])


@pytest.mark.parametrize(
    ("process", "steps", "schedule", "options", "message"),
    [
        (SD1, 0, "karras", {}, "steps is 0; it must be at least 1"),
        (RectifiedFlow(), 4, "karras", {}, "these do: uniform, shifted, beta"),
        (SD1, 4, "shifted", {}, "does not fit DiscreteDiffusion"),
        (SD1, 4, "golden", {}, "'golden' is unknown"),
        (SD1, 1001, "simple", {}, "no 1001 different times in a chain of 1000"),
        (SD1, 51, "lcm", {}, "no 51 different times"),
        (SD1, 1000, "ddim_uniform", {}, "no 1000 different times"),
        (RectifiedFlow(), 1001, "simple", {}, "no 1001 different times"),
        (RectifiedFlow(), 4, "shifted", {"shift": 0.0}, "must be above 0"),
        (EDM(), 4, "karras", {"sigma_min": 0.0}, "0 < min < max"),
        (SD1, 4, "uniform", {"rho": 2.0}, "'uniform' has no rho; karras and polyexponential have"),
    ],
)
def test_what_cannot_be_is_refused(
    process: DiscreteDiffusion, steps: int, schedule: str, options: dict, message: str
) -> None:
    with pytest.raises(RequestError, match=message):
        levels(process, steps, schedule, **options)
