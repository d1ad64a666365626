"""Which parts a file of each family holds, under which prefix and in whose names: the tables.

A name in a file is `prefix + name in the table of its naming`, once the spelling is today's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from torch import nn

from limner.checkpoints import keymaps, sizes
from limner.checkpoints.header import Shape
from limner.checkpoints.keymaps import Table
from limner.checkpoints.sizes import OurShapes
from limner.checkpoints.weights import AUTOENCODER, PLAIN, TEXT, Spelling
from limner.models.autoencoder import Autoencoder, AutoencoderConfig
from limner.models.clip import TextTower, TextTowerConfig
from limner.models.presets import AUTOENCODER_SD1, AUTOENCODER_SDXL
from limner.models.unet import UNet, UNetConfig


class Family(StrEnum):
    """What a file is."""

    SD1 = "sd1"
    SD2 = "sd2"
    SDXL = "sdxl"
    REFINER = "sdxl-refiner"
    UNET = "unet"
    AUTOENCODER = "autoencoder"
    TEXT_ENCODER = "text-encoder"
    LORA = "lora"
    TEXTUAL_INVERSION = "textual-inversion"
    LIMNER = "limner"
    UNKNOWN = "unknown"


DESCRIPTIONS = {
    Family.SD1: "Stable Diffusion 1",
    Family.SD2: "Stable Diffusion 2",
    Family.SDXL: "Stable Diffusion XL",
    Family.REFINER: "Stable Diffusion XL's refiner",
    Family.UNET: "a U-Net alone",
    Family.AUTOENCODER: "an autoencoder (VAE) alone",
    Family.TEXT_ENCODER: "a text encoder alone",
    Family.LORA: "a LoRA",
    Family.TEXTUAL_INVERSION: "a textual inversion",
    Family.LIMNER: "a model of Limner's own",
    Family.UNKNOWN: "no kind that is known",
}
MODELS = (Family.SD1, Family.SD2, Family.SDXL)


def family_of_unet(config: UNetConfig) -> Family:
    """The family of a Stable Diffusion U-Net."""
    if config.pooled_width is not None:
        return Family.SDXL
    return Family.SD2 if config.linear_projection else Family.SD1


@dataclass(frozen=True, kw_only=True)
class Naming:
    """How the tensors of one part are named in files.

    skeleton: the sizes that `table` takes, from shapes by their names; skeleton_of: from a
    configuration of ours. config: the configuration from shapes by our names. unused: a pattern of
    what a published file holds beside it; `{layers}` is the configuration's.
    """

    module: Callable[[Any], nn.Module]
    table: Callable[..., Table]
    skeleton: Callable[[Mapping[str, Shape]], tuple[Any, ...]]
    skeleton_of: Callable[[Any], tuple[Any, ...]]
    config: Callable[[OurShapes], Any]
    spelling: Spelling = PLAIN
    unused: str | None = None


def _nothing(_: object) -> tuple[()]:
    return ()


def _unet_skeleton_of(config: UNetConfig) -> tuple[int, tuple[bool, ...]]:
    return config.layers_per_block, tuple(depth > 0 for depth in config.attention_depth)


def _autoencoder_skeleton_of(config: AutoencoderConfig) -> tuple[int, int]:
    return len(config.channels), config.layers_per_block


def _tower_skeleton_of(config: TextTowerConfig) -> tuple[int]:
    return (config.layers,)


# fmt: off
LDM_UNET = Naming(module=UNet, table=keymaps.ldm_unet, skeleton=sizes.unet_skeleton, skeleton_of=_unet_skeleton_of, config=sizes.unet_config)  # noqa: E501
LDM_AUTOENCODER = Naming(module=Autoencoder, table=keymaps.ldm_autoencoder, skeleton=sizes.autoencoder_skeleton, skeleton_of=_autoencoder_skeleton_of, config=sizes.autoencoder_config)  # noqa: E501
OPEN_CLIP = Naming(module=TextTower, table=keymaps.open_clip, skeleton=sizes.open_clip_skeleton, skeleton_of=_tower_skeleton_of, config=sizes.open_clip_config)  # noqa: E501
PENULTIMATE = Naming(module=TextTower, table=keymaps.open_clip, skeleton=sizes.open_clip_skeleton, skeleton_of=_tower_skeleton_of, config=sizes.penultimate_config, unused=r"transformer\.resblocks\.{layers}\..*|text_projection")  # noqa: E501
CLIP_TEXT = Naming(module=TextTower, table=lambda: keymaps.CLIP_TEXT, skeleton=_nothing, skeleton_of=_nothing, config=sizes.clip_text_config, spelling=TEXT)  # noqa: E501
DIFFUSERS_UNET = Naming(module=UNet, table=lambda: keymaps.DIFFUSERS_UNET, skeleton=_nothing, skeleton_of=_nothing, config=sizes.unet_config)  # noqa: E501
DIFFUSERS_AUTOENCODER = Naming(module=Autoencoder, table=lambda: keymaps.DIFFUSERS_AUTOENCODER, skeleton=_nothing, skeleton_of=_nothing, config=sizes.autoencoder_config, spelling=AUTOENCODER)  # noqa: E501


@dataclass(frozen=True, kw_only=True)
class Place:
    """One part of a file. part: its field in `Parts`."""

    part: str
    prefix: str
    naming: Naming


UNET_PREFIX, EMA_PREFIX = "model.diffusion_model.", "model_ema."
UNET_PLACE = Place(part="denoiser", prefix=UNET_PREFIX, naming=LDM_UNET)
AUTOENCODER_PLACE = Place(part="autoencoder", prefix="first_stage_model.", naming=LDM_AUTOENCODER)
LAYOUTS: Mapping[Family, tuple[Place, ...]] = {
    Family.SD1: (UNET_PLACE, AUTOENCODER_PLACE, Place(part="text_encoder", prefix="cond_stage_model.transformer.", naming=CLIP_TEXT)),  # noqa: E501
    Family.SD2: (UNET_PLACE, AUTOENCODER_PLACE, Place(part="text_encoder", prefix="cond_stage_model.model.", naming=PENULTIMATE)),  # noqa: E501
    Family.SDXL: (
        UNET_PLACE, AUTOENCODER_PLACE,
        Place(part="text_encoder", prefix="conditioner.embedders.0.transformer.", naming=CLIP_TEXT),
        Place(part="text_encoder_2", prefix="conditioner.embedders.1.model.", naming=OPEN_CLIP),
    ),
}
# Parts that lie in a file of their own: the first whose marker is there.
ALONE: Mapping[Family, tuple[tuple[str, Place], ...]] = {
    Family.UNET: (
        ("input_blocks.0.0.weight", Place(part="denoiser", prefix="", naming=LDM_UNET)),
        ("down_blocks.0.resnets.0.conv1.weight", Place(part="denoiser", prefix="", naming=DIFFUSERS_UNET)),  # noqa: E501
    ),
    Family.AUTOENCODER: (
        ("first_stage_model.decoder.conv_in.weight", AUTOENCODER_PLACE),
        ("vae.decoder.up.0.block.0.conv1.weight", Place(part="autoencoder", prefix="vae.", naming=LDM_AUTOENCODER)),  # noqa: E501
        ("decoder.up.0.block.0.conv1.weight", Place(part="autoencoder", prefix="", naming=LDM_AUTOENCODER)),  # noqa: E501
        ("decoder.up_blocks.0.resnets.0.conv1.weight", Place(part="autoencoder", prefix="", naming=DIFFUSERS_AUTOENCODER)),  # noqa: E501
    ),
    Family.TEXT_ENCODER: (
        ("text_model.embeddings.token_embedding.weight", Place(part="text_encoder", prefix="", naming=CLIP_TEXT)),  # noqa: E501
        ("embeddings.token_embedding.weight", Place(part="text_encoder", prefix="", naming=CLIP_TEXT)),  # noqa: E501
        ("transformer.resblocks.0.ln_1.weight", Place(part="text_encoder", prefix="", naming=OPEN_CLIP)),  # noqa: E501
    ),
}
# fmt: on
# The autoencoder whose scale and range a family's has; of neither does a shape tell.
AUTOENCODERS = {
    Family.SD1: AUTOENCODER_SD1,
    Family.SD2: AUTOENCODER_SD1,
    Family.SDXL: AUTOENCODER_SDXL,
}

# What training left in files, and what painting has no use for.
IGNORED = (
    r"(global_step|epoch|steps|logvar|scale_factor|num_batches_tracked)$",
    r"(sqrt_|log_)?(one_minus_)?(recip_|recipm1_)?alphas.*",
    r"sqrt_recip.*_alphas.*",
    r"(betas|lvlb_weights|posterior_.*|denoiser\.sigmas|edm_.*)$",
    r"(v_pred|ztsnr)$",
    r".*\.position_ids$",
    r".*\.(attn_mask|logit_scale)$",
    r"model_ema\..*",
    r"(first_stage_model\.)?loss\..*",
    r"first_stage_model\.model_ema\..*",
    # the rest of CLIP, beside the text tower
    r"cond_stage_model\.transformer\.(logit_scale|text_projection|visual_projection|vision_model).*",
    r"conditioner\.embedders\.0\.transformer\.(logit_scale|text_projection).*",
)
IGNORED_PATTERN = re.compile("|".join(f"(?:{pattern})" for pattern in IGNORED))


def ignored(name: str) -> bool:
    """Whether a tensor may lie in a file unused."""
    return IGNORED_PATTERN.match(name) is not None
