"""Stable Diffusion of every kind at tiny sizes, built by diffusers and transformers."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import diffusers
import torch
from diffusers import AutoencoderKL, EulerDiscreteScheduler, UNet2DConditionModel
from torch import nn
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
)

from limner.text.tokenizer import Tokenizer

KINDS = ("sd1", "sd2", "sd2-v", "sdxl", "sd1-inpainting", "sdxl-inpainting")
SIZE, LATENT = 16, 8  # pixels and latent positions along a side
CHAIN = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
CLASSES = {
    "sd": diffusers.StableDiffusionPipeline,
    "sd-inpainting": diffusers.StableDiffusionInpaintPipeline,
    "sdxl": diffusers.StableDiffusionXLPipeline,
    "sdxl-inpainting": diffusers.StableDiffusionXLInpaintPipeline,
}


@cache
def tiny_pipeline(kind: str) -> Any:
    """A pipeline of diffusers with random weights, one of KINDS; the same object each time."""
    torch.manual_seed(0)
    with TemporaryDirectory() as folder:
        Tokenizer.train(["a red apple, 3d", "a blue cat"] * 4, 600).save(folder)
        first = CLIPTokenizer.from_pretrained(folder)
        second = CLIPTokenizer.from_pretrained(folder, pad_token="!")
    xl, inpainting = kind.startswith("sdxl"), kind.endswith("inpainting")
    prediction = "v_prediction" if kind == "sd2-v" else "epsilon"
    open_clip = kind.startswith("sd2")
    parts: dict[str, Any] = {
        "tokenizer": second if open_clip else first,
        "text_encoder": _text(first, "gelu" if open_clip else "quick_gelu"),
        "unet": _unet(kind),
        "vae": _autoencoder(),
        "scheduler": EulerDiscreteScheduler(**CHAIN, prediction_type=prediction, steps_offset=1),
    }
    if xl:
        parts |= {"tokenizer_2": second, "text_encoder_2": _text(first, "gelu", projection=24)}
        parts |= {"add_watermarker": False}
    else:
        parts |= {"safety_checker": None, "feature_extractor": None}
        parts |= {"requires_safety_checker": False}
    family = ("sdxl" if xl else "sd") + ("-inpainting" if inpainting else "")
    pipeline = CLASSES[family](**parts)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def saved(kind: str, folder: Path, **options: Any) -> Path:
    """A tiny pipeline, as diffusers writes it with those options."""
    tiny_pipeline(kind).save_pretrained(folder, **options)
    return folder


def randomise(module: nn.Module, std: float) -> nn.Module:
    """Every parameter random, norms and biases too, so that none can be left out unseen."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            offset = 1.0 if "norm" in name and name.endswith("weight") else 0.0
            parameter.normal_(offset, std)
    return module.eval()


def _text(tokenizer: CLIPTokenizer, activation: str, projection: int | None = None) -> nn.Module:
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=48,
        projection_dim=24,
        num_hidden_layers=3,
        num_attention_heads=4,
        hidden_act=activation,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = CLIPTextModel if projection is None else CLIPTextModelWithProjection
    return randomise(model(config), 0.2)


def _unet(kind: str) -> nn.Module:
    attention, plain = "CrossAttn{}Block2D", "{}Block2D"
    down = [plain, attention] if kind.startswith("sdxl") else [attention, plain]
    more: dict[str, Any] = {"attention_head_dim": 4}
    if kind.startswith("sd2"):
        more = {"attention_head_dim": (2, 4), "use_linear_projection": True}
    if kind.startswith("sdxl"):
        more = {
            "attention_head_dim": (2, 4),
            "use_linear_projection": True,
            "transformer_layers_per_block": (1, 2),
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 256,
            "projection_class_embeddings_input_dim": 24 + 6 * 256,
        }
    unet = UNet2DConditionModel(
        sample_size=LATENT,
        in_channels=9 if kind.endswith("inpainting") else 4,
        block_out_channels=(16, 32),
        layers_per_block=1,
        down_block_types=tuple(name.format("Down") for name in down),
        up_block_types=tuple(name.format("Up") for name in reversed(down)),
        cross_attention_dim=64 if kind.startswith("sdxl") else 32,
        norm_num_groups=8,
        **more,
    )
    return randomise(unet, 0.1)


def _autoencoder() -> nn.Module:
    vae = AutoencoderKL(
        block_out_channels=(8, 16),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=4,
        norm_num_groups=4,
    )
    return randomise(vae, 0.15)
