"""A published folder is painted with as its scheduler says: whole loops of a tiny U-Net."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from tiny_pipelines import CHAIN, LATENT, saved, tiny_pipeline
from torch import Tensor

from limner.checkpoints import inspect, load_folder, save_folder
from limner.diffusion.process import EDM, DiscreteDiffusion, RectifiedFlow
from limner.diffusion.sample import denoise_with, drive, last

NOISE = torch.randn(1, 4, LATENT, LATENT, generator=torch.Generator().manual_seed(1))
CONTEXT = torch.randn(1, 5, 32, generator=torch.Generator().manual_seed(2))
STEPS = 6
# fmt: off
SCHEDULERS: list[tuple[type, dict[str, Any], tuple[str, str]]] = [
    (diffusers.PNDMScheduler, {**CHAIN, "skip_prk_steps": True, "steps_offset": 1}, ("plms", "leading")),  # noqa: E501
    (diffusers.DDIMScheduler, {**CHAIN, "clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1}, ("ddim", "leading")),  # noqa: E501
    (diffusers.EulerDiscreteScheduler, {**CHAIN, "timestep_spacing": "trailing", "prediction_type": "v_prediction", "rescale_betas_zero_snr": True}, ("euler", "trailing")),  # noqa: E501
    (diffusers.DPMSolverMultistepScheduler, {**CHAIN, "use_karras_sigmas": True}, ("dpmpp_2m", "karras")),  # noqa: E501
    (diffusers.DPMSolverMultistepScheduler, {**CHAIN, "thresholding": True, "sample_max_value": 1.5, "final_sigmas_type": "sigma_min"}, ("dpmpp_2m", "linspace")),  # noqa: E501
    (diffusers.DEISMultistepScheduler, {**CHAIN}, ("deis_2", "linspace")),
    (diffusers.DPMSolverSinglestepScheduler, {**CHAIN}, ("dpmpp_2s_single", "linspace")),
    (diffusers.FlowMatchEulerDiscreteScheduler, {"shift": 3.0}, ("euler", "shifted")),
    (diffusers.EDMEulerScheduler, {"sigma_data": 1.0, "sigma_max": 120.0, "sigma_schedule": "exponential", "prediction_type": "v_prediction"}, ("euler", "exponential")),  # noqa: E501
    (diffusers.EDMDPMSolverMultistepScheduler, {}, ("dpmpp_2m", "karras")),
    (diffusers.EulerDiscreteScheduler, {**CHAIN, "use_karras_sigmas": True, "timestep_type": "continuous", "prediction_type": "v_prediction", "sigma_min": 0.002, "sigma_max": 700.0}, ("euler", "karras")),  # noqa: E501
]
# fmt: on


def with_scheduler(path: Path, scheduler: Any) -> Path:
    saved("sd1", path)
    scheduler.save_pretrained(path / "scheduler")
    return path


@torch.no_grad()
def theirs(scheduler: Any, unet: Any) -> Tensor:
    scheduler.set_timesteps(STEPS)
    x = NOISE * getattr(scheduler, "init_noise_sigma", 1.0)
    for t in scheduler.timesteps:
        shown = scheduler.scale_model_input(x, t) if hasattr(scheduler, "scale_model_input") else x
        x = scheduler.step(unet(shown, t, CONTEXT).sample, t, x).prev_sample
    return x


@torch.no_grad()
def ours(parts: Any) -> Tensor:
    own = parts.sampling
    way = own.path(parts.process, STEPS, own.schedule)
    model = denoise_with(
        lambda x, t: parts.denoiser(x, t, CONTEXT), parts.process, parts.prediction
    )
    solver = own.solver_of(own.solver, STEPS)
    run = solver(way.start * NOISE, way.levels, torch.randn_like)
    held = model if own.hold is None else lambda x, level: own.hold(model(x, level))
    return way.end * last(drive(run, held))


@pytest.mark.parametrize(("kind", "options", "names"), SCHEDULERS)
def test_a_loop_is_that_of_the_folders_scheduler(
    tmp_path: Path, kind: type, options: dict[str, Any], names: tuple[str, str]
) -> None:
    """Also once the folder was written by Limner, whose scheduler is then still the same."""
    path = with_scheduler(tmp_path / "theirs", kind(**options))
    parts = load_folder(path)
    assert (parts.sampling.solver, parts.sampling.schedule, parts.notes) == (*names, ())
    expected = theirs(kind(**options), tiny_pipeline("sd1").unet)
    found = ours(parts)
    assert ((found - expected).abs().max() / expected.abs().max()).item() < 1e-3
    save_folder(parts, tmp_path / "ours")
    again = load_folder(tmp_path / "ours")
    assert (again.sampling, again.process) == (parts.sampling, parts.process)
    assert again.prediction == parts.prediction
    reread = kind.from_pretrained(tmp_path / "ours" / "scheduler")
    assert dict(reread.config) == dict(kind.from_pretrained(path / "scheduler").config)


@pytest.mark.parametrize(
    ("scheduler", "process"),
    [
        (diffusers.DDPMScheduler(**CHAIN, variance_type="fixed_large"), DiscreteDiffusion),
        (diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True), RectifiedFlow),
        (diffusers.EDMDPMSolverMultistepScheduler(solver_order=3), EDM),
    ],
)
def test_what_is_not_done_is_told_and_kept(tmp_path: Path, scheduler: Any, process: type) -> None:
    parts = load_folder(with_scheduler(tmp_path / "theirs", scheduler))
    assert isinstance(parts.process, process)
    assert len(parts.notes) == 1
    assert type(scheduler).__name__ in parts.notes[0]
    assert inspect(tmp_path / "theirs").notes == parts.notes
    save_folder(parts, tmp_path / "ours")
    assert load_folder(tmp_path / "ours").notes == parts.notes


def test_a_scheduler_that_limner_lacks_is_told_and_the_kinds_own_taken(tmp_path: Path) -> None:
    parts = load_folder(with_scheduler(tmp_path / "x", diffusers.TCDScheduler(**CHAIN)))
    assert (parts.sampling.solver, parts.sampling.schedule) == ("dpmpp_2m", "karras")
    assert "its scheduler is not followed" in parts.notes[0]
    assert "dpmpp_2m and karras" in parts.notes[0]


def test_another_schedule_goes_its_usual_way(tmp_path: Path) -> None:
    scheduler = diffusers.EulerDiscreteScheduler(**CHAIN, timestep_spacing="leading")
    parts = load_folder(with_scheduler(tmp_path / "x", scheduler))
    own, other = (parts.sampling.path(parts.process, 5, name) for name in ("leading", "karras"))
    assert own.start == pytest.approx((own.levels[0].sigma ** 2 + 1) ** 0.5)
    assert other.start == other.levels[0].sigma == pytest.approx(parts.process.sigma_max)
    assert own.end == other.end == 1.0
