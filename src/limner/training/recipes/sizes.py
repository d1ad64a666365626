"""Sizes of the networks that the recipes train to be shipped, by name."""

from __future__ import annotations

from dataclasses import replace

from limner.models.autoencoder import AutoencoderConfig
from limner.models.clip import TextTowerConfig, VisionTowerConfig
from limner.models.dit import DiTConfig
from limner.models.unet import UNetConfig

TEXT_EMOJI = TextTowerConfig(
    vocabulary_size=4096,
    length=32,
    width=256,
    layers=4,
    heads=4,
    mlp_width=1024,
    projection_width=256,
    end=4095,
)
VISION_EMOJI = VisionTowerConfig(
    image_size=64,
    patch=8,
    channels=4,
    width=192,
    layers=6,
    heads=3,
    mlp_width=768,
    projection_width=256,
)

UNET_EMOJI = UNetConfig(
    channels=(96, 128, 192),
    layers_per_block=1,
    attention_depth=(0, 1, 1),
    heads=(3, 4, 6),
    context_width=256,
)  # 12.00 M parameters, for 16x16 latents: attention at 8x8 and 4x4
UNET_EMOJI_128 = replace(
    UNET_EMOJI, in_channels=8, out_channels=8, channels=(128, 192, 256), heads=(4, 6, 8)
)  # 22.34 M parameters, for the 16x16 latents of 128x128 pictures
# Emoji latents (16x16x4). A narrow time embedding: t alone has little to say, and at full width the
# adaptive norms would be a third of the model.
DIT_EMOJI = DiTConfig(time_width=128, context_width=256, qk_norm=True)

AUTOENCODER_EMOJI = AutoencoderConfig(
    in_channels=4,
    channels=(32, 64, 96),
    layers_per_block=1,
    norm_groups=8,
    mid_attention=False,
    scale=1.0,
)  # 1.62 M parameters, RGBA 64x64 -> 4x16x16; scale and shift are measured once it is trained
AUTOENCODER_EMOJI_128 = replace(
    AUTOENCODER_EMOJI, channels=(32, 64, 96, 128), latent_channels=8
)  # 3.29 M parameters, RGBA 128x128 -> 8x16x16
AUTOENCODER_EVERYDAY = replace(
    AUTOENCODER_EMOJI_128, channels=(64, 96, 128), shuffle=2
)  # 3.21 M parameters, RGBA 128x128 -> 8x16x16, the first level at 64x64
AUTOENCODER_ENLARGED = replace(
    AUTOENCODER_EMOJI, channels=(48, 96, 144), norm_groups=12, latent_channels=8, shuffle=2
)  # 3.6 M parameters, RGBA 128x128 -> 8x16x16; holds AUTOENCODER_EMOJI
AUTOENCODER_TWO_NUMBERS = replace(
    AUTOENCODER_EMOJI, in_channels=3, latent_channels=2, channels=(16, 32, 64, 64, 64, 64)
)  # a 32x32 picture as two numbers, to look at its latent space
