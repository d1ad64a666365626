"""Stable Diffusion 1: CLIP L/14, 8 heads at every level of the U-Net."""

from limner.checkpoints.families.family import Family
from limner.checkpoints.families.places import AUTOENCODER_PLACE, CLIP_TEXT, UNET_PLACE, Place
from limner.checkpoints.settings import Sampling
from limner.models.presets import AUTOENCODER_SD1

SD1 = Family(
    name="sd1",
    description="Stable Diffusion 1",
    places=(
        UNET_PLACE,
        AUTOENCODER_PLACE,
        Place(part="text_encoder", prefix="cond_stage_model.transformer.", naming=CLIP_TEXT),
    ),
    marker="cond_stage_model.transformer.",
    context_width=768,
    sampling=Sampling(size=(512, 512)),
    sampling_v=Sampling(size=(768, 768)),
    autoencoder=AUTOENCODER_SD1,
    beside={"safety_checker": [None, None], "requires_safety_checker": False},
    lora_prefixes={"unet": ("lora_unet_",), "text_encoder": ("lora_te_",)},
)
