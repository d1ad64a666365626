"""The towers of published CLIP models and of Limner's own, one row each."""

from __future__ import annotations

from dataclasses import replace

from limner.models.clip import TextTowerConfig, VisionTowerConfig

# fmt: off
TEXT_VIT_L14 = TextTowerConfig()  # Stable Diffusion 1, and the first of SDXL's two
TEXT_VIT_B32 = replace(TEXT_VIT_L14, width=512, heads=8, mlp_width=2048, projection_width=512)
TEXT_OPENCLIP_H14 = replace(TEXT_VIT_L14, width=1024, layers=24, heads=16, mlp_width=4096, activation="gelu", projection_width=1024)  # noqa: E501
TEXT_SD2 = replace(TEXT_OPENCLIP_H14, layers=23, projection_width=None)  # the last is unused
TEXT_OPENCLIP_BIGG = replace(TEXT_VIT_L14, width=1280, layers=32, heads=20, mlp_width=5120, activation="gelu", projection_width=1280)  # noqa: E501
TEXT_EMOJI = TextTowerConfig(vocabulary_size=4096, length=32, width=256, layers=4, heads=4, mlp_width=1024, projection_width=256, end=4095)  # noqa: E501

VISION_VIT_L14 = VisionTowerConfig()
VISION_VIT_B32 = replace(VISION_VIT_L14, patch=32, width=768, layers=12, heads=12, mlp_width=3072, projection_width=512)  # noqa: E501
VISION_EMOJI = VisionTowerConfig(image_size=64, patch=8, channels=4, width=192, layers=6, heads=3, mlp_width=768, projection_width=256)  # noqa: E501
# fmt: on
