"""Stable Diffusion 1.5 at its full size, 859.5 M parameters in the U-Net, in every layout.

`scripts/test -m slow tests/pipeline/test_full_size.py`; 25 GB of disk, 16 GB of memory, 10 minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import (
    AutoencoderKL,
    EulerDiscreteScheduler,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

import limner
from limner.checkpoints import load_folder
from limner.checkpoints.configs import autoencoder_to_json, text_to_json, unet_to_json
from limner.checkpoints.folder import published_tokenizer
from limner.checkpoints.single_file_saving import save_single_file
from limner.models.clip_presets import TEXT_VIT_L14
from limner.models.presets import AUTOENCODER_SD1, UNET_SD1

pytestmark = pytest.mark.slow

PROMPT, NEGATIVE = "a red apple on a table, oil painting", "blurry"
SIZE, LATENT, STEPS = 256, 32, 2
UNET, TEXT = "model.diffusion_model.", "cond_stage_model.transformer."


def relative(ours: Tensor, theirs: Tensor) -> float:
    return ((ours.float() - theirs).abs().max() / theirs.abs().max()).item()


def noise() -> Tensor:
    return torch.randn(1, 4, LATENT, LATENT, generator=torch.Generator().manual_seed(3))


def build(folder: Path) -> Any:
    """diffusers' pipeline in its own initialisation, which is near to what was trained."""
    torch.manual_seed(0)
    published_tokenizer(TEXT_VIT_L14).save(folder)
    config = CLIPTextConfig(**text_to_json(TEXT_VIT_L14))
    scheduler = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
    pipeline = StableDiffusionPipeline(
        tokenizer=CLIPTokenizer.from_pretrained(folder),
        text_encoder=CLIPTextModel(config).eval(),
        unet=UNet2DConditionModel.from_config(unet_to_json(UNET_SD1)).eval(),
        vae=AutoencoderKL.from_config(autoencoder_to_json(AUTOENCODER_SD1)).eval(),
        scheduler=EulerDiscreteScheduler(**scheduler, timestep_spacing="linspace", steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    return pipeline


@torch.no_grad()
def expected(pipeline: Any) -> dict[str, Tensor]:
    """What every layout must give: text states, one output of the U-Net, pixels, a latent."""
    ids = pipeline.tokenizer(PROMPT, padding="max_length", max_length=77, return_tensors="pt")
    text = pipeline.text_encoder(ids.input_ids).last_hidden_state
    latent = pipeline(
        PROMPT, negative_prompt=NEGATIVE, latents=noise(), num_inference_steps=STEPS,
        guidance_scale=7.5, output_type="latent", height=SIZE, width=SIZE,
    ).images  # fmt: skip
    return {
        "text": text,
        "unet": pipeline.unet(noise(), torch.tensor([321]), text).sample,
        "pixels": pipeline.vae.decode(noise()).sample,
        "latent": latent,
    }


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Tensor]]:
    """A folder as diffusers writes it, and what the pipeline gives."""
    folder = tmp_path_factory.mktemp("plain")
    pipeline = build(tmp_path_factory.mktemp("tokenizer"))
    pipeline.save_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    return folder, expected(pipeline)


def as_it_is(source: Path, target: Path) -> Path:
    return source


def sharded(source: Path, target: Path) -> Path:
    pipeline = StableDiffusionPipeline.from_pretrained(source)
    pipeline.save_pretrained(target, max_shard_size="1GB")
    assert (target / "unet" / "diffusion_pytorch_model.safetensors.index.json").exists()
    return target


def half(source: Path, target: Path) -> Path:
    pipeline = StableDiffusionPipeline.from_pretrained(source).to(torch.float16)
    pipeline.save_pretrained(target, variant="fp16")
    assert (target / "unet" / "diffusion_pytorch_model.fp16.safetensors").exists()
    return target


def flat(source: Path, target: Path) -> Path:
    path = target.with_suffix(".safetensors")
    save_single_file(load_folder(source), path)
    return path


def nested_without_text_model_and_with_averages(source: Path, target: Path) -> Path:
    """The averages, which are not asked for, are zero here."""
    path, named = target.with_name("nested.safetensors"), {}
    for name, tensor in load_file(flat(source, target)).items():
        named["state_dict." + name.replace(f"{TEXT}text_model.", TEXT)] = tensor
        if name.startswith(UNET):
            inner = name.removeprefix("model.").replace(".", "")
            named[f"state_dict.model_ema.{inner}"] = torch.zeros_like(tensor)
    save_file(named, path)
    return path


@pytest.mark.parametrize(
    "layout", [as_it_is, sharded, half, flat, nested_without_text_model_and_with_averages]
)
@torch.no_grad()
def test_every_layout(
    layout: Callable[[Path, Path], Path], plain: tuple[Path, dict[str, Tensor]], tmp_path: Path
) -> None:
    source, theirs = plain
    path = layout(source, tmp_path / "model")
    if layout is half:  # the weights have been rounded
        pipeline = StableDiffusionPipeline.from_pretrained(path, variant="fp16")
        theirs = expected(pipeline.to(torch.float32))
    painter = limner.load(path, device="cpu", dtype=torch.float32)
    parts, text = painter.parts, painter.encode([PROMPT]).context
    assert relative(text, theirs["text"]) < 1e-5
    output = parts.denoiser(noise(), torch.tensor([321.0]), theirs["text"])
    assert relative(output, theirs["unet"]) < 1e-4
    assert relative(parts.autoencoder.decode(noise()), theirs["pixels"]) < 1e-4
    latents = painter.generate(
        PROMPT, negative=NEGATIVE, start_noise=noise(), steps=STEPS, guidance=7.5, solver="euler",
        schedule="uniform", size=(SIZE, SIZE),
    ).latents  # fmt: skip
    assert relative(latents, theirs["latent"]) < 1e-3
