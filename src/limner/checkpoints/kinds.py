"""What a file can be."""

from __future__ import annotations

from enum import StrEnum


class FileKind(StrEnum):
    """What a file is: a whole model, by the name of its family, or another thing."""

    SD1 = "sd1"
    SD2 = "sd2"
    SDXL = "sdxl"
    REFINER = "sdxl-refiner"
    UNET = "unet"
    AUTOENCODER = "autoencoder"
    TEXT_ENCODER = "text-encoder"
    CLIP = "clip"
    LORA = "lora"
    TEXTUAL_INVERSION = "textual-inversion"
    LIMNER = "limner"
    UNKNOWN = "unknown"


# Of those that are no family's whole model.
OTHERS = {
    FileKind.REFINER: "Stable Diffusion XL's refiner",
    FileKind.UNET: "a U-Net alone",
    FileKind.AUTOENCODER: "an autoencoder (VAE) alone",
    FileKind.TEXT_ENCODER: "a text encoder alone",
    FileKind.CLIP: "CLIP's two towers",
    FileKind.LORA: "a LoRA",
    FileKind.TEXTUAL_INVERSION: "a textual inversion",
    FileKind.UNKNOWN: "no kind that is known",
}
