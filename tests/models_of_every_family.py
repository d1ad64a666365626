"""Stable Diffusion 1, 2 and XL at tiny sizes, as the rules of single files have them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch
from torch import nn

from limner.checkpoints import Parts
from limner.checkpoints.families import family_of_config
from limner.checkpoints.folder import published_tokenizer
from limner.checkpoints.single_file_saving import compose
from limner.diffusion.prediction import name_of, prediction_named
from limner.diffusion.process import DiscreteDiffusion
from limner.models.autoencoder import Autoencoder, AutoencoderConfig
from limner.models.clip import TextTower, TextTowerConfig
from limner.models.presets import replace
from limner.models.unet import UNet, UNetConfig

SD1 = UNetConfig(
    channels=(32, 64), layers_per_block=1, attention_depth=(1, 0), heads=8, context_width=32
)
SD2 = replace(SD1, channels=(64, 128), heads=(1, 2), linear_projection=True)
SDXL = replace(
    SD2, attention_depth=(0, 2), mid_attention_depth=2, context_width=64, pooled_width=1568
)
UNETS = {
    "sd1": SD1,
    "sd1-inpainting": replace(SD1, in_channels=9),
    "sd2": SD2,
    "sd2-v": SD2,
    "sdxl": SDXL,
}
AUTOENCODER = AutoencoderConfig(channels=(32, 64), layers_per_block=1)
CLIP = TextTowerConfig(width=32, layers=2, heads=1, mlp_width=48)
OPEN_CLIP = replace(CLIP, activation="gelu")


@cache
def tiny_parts(kind: str) -> Parts:
    """A model with random weights, one of UNETS; the same object each time."""
    torch.manual_seed(0)
    xl, unet = kind == "sdxl", UNETS[kind]
    space = {"scale": 0.13025, "overflows_half": True} if xl else {}
    tower = OPEN_CLIP if kind.startswith("sd2") else CLIP
    second = replace(OPEN_CLIP, projection_width=32) if xl else None
    prediction = prediction_named("v" if kind == "sd2-v" else "epsilon", DiscreteDiffusion())
    return Parts(
        tokenizer=published_tokenizer(tower),
        text_encoder=_random(TextTower(tower)),
        denoiser=_random(UNet(unet)),
        autoencoder=_random(Autoencoder(replace(AUTOENCODER, **space))),
        process=DiscreteDiffusion(),
        prediction=prediction,
        sampling=family_of_config(unet).sampling_of(name_of(prediction)),
        words=None,
        tokenizer_2=None if second is None else published_tokenizer(second),
        text_encoder_2=None if second is None else _random(TextTower(second)),
    )


@cache
def tiny_file(kind: str) -> dict[str, torch.Tensor]:
    """The tensors of its single file."""
    file = compose(tiny_parts(kind), Path("tiny"), torch.float32)
    return {name: file.get(name).contiguous() for name in file.entries}


def modules(parts: Parts) -> dict[str, nn.Module]:
    names = ("denoiser", "autoencoder", "text_encoder", "text_encoder_2")
    return {name: module for name in names if (module := getattr(parts, name)) is not None}


def same_weights(first: Parts, second: Parts, dtype: torch.dtype = torch.float32) -> bool:
    """Whether all tensors of two models are equal, the first one's in `dtype`."""
    ours, theirs = modules(first), modules(second)
    return ours.keys() == theirs.keys() and all(
        ours[part].state_dict().keys() == theirs[part].state_dict().keys()
        and all(
            torch.equal(tensor.to(dtype).float(), theirs[part].state_dict()[name].float())
            for name, tensor in ours[part].state_dict().items()
        )
        for part in ours
    )


def same_settings(first: Parts, second: Parts) -> bool:
    """Whether two models have the same sizes and are painted with in the same way."""
    configs = [{n: m.config for n, m in modules(parts).items()} for parts in (first, second)]
    return configs[0] == configs[1] and all(
        getattr(first, name) == getattr(second, name)
        for name in ("process", "prediction", "sampling", "words")
    )


def _random(module: nn.Module) -> nn.Module:
    """Every parameter random, so that no two can be taken for each other."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(0, 0.1)
    return module.eval()
