"""Models that Limner trained itself, as the one that it ships: a U-Net or a transformer."""

from limner.checkpoints.families.family import Family
from limner.checkpoints.families.sd1 import SD1

LIMNER = Family(
    name="limner",
    description="a model of Limner's own",
    beside=SD1.beside,
    lora_prefixes={**SD1.lora_prefixes, "transformer": ("lora_unet_", "lora_transformer_")},
)
