"""Whole loops of diffusers' schedulers, from its noise to its latents, from their configuration.

The network is a small one of the picture and of the time that it is told, so levels, times, solver,
start and end all show. A configuration is claimed where the plan has no note.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import diffusers
import pytest
import torch
from torch import Tensor

from limner.diffusion.path import path
from limner.diffusion.prediction import prediction_named
from limner.diffusion.sample import denoise_with, drive, last
from limner.diffusion.scheduler_config import plan_from_dict, prediction_name
from limner.diffusion.scheduler_process import process_from_dict
from limner.diffusion.solvers import solver_named

SD = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
NOISE = torch.randn(1, 4, 6, 6, generator=torch.Generator().manual_seed(3))
MIX = torch.randn(4, 4, generator=torch.Generator().manual_seed(4)) / 4

MULTISTEP = diffusers.DPMSolverMultistepScheduler
SINGLESTEP = diffusers.DPMSolverSinglestepScheduler
DEIS, UNIPC = diffusers.DEISMultistepScheduler, diffusers.UniPCMultistepScheduler
EULER, HEUN = diffusers.EulerDiscreteScheduler, diffusers.HeunDiscreteScheduler
LMS, DDIM = diffusers.LMSDiscreteScheduler, diffusers.DDIMScheduler
KARRAS, OFFSET = {"use_karras_sigmas": True}, {"timestep_spacing": "leading", "steps_offset": 1}
TRAILING = {"timestep_spacing": "trailing"}
LEAST = {"final_sigmas_type": "sigma_min"}


def network(x: Tensor, t: Tensor) -> Tensor:
    """Of the noise in x for the most part, and of the time to a share that shows."""
    mixed = torch.einsum("oc,bchw->bohw", MIX, x.tanh())
    return (0.8 * x + mixed + 0.3 * torch.sin(t.float().reshape(-1, 1, 1, 1) / 90 + 1)).tanh()


def theirs(scheduler: Any, steps: int, seed: int = 5) -> tuple[Tensor, int]:
    """(the last latents, how often the network was asked) of the loop of diffusers' pipelines."""
    scheduler.set_timesteps(steps)
    options = {}
    if "generator" in scheduler.step.__code__.co_varnames:
        options["generator"] = torch.Generator().manual_seed(seed)
    x = NOISE * scheduler.init_noise_sigma if hasattr(scheduler, "init_noise_sigma") else NOISE
    for t in scheduler.timesteps:
        shown = scheduler.scale_model_input(x, t) if hasattr(scheduler, "scale_model_input") else x
        x = scheduler.step(network(shown, t.expand(1)), t, x, **options).prev_sample
    return x, len(scheduler.timesteps)


def ours(config: dict[str, Any], steps: int, seed: int = 5) -> tuple[Tensor, int]:
    process = process_from_dict(config)
    plan = plan_from_dict(config, process)
    assert plan.notes == ()
    prediction = prediction_named(prediction_name(config), process)
    way = path(
        process,
        steps,
        plan.schedule,
        unit_start=plan.unit_start,
        native_end=plan.native_end,
        **plan.options,
    )
    asked = 0

    def counted(x: Tensor, t: Tensor) -> Tensor:
        nonlocal asked
        asked += 1
        return network(x, t)

    denoise = denoise_with(counted, process, prediction)
    run = solver_named(plan.solver)(way.start * NOISE, way.levels, fresh(seed))
    return way.end * last(drive(run, denoise)), asked


