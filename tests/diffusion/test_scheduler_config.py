"""Scheduler configurations of diffusers: the same solver, the same levels."""

from __future__ import annotations

import json
from typing import Any

import diffusers
import pytest

from limner.diffusion.process import Process
from limner.diffusion.scheduler_config import SamplingPlan, plan_from_dict
from limner.diffusion.scheduler_process import process_from_dict
from limner.diffusion.schedules import levels
from limner.diffusion.solvers import SOLVERS
from limner.errors import UsageError

SD1 = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


def _read(scheduler: Any) -> tuple[Process, SamplingPlan]:
    config = json.loads(scheduler.to_json_string())
    process = process_from_dict(config)
    return process, plan_from_dict(config, process)


def _times(scheduler: Any, steps: int) -> tuple[list[float], list[float]]:
    """(ours, theirs), each level once."""
    scheduler.set_timesteps(steps)
    process, plan = _read(scheduler)
    visited = levels(process, steps, plan.schedule, **plan.options)
    theirs = list(dict.fromkeys(float(t) for t in scheduler.timesteps))
    return [float(level.t) for level in visited[:-1]], theirs


LAID_OUT_IN_TIME = [
    (diffusers.DDIMScheduler, {"steps_offset": 1}),
    (diffusers.DDIMScheduler, {"timestep_spacing": "trailing"}),
    (diffusers.DDPMScheduler, {"timestep_spacing": "linspace"}),
    (diffusers.PNDMScheduler, {"skip_prk_steps": True, "steps_offset": 1}),
    (diffusers.LCMScheduler, {}),
    (diffusers.EulerDiscreteScheduler, {"timestep_spacing": "leading", "steps_offset": 1}),
    (diffusers.EulerDiscreteScheduler, {"timestep_spacing": "linspace"}),
    (diffusers.EulerAncestralDiscreteScheduler, {"timestep_spacing": "trailing"}),
    (diffusers.LMSDiscreteScheduler, {"timestep_spacing": "leading", "steps_offset": 1}),
    (diffusers.HeunDiscreteScheduler, {"timestep_spacing": "trailing"}),
    (diffusers.DPMSolverMultistepScheduler, {"timestep_spacing": "leading", "steps_offset": 1}),
    (diffusers.DPMSolverMultistepScheduler, {}),
    (diffusers.DPMSolverSinglestepScheduler, {}),
    (diffusers.DEISMultistepScheduler, {"timestep_spacing": "trailing"}),
    (diffusers.UniPCMultistepScheduler, {"timestep_spacing": "leading"}),
]


@pytest.mark.parametrize(("kind", "options"), LAID_OUT_IN_TIME)
def test_times_are_those_of_the_scheduler(kind: type, options: dict[str, Any]) -> None:
    ours, theirs = _times(kind(**SD1, **options), 11)
    assert ours == pytest.approx(theirs, abs=1e-4)


LAID_OUT_IN_SIGMA = [
    (diffusers.EulerDiscreteScheduler, {"use_karras_sigmas": True}, "karras"),
    (diffusers.LMSDiscreteScheduler, {"use_exponential_sigmas": True}, "exponential"),
    (diffusers.DPMSolverMultistepScheduler, {"use_lu_lambdas": True}, "exponential"),
    (diffusers.UniPCMultistepScheduler, {"use_beta_sigmas": True}, "beta_sigmas"),
    (diffusers.DPMSolverMultistepScheduler, {"use_karras_sigmas": True}, "karras"),
    (diffusers.EulerDiscreteScheduler, {"rescale_betas_zero_snr": True}, "uniform"),
    (diffusers.DEISMultistepScheduler, {}, "linspace"),
    (diffusers.EulerDiscreteScheduler, {"final_sigmas_type": "sigma_min",
                                        "timestep_spacing": "trailing"}, "trailing"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "options", "schedule"), LAID_OUT_IN_SIGMA)
