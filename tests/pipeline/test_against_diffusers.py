"""Whole pictures of tiny Stable Diffusions, held against diffusers' pipelines."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline, EulerDiscreteScheduler
from PIL import Image
from side_by_side import ASKED, NEGATIVE, PROMPT, ours, relative, theirs
from tiny_pipelines import KINDS, LATENT, SIZE, saved, tiny_pipeline

import limner
from limner.checkpoints import load_folder, save_folder
from limner.errors import UsageError


@pytest.mark.parametrize("karras", [False, True])
@pytest.mark.parametrize("kind", ["sd1", "sd2", "sd2-v", "sdxl"])
def test_final_latent(tmp_path: Path, kind: str, karras: bool) -> None:
    expected = theirs(tiny_pipeline(kind), karras=karras, negative_prompt=NEGATIVE)
    result = ours(saved(kind, tmp_path), karras=karras, negative=NEGATIVE)
    assert relative(result.latents, expected) < 1e-3


@pytest.mark.parametrize("kind", ["sd1", "sdxl"])
def test_without_a_negative_prompt(tmp_path: Path, kind: str) -> None:
    """Encoded in SD 1; zeros in SDXL."""
    expected = theirs(tiny_pipeline(kind))
    assert relative(ours(saved(kind, tmp_path)).latents, expected) < 1e-3


@pytest.mark.parametrize("kind", ["sd1", "sdxl"])
def test_pixels(tmp_path: Path, kind: str) -> None:
    expected = theirs(tiny_pipeline(kind), negative_prompt=NEGATIVE, output_type="np")
    images = ours(saved(kind, tmp_path), negative=NEGATIVE).images
    found = np.stack([np.asarray(image) for image in images]) / 255
    assert np.abs(found - expected).max() < 1.5 / 255


def test_another_shape_of_sdxl(tmp_path: Path) -> None:
    """Height and width are told apart, in the picture and in the size conditioning."""
    start = torch.randn(1, 4, LATENT, 2 * LATENT)
    painter = limner.load(saved("sdxl", tmp_path), device="cpu")
    result = painter.generate(
        PROMPT, **ASKED, schedule="uniform", size=(2 * SIZE, SIZE), start_noise=start
    )
    pipeline = tiny_pipeline("sdxl")
    scheduler = EulerDiscreteScheduler.from_config(
        pipeline.scheduler.config, timestep_spacing="linspace"
    )
    before, pipeline.scheduler = pipeline.scheduler, scheduler
    expected = pipeline(
        PROMPT, latents=start, num_inference_steps=4, guidance_scale=7.5, output_type="latent",
        height=SIZE, width=2 * SIZE,
    ).images  # fmt: skip
    pipeline.scheduler = before
    assert relative(result.latents, expected) < 1e-3


@pytest.mark.parametrize("kind", ["sd1-inpainting", "sdxl-inpainting"])
def test_an_inpainting_model_paints_a_whole_picture(tmp_path: Path, kind: str) -> None:
    """As the inpainting pipeline does where the mask is white everywhere."""
    pipeline, path = tiny_pipeline(kind), saved(kind, tmp_path)
    with torch.no_grad():
        grey = pipeline.vae.encode(torch.zeros(1, 3, SIZE, SIZE)).latent_dist.mode()
    expected = theirs(
        pipeline,
        negative_prompt=NEGATIVE,
        masked_image_latents=grey * pipeline.vae.config.scaling_factor,
        strength=1.0,
        image=Image.new("RGB", (SIZE, SIZE), "red"),
        mask_image=Image.new("L", (SIZE, SIZE), "white"),
    )
    assert relative(ours(path, negative=NEGATIVE).latents, expected) < 1e-3


def test_a_model_of_other_channels_says_which_can_be_painted_with(tmp_path: Path) -> None:
    path = saved("sd1", tmp_path)
    parts = load_folder(path)
    parts.denoiser.config = replace(parts.denoiser.config, in_channels=8)
    painter = limner.Painter(parts)
    with pytest.raises(UsageError, match=r"takes 8 channels: 4 \(from words\) or 9 \(inpainting\)"):
        painter.generate("a cat", seed=0)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_saved_opens_in_diffusers_and_paints_the_same(tmp_path: Path, kind: str) -> None:
    save_folder(load_folder(saved(kind, tmp_path / "theirs")), tmp_path / "ours")
    again = DiffusionPipeline.from_pretrained(tmp_path / "ours")
    original = tiny_pipeline(kind)
    assert type(again) is type(original)
    assert again.scheduler.config.prediction_type == original.scheduler.config.prediction_type
    for part in ("unet", "vae", "text_encoder", "text_encoder_2"):
        before, after = getattr(original, part, None), getattr(again, part, None)
        assert (before is None) == (after is None)
        for name, weight in ({} if before is None else before.state_dict()).items():
            assert torch.equal(weight, after.state_dict()[name]), name
    assert again.unet.config.sample_size == LATENT
    again.set_progress_bar_config(disable=True)
    if not kind.endswith("inpainting"):
        expected = theirs(original, negative_prompt=NEGATIVE)
        # the weights are equal; where they lie in memory can change how they are added up
        assert relative(theirs(again, negative_prompt=NEGATIVE), expected) < 1e-5
        assert relative(theirs(again), theirs(original)) < 1e-5
    parts, saved_parts = load_folder(tmp_path / "theirs"), load_folder(tmp_path / "ours")
    assert saved_parts.sampling == parts.sampling
    assert saved_parts.process == parts.process