def fresh(seed: int) -> Callable[..., Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return lambda x, interval=None: torch.randn(x.shape, generator=generator, dtype=x.dtype)


def compare(scheduler: Any, steps: int, *, evaluations: bool = True) -> None:
    config = json.loads(scheduler.to_json_string())
    (expected, theirs_asked), (found, ours_asked) = theirs(scheduler, steps), ours(config, steps)
    assert expected.isfinite().all()
    error = ((found - expected).abs().max() / expected.abs().max()).item()
    assert error < 1e-3, error
    # a level that the last one equals is left out, where they ask about it for a step of nothing
    assert theirs_asked == ours_asked + (0 if evaluations else 1)


# fmt: off
CHAINS: list[tuple[type, dict[str, Any]]] = [
    (EULER, {}), (EULER, OFFSET), (EULER, TRAILING), (EULER, KARRAS), (EULER, {**KARRAS, **OFFSET}),
    (EULER, {**KARRAS, **TRAILING}), (EULER, {"use_exponential_sigmas": True}),
    (EULER, {"use_beta_sigmas": True}), (EULER, LEAST), (EULER, {**KARRAS, **LEAST}),
    (EULER, {**KARRAS, "sigma_min": 0.05, "sigma_max": 9.0}),
    (EULER, {**TRAILING, "rescale_betas_zero_snr": True, "prediction_type": "v_prediction"}),
    (EULER, {"prediction_type": "sample"}),
    (HEUN, {}), (HEUN, KARRAS), (HEUN, OFFSET),
    (LMS, OFFSET), (LMS, KARRAS), (LMS, {"use_exponential_sigmas": True}),
    (diffusers.KDPM2DiscreteScheduler, {}),
    (diffusers.KDPM2DiscreteScheduler, KARRAS), (diffusers.KDPM2DiscreteScheduler, OFFSET),
    (diffusers.EulerAncestralDiscreteScheduler, {}),
    (diffusers.EulerAncestralDiscreteScheduler, OFFSET),
    (diffusers.EulerAncestralDiscreteScheduler, {"prediction_type": "v_prediction"}),
    (diffusers.KDPM2AncestralDiscreteScheduler, {}),
    (DDIM, {"clip_sample": False, "steps_offset": 1, "set_alpha_to_one": False}),
    (DDIM, {"clip_sample": False, "prediction_type": "v_prediction"}),
    (diffusers.DDPMScheduler, {"clip_sample": False}),
    (diffusers.DDPMScheduler, {"clip_sample": False, **TRAILING}),
    (diffusers.PNDMScheduler, {"skip_prk_steps": True, "steps_offset": 1}),
    (diffusers.PNDMScheduler, {"skip_prk_steps": True, "set_alpha_to_one": True}),
    (diffusers.LCMScheduler, {}),
    (MULTISTEP, {}), (MULTISTEP, KARRAS), (MULTISTEP, OFFSET), (MULTISTEP, TRAILING),
    (MULTISTEP, {"use_lu_lambdas": True}), (MULTISTEP, {"use_exponential_sigmas": True}),
    (MULTISTEP, {"use_beta_sigmas": True}), (MULTISTEP, {"solver_order": 1}),
    (MULTISTEP, {"solver_order": 3, "solver_type": "heun", "lower_order_final": False}),
    (MULTISTEP, {**LEAST, "lower_order_final": False}), (MULTISTEP, {**LEAST, "solver_order": 1}),
    (MULTISTEP, {"algorithm_type": "sde-dpmsolver++", **KARRAS}),
    (MULTISTEP, {"prediction_type": "v_prediction", "rescale_betas_zero_snr": True, **TRAILING}),
    (SINGLESTEP, {}), (SINGLESTEP, KARRAS), (SINGLESTEP, {"use_exponential_sigmas": True}),
    (SINGLESTEP, {"solver_order": 1}), (SINGLESTEP, LEAST),
    (DEIS, {"lower_order_final": False}), (DEIS, {"lower_order_final": False, "solver_order": 3}),
    (DEIS, {"lower_order_final": False, **OFFSET}), (DEIS, {"solver_order": 1}),
    (UNIPC, {}), (UNIPC, KARRAS), (UNIPC, OFFSET), (UNIPC, {"solver_order": 3}),
    (UNIPC, LEAST), (UNIPC, {"use_beta_sigmas": True}),
]
# fmt: on


@pytest.mark.parametrize("steps", [4, 5, 10, 20])
@pytest.mark.parametrize(("kind", "options"), CHAINS)
def test_a_chain(kind: type, options: dict[str, Any], steps: int) -> None:
    twice = kind is EULER and options == LEAST
    compare(kind(**SD, **options), steps, evaluations=not twice)


# fmt: off
FLOWS: list[tuple[type, dict[str, Any]]] = [
    (diffusers.FlowMatchEulerDiscreteScheduler, {}),
    (diffusers.FlowMatchEulerDiscreteScheduler, {"shift": 3.0}),
    (diffusers.FlowMatchHeunDiscreteScheduler, {"shift": 3.0}),
    *(
        (kind, {"use_flow_sigmas": True, "prediction_type": "flow_prediction", **options})
        for kind in (MULTISTEP, UNIPC)
        for options in ({}, {"flow_shift": 3.0})
    ),
    (SINGLESTEP, {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}),
]
EDMS: list[tuple[type, dict[str, Any]]] = [
    (diffusers.EDMEulerScheduler, {}),
    (diffusers.EDMEulerScheduler, {
        "sigma_data": 1.0, "sigma_max": 120.0, "sigma_schedule": "exponential",
        "prediction_type": "v_prediction",
    }),
    (diffusers.EDMEulerScheduler, {"rho": 5.0, "sigma_min": 0.01}),
    (diffusers.EDMDPMSolverMultistepScheduler, {}),
    (diffusers.EDMDPMSolverMultistepScheduler, {
        "sigma_data": 1.0, "prediction_type": "v_prediction", "algorithm_type": "sde-dpmsolver++",
    }),
    (EULER, {
        **SD, **KARRAS, "timestep_type": "continuous", "prediction_type": "v_prediction",
        "sigma_min": 0.002, "sigma_max": 700.0, "timestep_spacing": "leading",
    }),
]
# fmt: on


@pytest.mark.parametrize("steps", [4, 10, 20])
@pytest.mark.parametrize(("kind", "options"), FLOWS)
def test_a_flow(kind: type, options: dict[str, Any], steps: int) -> None:
    compare(kind(**options), steps)


@pytest.mark.parametrize("steps", [4, 10, 20])
@pytest.mark.parametrize(("kind", "options"), EDMS)
def test_edm(kind: type, options: dict[str, Any], steps: int) -> None:
    compare(kind(**options), steps)