def test_sigmas_are_those_of_the_scheduler(
    kind: type, options: dict[str, Any], schedule: str
) -> None:
    scheduler = kind(**SD1, **options)
    scheduler.set_timesteps(10)
    process, plan = _read(scheduler)
    assert plan.schedule == schedule
    ours = [level.sigma for level in levels(process, 10, plan.schedule, **plan.options)]
    assert ours == pytest.approx(scheduler.sigmas.tolist(), rel=1e-4, abs=1e-6)


def test_the_ends_of_ddim_and_pndm_may_lie_above_0() -> None:
    for kind, options in ((diffusers.DDIMScheduler, {"set_alpha_to_one": False}),
                          (diffusers.PNDMScheduler, {})):  # fmt: skip
        process, plan = _read(kind(**SD1, steps_offset=1, **options))
        visited = levels(process, 10, plan.schedule, **plan.options)
        assert visited[-1].sigma == process.sigma_min
    _, plan = _read(diffusers.DDIMScheduler(**SD1))
    assert "final" not in plan.options


SOLVERS_OF = [
    (diffusers.DPMSolverMultistepScheduler, {}, "dpmpp_2m"),
    (diffusers.DPMSolverMultistepScheduler, {"solver_order": 3}, "dpmpp_3m"),
    (diffusers.DPMSolverMultistepScheduler, {"solver_order": 1}, "ddim"),
    (diffusers.DPMSolverMultistepScheduler, {"algorithm_type": "sde-dpmsolver++"}, "dpmpp_2m_sde"),
    (diffusers.UniPCMultistepScheduler, {}, "unipc_2"),
    (diffusers.UniPCMultistepScheduler, {"solver_order": 3, "solver_type": "bh1"}, "unipc"),
    (diffusers.DEISMultistepScheduler, {"solver_order": 3}, "deis"),
    (diffusers.PNDMScheduler, {}, "plms"),
    (diffusers.KDPM2AncestralDiscreteScheduler, {}, "dpm2_ancestral"),
]


@pytest.mark.parametrize(("kind", "options", "solver"), SOLVERS_OF)
def test_solvers_are_told_apart_by_their_options(
    kind: type, options: dict[str, Any], solver: str
) -> None:
    _, plan = _read(kind(**SD1, **options))
    assert plan.solver == solver
    assert plan.solver in SOLVERS


def test_noise_starts_as_in_diffusers() -> None:
    """init_noise_sigma: sigma, or sqrt(sigma^2 + 1), or 1 in native coordinates, which is that."""
    for kind, spacing, unit in (
        (diffusers.EulerDiscreteScheduler, "linspace", False),
        (diffusers.EulerDiscreteScheduler, "trailing", False),
        (diffusers.EulerDiscreteScheduler, "leading", True),
        (diffusers.DDIMScheduler, "trailing", True),
    ):
        scheduler = kind(**SD1, timestep_spacing=spacing)
        scheduler.set_timesteps(10)
        process, plan = _read(scheduler)
        assert plan.unit_start is unit
        first = levels(process, 10, plan.schedule, **plan.options)[0]
        ours = 1 / process.native_scale(first) if unit else first.sigma
        native = kind is diffusers.DDIMScheduler
        theirs = float(scheduler.init_noise_sigma) / (process.native_scale(first) if native else 1)
        assert ours == pytest.approx(theirs, rel=1e-3)


def test_flows_and_edm() -> None:
    process, plan = _read(diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0))
    least = 3 * 0.001 / (1 + 2 * 0.001)
    assert (plan.solver, plan.schedule) == ("euler", "shifted")
    assert plan.options == {"shift": 3.0, "span": (1.0, pytest.approx(least))}
    assert levels(process, 4, plan.schedule, **plan.options)[0].sigma == 1


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match="'VQDiffusionScheduler' is unknown"):
        plan_from_dict({"_class_name": "VQDiffusionScheduler"}, process_from_dict(SD1_CONFIG))
    with pytest.raises(UsageError, match="have no solver"):
        _read(diffusers.UniPCMultistepScheduler(**SD1, solver_type="bh1"))


SD1_CONFIG = json.loads(diffusers.DDIMScheduler(**SD1).to_json_string())
