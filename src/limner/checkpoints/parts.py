"""A model in memory, part by part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from limner.checkpoints.families import Family, family_of_model
from limner.checkpoints.folder_parts import FOLDER_OF_MODULE
from limner.checkpoints.naming import Naming
from limner.checkpoints.settings import Sampling, Words
from limner.diffusion.prediction import Prediction
from limner.diffusion.process import Process
from limner.models.autoencoder import Autoencoder
from limner.models.clip import TextTower
from limner.models.content import ContentEncoder
from limner.models.dit import DiT
from limner.models.style import StyleNamer
from limner.models.unet import UNet
from limner.text.tokenizer import Tokenizer


@dataclass(frozen=True, kw_only=True)
class Parts:
    """A model, part by part.

    An autoencoder of None means that the denoiser works on pixels. SDXL has a second tokenizer and
    text encoder. content_encoder: what restyles, where the model has it; naming, style_namer:
    what says which of the model's concepts a picture shows, and in which of its styles.
    scheduler: the configuration of diffusers' scheduler that the model came with.
    notes: what of the files is not as Limner paints, a sentence each, for whoever paints with it.
    loras: files of its folder, without which the model does not paint as it should. They are on no
    module: whoever paints or trains puts them on.
    """

    tokenizer: Tokenizer
    text_encoder: TextTower
    denoiser: UNet | DiT
    autoencoder: Autoencoder | None
    process: Process
    prediction: Prediction
    sampling: Sampling
    words: Words | None
    tokenizer_2: Tokenizer | None = None
    text_encoder_2: TextTower | None = None
    content_encoder: ContentEncoder | None = None
    style_namer: StyleNamer | None = None
    naming: Naming | None = None
    scheduler: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()
    loras: tuple[Path, ...] = ()

    @property
    def modules(self) -> tuple[nn.Module, ...]:
        """All that has weights."""
        parts = (getattr(self, name) for name in self.__dataclass_fields__)
        return tuple(part for part in parts if isinstance(part, nn.Module))

    @property
    def family(self) -> Family:
        """What sets the models of its kind apart."""
        return family_of_model(self.denoiser.config, self.process)

    @property
    def denoiser_name(self) -> str:
        """What the denoiser is called in folders and LoRA files: "unet" or "transformer"."""
        return FOLDER_OF_MODULE[type(self.denoiser)]

    @property
    def towers(self) -> dict[str, tuple[Tokenizer, TextTower]]:
        """The one or two text encoders by their folder names, each with its tokenizer."""
        towers = {"text_encoder": (self.tokenizer, self.text_encoder)}
        if self.tokenizer_2 is not None and self.text_encoder_2 is not None:
            towers["text_encoder_2"] = (self.tokenizer_2, self.text_encoder_2)
        return towers

    @property
    def adaptable(self) -> dict[str, nn.Module]:
        """The parts that can have a LoRA, by the names that files give them."""
        towers = {name: tower for name, (_, tower) in self.towers.items()}
        return {self.denoiser_name: self.denoiser, **towers}
