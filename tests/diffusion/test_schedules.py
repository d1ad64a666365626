"""Schedules against published numbers, diffusers, and what every schedule must hold."""

from __future__ import annotations

import math
from itertools import pairwise

import diffusers
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.diffusion.process import EDM, DiscreteDiffusion, RectifiedFlow
from limner.diffusion.schedules import FITTING, Schedule, levels
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


@settings(deadline=None, max_examples=50)
@given(steps=st.integers(1, 120))
@pytest.mark.parametrize(("process", "schedule"), PAIRS)
def test_levels_fall_strictly_to_zero(
    process: DiscreteDiffusion, schedule: Schedule, steps: int
) -> None:
    made = levels(process, steps, schedule, shift=2.5)
    assert len(made) == steps + 1
    assert all(high.sigma > low.sigma for high, low in pairwise(made))
    assert made[0].sigma == pytest.approx(process.sigma_max)
    assert made[-1].sigma == 0
    assert made[-1].alpha == 1


def test_ends_can_be_given() -> None:
    sigmas = _sigmas(EDM(), 5, "exponential", sigma_min=0.1, sigma_max=10.0)
    assert sigmas == pytest.approx([10, 10**0.5, 1, 0.1**0.5, 0.1, 0])


@pytest.mark.parametrize(
    ("process", "steps", "schedule", "options", "message"),
    [
        (SD1, 0, "karras", {}, "steps is 0; it must be at least 1"),
        (RectifiedFlow(), 4, "karras", {}, "these do: uniform, shifted"),
        (SD1, 4, "shifted", {}, "does not fit DiscreteDiffusion"),
        (SD1, 4, "golden", {}, "'golden' does not fit"),
        (SD1, 1001, "simple", {}, "at most 1000 steps"),
        (RectifiedFlow(), 4, "shifted", {"shift": 0.0}, "must be above 0"),
        (EDM(), 4, "karras", {"sigma_min": 0.0}, "0 < min < max"),
    ],
)
def test_what_cannot_be_is_refused(
    process: DiscreteDiffusion, steps: int, schedule: str, options: dict, message: str
) -> None:
    with pytest.raises(RequestError, match=message):
        levels(process, steps, schedule, **options)
