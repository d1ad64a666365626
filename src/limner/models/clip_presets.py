"""The towers of published CLIP models, one row each."""

from __future__ import annotations

from dataclasses import replace

from limner.models.clip import ClipConfig, TextTowerConfig, VisionTowerConfig
from limner.models.clip_resnet import ResNetTowerConfig

# fmt: off
TEXT_VIT_L14 = TextTowerConfig()  # Stable Diffusion 1, and the first of SDXL's two
TEXT_VIT_B32 = replace(TEXT_VIT_L14, width=512, heads=8, mlp_width=2048, projection_width=512)
TEXT_RN50 = replace(TEXT_VIT_B32, projection_width=1024)
TEXT_RN50X4 = replace(TEXT_VIT_L14, width=640, heads=10, mlp_width=2560, projection_width=640)
TEXT_RN50X64 = replace(TEXT_VIT_L14, width=1024, heads=16, mlp_width=4096, projection_width=1024)
TEXT_OPENCLIP_H14 = replace(TEXT_VIT_L14, width=1024, layers=24, heads=16, mlp_width=4096, activation="gelu", projection_width=1024)  # noqa: E501
TEXT_SD2 = replace(TEXT_OPENCLIP_H14, layers=23, projection_width=None)  # the last is unused
TEXT_OPENCLIP_BIGG = replace(TEXT_VIT_L14, width=1280, layers=32, heads=20, mlp_width=5120, activation="gelu", projection_width=1280)  # noqa: E501

VISION_VIT_L14 = VisionTowerConfig()
VISION_VIT_B32 = replace(VISION_VIT_L14, patch=32, width=768, layers=12, heads=12, mlp_width=3072, projection_width=512)  # noqa: E501
VISION_VIT_B16 = replace(VISION_VIT_B32, patch=16)
VISION_VIT_L14_336 = replace(VISION_VIT_L14, image_size=336)
VISION_OPENCLIP_H14 = replace(VISION_VIT_L14, width=1280, layers=32, mlp_width=5120, activation="gelu", projection_width=1024)  # noqa: E501
VISION_OPENCLIP_BIGG = replace(VISION_VIT_L14, width=1664, layers=48, mlp_width=8192, activation="gelu", projection_width=1280)  # noqa: E501
VISION_RN50 = ResNetTowerConfig()
VISION_RN101 = replace(VISION_RN50, layers=(3, 4, 23, 3), projection_width=512)
VISION_RN50X4 = replace(VISION_RN50, layers=(4, 6, 10, 6), width=80, image_size=288, projection_width=640)  # noqa: E501
VISION_RN50X16 = replace(VISION_RN50, layers=(6, 8, 18, 8), width=96, image_size=384, projection_width=768)  # noqa: E501
VISION_RN50X64 = replace(VISION_RN50, layers=(3, 15, 36, 10), width=128, image_size=448)

# By the names of OpenAI's and OpenCLIP's releases: a text tower and an image tower.
CLIPS = {
    "RN50": ClipConfig(text=TEXT_RN50, vision=VISION_RN50),
    "RN101": ClipConfig(text=TEXT_VIT_B32, vision=VISION_RN101),
    "RN50x4": ClipConfig(text=TEXT_RN50X4, vision=VISION_RN50X4),
    "RN50x16": ClipConfig(text=replace(TEXT_VIT_L14, projection_width=768), vision=VISION_RN50X16),
    "RN50x64": ClipConfig(text=TEXT_RN50X64, vision=VISION_RN50X64),
    "ViT-B-32": ClipConfig(text=TEXT_VIT_B32, vision=VISION_VIT_B32),
    "ViT-B-16": ClipConfig(text=TEXT_VIT_B32, vision=VISION_VIT_B16),
    "ViT-L-14": ClipConfig(text=replace(TEXT_VIT_L14, projection_width=768), vision=VISION_VIT_L14),
    "ViT-L-14-336": ClipConfig(
        text=replace(TEXT_VIT_L14, projection_width=768), vision=VISION_VIT_L14_336
    ),
    "ViT-H-14": ClipConfig(text=TEXT_OPENCLIP_H14, vision=VISION_OPENCLIP_H14),
    "ViT-bigG-14": ClipConfig(text=TEXT_OPENCLIP_BIGG, vision=VISION_OPENCLIP_BIGG),
}
# fmt: on
