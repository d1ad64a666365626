"""Where the parts of a single file are and in whose names: the pieces that families are put of.

A name in a file is `prefix + name in the table of its naming`, once the spelling is today's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from limner.checkpoints import keymaps, sizes
from limner.checkpoints.header import Shape
from limner.checkpoints.keymaps import Table
from limner.checkpoints.sizes import OurShapes
from limner.checkpoints.weights import AUTOENCODER, PLAIN, TEXT, Spelling
from limner.models.autoencoder import Autoencoder, AutoencoderConfig
from limner.models.clip import TextTower, TextTowerConfig
from limner.models.unet import UNet, UNetConfig


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

# fmt: on


@dataclass(frozen=True, kw_only=True)
class Place:
    """One part of a file. part: its field in `Parts`."""

    part: str
    prefix: str
    naming: Naming


UNET_PREFIX, EMA_PREFIX = "model.diffusion_model.", "model_ema."
UNET_PLACE = Place(part="denoiser", prefix=UNET_PREFIX, naming=LDM_UNET)
AUTOENCODER_PLACE = Place(part="autoencoder", prefix="first_stage_model.", naming=LDM_AUTOENCODER)
