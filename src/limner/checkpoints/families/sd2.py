"""Stable Diffusion 2: OpenCLIP H/14 without its last layer, 64 channels a head."""

from limner.checkpoints.families.family import Family, Spread
from limner.checkpoints.families.places import AUTOENCODER_PLACE, PENULTIMATE, UNET_PLACE, Place
from limner.checkpoints.families.sd1 import SD1
from limner.checkpoints.settings import Sampling
from limner.models.presets import AUTOENCODER_SD1

SD2 = Family(
    name="sd2",
    description="Stable Diffusion 2",
    places=(
        UNET_PLACE,
        AUTOENCODER_PLACE,
        Place(part="text_encoder", prefix="cond_stage_model.model.", naming=PENULTIMATE),
    ),
    marker="cond_stage_model.model.",
    context_width=1024,
    sampling=Sampling(size=(512, 512)),
    sampling_v=Sampling(size=(768, 768)),
    autoencoder=AUTOENCODER_SD1,
    beside=SD1.beside,
    lora_prefixes=SD1.lora_prefixes,
    v_spread=Spread(name="output_blocks.11.1.transformer_blocks.0.norm1.bias", least=0.09),
)
