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
AUTOENCODER_TINY = AutoencoderConfig(
    in_channels=4, channels=(8, 16), layers_per_block=1, norm_groups=8, scale=1.0
)  # for tests
