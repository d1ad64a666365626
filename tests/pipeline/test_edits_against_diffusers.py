"""Pictures from pictures by tiny Stable Diffusions, held against diffusers' pipelines.

Pictures go in as latents there (diffusers draws from the encoder's distribution, Limner takes its
mode), and masks follow the latent's positions, where both programs reduce them alike.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from diffusers import EulerDiscreteScheduler
from PIL import Image
from tiny_pipelines import LATENT, SIZE, saved, tiny_pipeline
from torch import Tensor

import limner

PROMPT, NEGATIVE, STEPS = "a red apple, 3d", "a blue cat", 5
MASK = Image.fromarray(
    np.kron([[0, 0, 1, 1], [0, 1, 1, 0], [0, 0, 1, 0], [0, 0, 0, 0]], np.full((4, 4), 255)).astype(
        np.uint8
    )
)
STRENGTHS = (0.2, 0.5, 0.7, 1.0)


def picture() -> Image.Image:
    return Image.fromarray(np.random.default_rng(3).integers(0, 256, (SIZE, SIZE, 3), np.uint8))


def noise() -> Tensor:
    return torch.randn(1, 4, LATENT, LATENT, generator=torch.Generator().manual_seed(3))


def pixels() -> Tensor:
    return torch.from_numpy(np.array(picture())).permute(2, 0, 1)[None] / 127.5 - 1


def latent(pipeline: Any, shown: Tensor) -> Tensor:
    with torch.no_grad():
        mode = pipeline.vae.encode(shown).latent_dist.mode()
    return mode * pipeline.vae.config.scaling_factor


def theirs(kind: str, task: str, **fields: Any) -> Tensor:
    """The last latent by Euler; the noise is drawn from a generator as `noise` draws it."""
    original = tiny_pipeline(kind)
    family = "StableDiffusionXL" if kind.startswith("sdxl") else "StableDiffusion"
    parts = dict(original.components)
    if kind.startswith("sdxl") and task == "Img2Img":
        parts |= {"add_watermarker": False, "requires_aesthetics_score": False}
    if not kind.startswith("sdxl"):
        parts |= {"requires_safety_checker": False}
    parts["scheduler"] = EulerDiscreteScheduler.from_config(
        original.scheduler.config, timestep_spacing="linspace"
    )
    pipeline = getattr(diffusers, f"{family}{task}Pipeline")(**parts)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline(
        prompt=PROMPT,
        negative_prompt=NEGATIVE,
        num_inference_steps=STEPS,
        guidance_scale=7.5,
        generator=torch.Generator().manual_seed(3),
        output_type="latent",
        **fields,
    ).images


def ours(path: Path, **fields: Any) -> limner.Result:
    return limner.load(path, device="cpu").edit(
        picture(), PROMPT, negative=NEGATIVE, steps=STEPS, guidance=7.5, solver="euler",
        schedule="uniform", start_noise=noise(), **fields,
    )  # fmt: skip


def relative(found: Tensor, expected: Tensor) -> float:
    return ((found - expected).abs().max() / expected.abs().max()).item()


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("kind", ["sd1", "sd2-v", "sdxl"])
def test_a_whole_picture(tmp_path: Path, kind: str, strength: float) -> None:
    image = latent(tiny_pipeline(kind), pixels())
    expected = theirs(kind, "Img2Img", image=image, strength=strength)
    assert relative(ours(saved(kind, tmp_path), strength=strength).latents, expected) < 1e-3


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("kind", ["sd1", "sd2-v", "sdxl"])
def test_a_masked_picture_by_blending(tmp_path: Path, kind: str, strength: float) -> None:
    image = latent(tiny_pipeline(kind), pixels())
    expected = theirs(
        kind, "Inpaint", image=image, mask_image=MASK, strength=strength, height=SIZE, width=SIZE,
        masked_image_latents=image,
    )  # fmt: skip
    result = ours(saved(kind, tmp_path), strength=strength, mask=MASK)
    assert relative(result.latents, expected) < 1e-3


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("kind", ["sd1-inpainting", "sdxl-inpainting"])
def test_a_masked_picture_by_an_inpainting_model(
    tmp_path: Path, kind: str, strength: float
) -> None:
    pipeline = tiny_pipeline(kind)
    kept = torch.from_numpy(np.array(MASK) < 128)
    expected = theirs(
        kind, "Inpaint", image=latent(pipeline, pixels()), mask_image=MASK, strength=strength,
        masked_image_latents=latent(pipeline, pixels() * kept), height=SIZE, width=SIZE,
    )  # fmt: skip
    result = ours(saved(kind, tmp_path), strength=strength, mask=MASK)
    assert relative(result.latents, expected) < 1e-3
