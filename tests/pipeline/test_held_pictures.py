"""A folder whose scheduler clips what is denoised is painted with as diffusers does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from tiny_pipelines import CHAIN, LATENT, SIZE, saved, tiny_pipeline

import limner

PROMPT, NEGATIVE = "a red apple, 3d", "a blue cat"
START = torch.randn(1, 4, LATENT, LATENT, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (diffusers.DDIMScheduler, {"clip_sample": True, "clip_sample_range": 0.8}),
        (diffusers.UniPCMultistepScheduler, {"thresholding": True, "sample_max_value": 1.2}),
    ],
)
def test_a_whole_picture(kind: type, options: dict[str, Any], tmp_path: Path) -> None:
    """DDIM goes on with the noise beside the picture that it did not clip."""
    pipeline, scheduler = tiny_pipeline("sd1"), kind(**CHAIN, **options)
    before, pipeline.scheduler = pipeline.scheduler, scheduler
    try:
        expected = pipeline(
            PROMPT, negative_prompt=NEGATIVE, latents=START, num_inference_steps=6,
            guidance_scale=7.5, output_type="latent", height=SIZE, width=SIZE,
        ).images  # fmt: skip
    finally:
        pipeline.scheduler = before
    saved("sd1", tmp_path)
    scheduler.save_pretrained(tmp_path / "scheduler")
    painter = limner.load(tmp_path, device="cpu")
    found = painter.generate(
        PROMPT, negative=NEGATIVE, steps=6, guidance=7.5, start_noise=START, seed=5
    )
    difference = (found.latents - expected).abs().max() / expected.abs().max()
    assert difference.item() < 1e-3
