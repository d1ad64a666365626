"""What planning and painting know of a model; its networks are not called here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from limner.checkpoints import Parts, Sampling, Words
from limner.checkpoints.conditions import multiple_of
from limner.pipeline.adapters import Adapters
from limner.pipeline.language import Language
from limner.types import LatentSpace


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """A loaded model. adapters: the LoRAs and learned words that requests have by default.

    language: what reads its prompts; None: they are taken as they stand.
    """

    parts: Parts
    adapters: Adapters
    device: torch.device
    language: Language | None = None

    @property
    def sampling(self) -> Sampling:
        """The model's own defaults."""
        return self.parts.sampling

    @property
    def words(self) -> Words | None:
        """What the model was taught, where its folder says so."""
        return self.parts.words

    @property
    def lexicon(self) -> Mapping[str, str]:
        """Words that no caption had -> what they are to the model; not those that it has learned.

        A learned word is what it was learned as, whatever the lexicon says.
        """
        words = {} if self.words is None else self.words.lexicon
        learned = {word.lower() for word in self.adapters.embeddings}
        return (
            {word: concept for word, concept in words.items() if word not in learned}
            if (learned & words.keys())
            else words
        )

    @property
    def space(self) -> LatentSpace:
        """The space that the denoiser works in; pixels themselves without an autoencoder."""
        if self.parts.autoencoder is None:
            return LatentSpace(channels=self.parts.denoiser.config.in_channels, stride=1)
        return self.parts.autoencoder.config.space

    @property
    def channels(self) -> int:
        """Of the model's pictures."""
        autoencoder = self.parts.autoencoder
        if autoencoder is None:
            return self.parts.denoiser.config.in_channels
        return autoencoder.config.in_channels

    @property
    def multiple(self) -> int:
        """Width and height of a picture are multiples of this."""
        return multiple_of(self.parts)
