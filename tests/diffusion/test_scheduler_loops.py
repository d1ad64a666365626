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
from scheduler_runs import whole_loop
from torch import Tensor

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
THRESHOLDS = {"thresholding": True, "dynamic_thresholding_ratio": 0.8, "sample_max_value": 2.0}


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
    asked = 0

    def counted(x: Tensor, t: Tensor) -> Tensor:
        nonlocal asked
        asked += 1
        return network(x, t)

    latents, plan = whole_loop(config, steps, NOISE, counted, fresh(seed))
    assert plan.notes == ()
    return latents, asked


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
    (DDIM, {}), (DDIM, {"clip_sample_range": 0.5, "prediction_type": "v_prediction"}),
    (DDIM, THRESHOLDS), (diffusers.DDPMScheduler, {}), (diffusers.DDPMScheduler, THRESHOLDS),
    (diffusers.DDPMScheduler, {"variance_type": "fixed_small_log", "clip_sample_range": 0.7}),
    (HEUN, {"clip_sample": True, "clip_sample_range": 0.6}),
    (diffusers.LCMScheduler, {"clip_sample": True}), (diffusers.LCMScheduler, THRESHOLDS),
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
    (MULTISTEP, LEAST), (MULTISTEP, {**LEAST, "euler_at_final": True}),
    (MULTISTEP, {**LEAST, "euler_at_final": True, "lower_order_final": False}),
    (MULTISTEP, {"solver_order": 3, "solver_type": "heun"}),
    (MULTISTEP, {"solver_order": 3, "solver_type": "heun", **LEAST}),
    (MULTISTEP, {"algorithm_type": "sde-dpmsolver++", **LEAST}),
    (MULTISTEP, THRESHOLDS), (MULTISTEP, {"lambda_min_clipped": -1.5}),
    (MULTISTEP, {"lambda_min_clipped": -1.5, **OFFSET}),
    (MULTISTEP, {"lambda_min_clipped": -1.5, **TRAILING}),
    (MULTISTEP, {"prediction_type": "v_prediction", "rescale_betas_zero_snr": True, **TRAILING}),
    (SINGLESTEP, {}), (SINGLESTEP, KARRAS), (SINGLESTEP, {"use_exponential_sigmas": True}),
    (SINGLESTEP, {"solver_order": 1}), (SINGLESTEP, LEAST),
    (SINGLESTEP, {**LEAST, "lower_order_final": True}), (SINGLESTEP, THRESHOLDS),
    (SINGLESTEP, {"lambda_min_clipped": -1.5}),
    (DEIS, {}), (DEIS, {"solver_order": 3}), (DEIS, THRESHOLDS),
    (DEIS, {"lower_order_final": False}), (DEIS, {"lower_order_final": False, "solver_order": 3}),
    (DEIS, {"lower_order_final": False, **OFFSET}), (DEIS, {"solver_order": 1}),
    (UNIPC, {}), (UNIPC, KARRAS), (UNIPC, OFFSET), (UNIPC, {"solver_order": 3}),
    (UNIPC, LEAST), (UNIPC, {"use_beta_sigmas": True}), (UNIPC, THRESHOLDS),
    (UNIPC, {**LEAST, "lower_order_final": False}),
    (UNIPC, {**LEAST, "lower_order_final": False, "solver_order": 3}),
    (UNIPC, {**KARRAS, "sigma_min": 0.05, "sigma_max": 9.0}),
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
        (diffusers.FlowMatchEulerDiscreteScheduler, {"shift": 3.0, **options})
        for options in (
            {"shift_terminal": 0.1}, KARRAS, {"use_exponential_sigmas": True},
            {"use_beta_sigmas": True}, {**KARRAS, "shift_terminal": 0.1},
        )
    ),
    (UNIPC, {
        "use_flow_sigmas": True, "prediction_type": "flow_prediction", "shift_terminal": 0.1,
    }),
    (UNIPC, {
        "use_flow_sigmas": True, "prediction_type": "flow_prediction", "sigma_min": 0.3,
    }),
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
    (diffusers.EDMDPMSolverMultistepScheduler, THRESHOLDS),
    (diffusers.EDMDPMSolverMultistepScheduler, LEAST),
    (diffusers.EDMDPMSolverMultistepScheduler, {
        "solver_order": 3, "solver_type": "heun", "euler_at_final": True,
    }),
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
