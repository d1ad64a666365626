"""Stable Diffusion XL: CLIP L/14 and OpenCLIP bigG/14 side by side, and the picture's sizes."""

from limner.checkpoints.families.family import Family
from limner.checkpoints.families.places import (
    AUTOENCODER_PLACE,
    CLIP_TEXT,
    OPEN_CLIP,
    UNET_PLACE,
    Place,
)
from limner.checkpoints.settings import Sampling
from limner.models.presets import AUTOENCODER_SDXL

# fmt: off
SDXL = Family(
    name="sdxl",
    description="Stable Diffusion XL",
    places=(
        UNET_PLACE,
        AUTOENCODER_PLACE,
        Place(part="text_encoder", prefix="conditioner.embedders.0.transformer.", naming=CLIP_TEXT),
        Place(part="text_encoder_2", prefix="conditioner.embedders.1.model.", naming=OPEN_CLIP),
    ),
    marker="conditioner.embedders.1.model.",
    context_width=2048,
    towers=("text_encoder", "text_encoder_2"),
    sizes=6,  # original height and width, top and left of the crop, target height and width
    sampling=Sampling(steps=25, guidance=5.0, size=(1024, 1024), clip_skip=2, final_norm=False, zero_negative=True, aligned="ays_sdxl"),  # noqa: E501
    autoencoder=AUTOENCODER_SDXL,
    pipeline="StableDiffusionXL",
    lora_prefixes={"unet": ("lora_unet_",), "text_encoder": ("lora_te1_",), "text_encoder_2": ("lora_te2_",)},  # noqa: E501
    lora_numbers=True,
)
# fmt: on
REFINER_MARKER = "conditioner.embedders.0.model."  # of the model that goes over SDXL's pictures
