"""What a description of a family says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from limner.checkpoints.families.places import Place
from limner.checkpoints.settings import Sampling
from limner.models.autoencoder import AutoencoderConfig


@dataclass(frozen=True, kw_only=True)
class Spread:
    """A tensor of the U-Net that tells whether it predicts v: its values' deviation is then more.

    name: as in a single file, after the U-Net's prefix.
    """

    name: str
    least: float


@dataclass(frozen=True, kw_only=True)
class Family:
    """All that sets the models of one family apart; nothing outside asks what a network is.

    places: the parts of a single file; none where the family has no such files. marker: the
    beginning of names that a single file of this family alone has. context_width: of the published
    U-Nets, by which one without a text encoder is told.
    towers: the text encoders, whose states are the context side by side. sizes: how many numbers
    of the picture's size the denoiser is told beside the pooled text.
    sampling: how the family is painted with; sampling_v: where it predicts v, if other.
    autoencoder: whose scale and range the family has, of which no shape tells; None: any.
    pipeline: the class of diffusers that opens a folder, without purpose and "Pipeline"; beside:
    what its model_index.json holds beside the parts.
    lora_prefixes: how kohya's trainer begins the names of a part; the first is the one written.
    lora_numbers: whether it names the U-Net's blocks by LDM's numbers.
    v_spread: what tells the prediction where nothing else does.
    """

    name: str
    description: str
    places: tuple[Place, ...] = ()
    marker: str | None = None
    context_width: int | None = None
    towers: tuple[str, ...] = ("text_encoder",)
    sizes: int = 0
    sampling: Sampling = field(default_factory=Sampling)
    sampling_v: Sampling | None = None
    autoencoder: AutoencoderConfig | None = None
    pipeline: str = "StableDiffusion"
    beside: Mapping[str, Any] = field(default_factory=dict)
    lora_prefixes: Mapping[str, tuple[str, ...]]
    lora_numbers: bool = False
    v_spread: Spread | None = None

    def sampling_of(self, prediction: str) -> Sampling:
        """How a model of the family that predicts this is painted with."""
        own = self.sampling_v if prediction == "v" else None
        return self.sampling if own is None else own
