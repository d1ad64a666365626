"""Sizes by name: one row a model."""

from __future__ import annotations

from dataclasses import replace

from limner.models.autoencoder import AutoencoderConfig
from limner.models.unet import UNetConfig

UNET_SD1 = UNetConfig()  # 859.52 M parameters
UNET_SD2 = replace(UNET_SD1, heads=(5, 10, 20, 20), context_width=1024, linear_projection=True)
UNET_SDXL = UNetConfig(
    channels=(320, 640, 1280),
    attention_depth=(0, 2, 10),
    mid_attention_depth=10,
    heads=(5, 10, 20),
    context_width=2048,
    linear_projection=True,
    pooled_width=2816,
)
# in: noisy latent 4, mask 1, latent of the picture without its masked part 4
UNET_SD1_INPAINTING = replace(UNET_SD1, in_channels=9)
UNET_SD2_INPAINTING = replace(UNET_SD2, in_channels=9)
UNET_SDXL_INPAINTING = replace(UNET_SDXL, in_channels=9)
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
UNET_TINY = UNetConfig(
    channels=(16, 32),
    layers_per_block=1,
    attention_depth=(0, 1),
    heads=2,
    context_width=24,
    norm_groups=8,
)  # for tests

AUTOENCODER_SD1 = AutoencoderConfig()  # 83.65 M parameters
AUTOENCODER_SDXL = replace(AUTOENCODER_SD1, scale=0.13025, overflows_half=True)
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
AUTOENCODER_TINY = replace(AUTOENCODER_EMOJI, channels=(8, 16), mid_attention=True)  # for tests
AUTOENCODER_TWO_NUMBERS = replace(
    AUTOENCODER_EMOJI, in_channels=3, latent_channels=2, channels=(16, 32, 64, 64, 64, 64)
)  # a 32x32 picture as two numbers, to look at its latent space
