"""Every sampler that diffusers has: whole pictures, and the model's output at each of its steps.

The same start noise, weights, words and named levels on both sides; noise on the way is drawn in
one batch from one seed, as diffusers' pipelines do. What is arranged:

- diffusers' solvers in native coordinates begin with unit noise, k-diffusion's with sigma of it:
  sqrt(1 + 1 / sigma^2) apart, which is multiplied into the start.
- its stochastic DPM++ 2M draws fresh noise at every step where k-diffusion's, and Limner's, follows
  one Brownian path whatever the steps; here Limner is made to draw as it does.
- its DEIS ends at the least noise of the chain, not at none; here Limner is made to do so.
- `set_alpha_to_one` and `final_sigmas_type` at their ends of no noise, and no clipping of x_0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from tiny_pipelines import CHAIN, LATENT, SIZE, saved, tiny_pipeline
from torch import Tensor

import limner
from limner.checkpoints import Sampling
from limner.diffusion.noise import Noise
from limner.diffusion.path import Path as Way
from limner.diffusion.schedules import levels

PROMPT, NEGATIVE, SEED, COUNT = "a red apple, 3d", "a blue cat", 5, 2
SDE = {"algorithm_type": "sde-dpmsolver++"}


@dataclass(frozen=True)
class Case:
    """A solver of ours and its scheduler in diffusers.

    native: it begins with unit noise. to_zero: it ends without noise.
    """

    solver: str
    scheduler: str
    options: dict[str, Any] = field(default_factory=dict)
    native: bool = False
    to_zero: bool = True
    schedule: str = "trailing"
    steps: int = 20


CASES = [
    Case("euler", "EulerDiscreteScheduler"),
    Case("euler_ancestral", "EulerAncestralDiscreteScheduler"),
    Case("heun", "HeunDiscreteScheduler"),
    Case("lms", "LMSDiscreteScheduler"),
    Case("dpm2", "KDPM2DiscreteScheduler"),
    Case("dpm2_ancestral", "KDPM2AncestralDiscreteScheduler"),
    Case("dpmpp_2m", "DPMSolverMultistepScheduler", native=True),
    Case("dpmpp_2m_sde", "DPMSolverMultistepScheduler", SDE, native=True),
    Case(
        "dpmpp_2m_sde_heun",
        "DPMSolverMultistepScheduler",
        SDE | {"solver_type": "heun"},
        native=True,
    ),
    Case(
        "dpmpp_3m",
        "DPMSolverMultistepScheduler",
        {"solver_order": 3, "solver_type": "heun"},
        native=True,
    ),
    Case("deis", "DEISMultistepScheduler", {"solver_order": 3}, native=True, to_zero=False),
    Case("deis_2", "DEISMultistepScheduler", {"solver_order": 2}, native=True, to_zero=False),
    Case("unipc_2", "UniPCMultistepScheduler", native=True),
    Case("unipc_bh2", "UniPCMultistepScheduler", {"solver_order": 3}, native=True),
    Case("ddim", "DDIMScheduler", {"clip_sample": False}, native=True),
    Case("ddpm", "DDPMScheduler", {"clip_sample": False}, native=True),
    Case("plms", "PNDMScheduler", {"skip_prk_steps": True, "set_alpha_to_one": True}, native=True),
    Case("lcm", "LCMScheduler", native=True, schedule="lcm", steps=6),
]


def relative(ours: Tensor, theirs: Tensor) -> float:
    return ((ours - theirs).abs().max() / theirs.abs().max()).item()


def draw_as_diffusers(self: Noise, like: Tensor, interval: object = None) -> Tensor:
    return self._draw().to(like)


def theirs(case: Case) -> tuple[Tensor, list[tuple[tuple[Tensor, ...], Tensor]]]:
    """The last latent, and ((x, t, context), output) of every call of the U-Net."""
    options = case.options | ({} if case.schedule == "lcm" else {"timestep_spacing": case.schedule})
    pipeline, calls = tiny_pipeline("sd1"), []

    def record(module: Any, args: Any, kwargs: Any, output: Any) -> None:
        x, t = args
        calls.append(((x, t.expand(len(x)), kwargs["encoder_hidden_states"]), output[0]))

    before = pipeline.scheduler
    pipeline.scheduler = getattr(diffusers, case.scheduler)(**CHAIN, **options)
    hook = pipeline.unet.register_forward_hook(record, with_kwargs=True)
    try:
        latent = pipeline(
            PROMPT,
            negative_prompt=NEGATIVE,
            generator=torch.Generator().manual_seed(SEED),
            num_images_per_prompt=COUNT,
            num_inference_steps=case.steps,
            guidance_scale=7.5,
            output_type="latent",
            height=SIZE,
            width=SIZE,
        ).images
    finally:
        pipeline.scheduler = before
        hook.remove()
    return latent, calls


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.solver)
def test_a_whole_picture_and_every_step(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    latent, calls = theirs(case)
    painter = limner.load(saved("sd1", tmp_path), device="cpu")
    monkeypatch.setattr(Noise, "__call__", draw_as_diffusers)
    process = painter.parts.process
    path = levels(process, case.steps, case.schedule)
    if not case.to_zero:
        path = (*path[:-1], process.level(process.sigma_min))
        way = Way(levels=path, start=path[0].sigma)
        monkeypatch.setattr(Sampling, "path", lambda own, process, steps, schedule: way)
    start = torch.randn(COUNT, 4, LATENT, LATENT, generator=torch.Generator().manual_seed(SEED))
    result = painter.generate(
        PROMPT,
        negative=NEGATIVE,
        seed=SEED,
        count=COUNT,
        steps=case.steps,
        guidance=7.5,
        solver=case.solver,
        schedule=case.schedule,
        noise="batch",
        start_noise=start * (math.sqrt(1 + path[0].sigma ** -2) if case.native else 1.0),
    )
    assert relative(result.latents, latent) < 1e-3
    with torch.no_grad():
        for inputs, output in calls:
            x, t, context = inputs
            assert relative(painter.parts.denoiser(x, t.float(), context), output) < 1e-4
