"""One picture painted twice: by Limner and by a tiny pipeline of diffusers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import EulerDiscreteScheduler
from tiny_pipelines import LATENT, SIZE
from torch import Tensor

import limner

PROMPT, NEGATIVE = "a red apple, 3d", "a blue cat"
ASKED = {"steps": 4, "guidance": 7.5, "solver": "euler"}


def relative(ours: Tensor, theirs: Tensor) -> float:
    return ((ours - theirs).abs().max() / theirs.abs().max()).item()


def noise() -> Tensor:
    return torch.randn(2, 4, LATENT, LATENT, generator=torch.Generator().manual_seed(3))


def theirs(pipeline: Any, *, karras: bool = False, **fields: Any) -> Any:
    """Two pictures by Euler in four steps at guidance 7.5; levels as Limner's own names have them.

    Limner's karras and uniform begin at the chain's last step, diffusers' with `linspace`.
    """
    scheduler = EulerDiscreteScheduler.from_config(
        pipeline.scheduler.config, use_karras_sigmas=karras, timestep_spacing="linspace"
    )
    before, pipeline.scheduler = pipeline.scheduler, scheduler
    try:
        return pipeline(
            **{"output_type": "latent", "latents": noise(), "prompt": PROMPT, **fields},
            num_images_per_prompt=2,
            num_inference_steps=4,
            guidance_scale=7.5,
            height=SIZE,
            width=SIZE,
        ).images
    finally:
        pipeline.scheduler = before


def ours(model: Path | limner.Painter, *, karras: bool = False, **fields: Any) -> limner.Result:
    """The same of a model folder, or of a painter."""
    painter = limner.load(model, device="cpu") if isinstance(model, Path) else model
    schedule = "karras" if karras else "uniform"
    asked = ASKED | {"schedule": schedule, "count": 2, "start_noise": noise()}
    return painter.generate(PROMPT, **asked, **fields)
