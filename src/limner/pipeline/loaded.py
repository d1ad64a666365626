"""A loaded model: its parts, the engine that it runs on, and what later requests have on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from PIL import Image

from limner.checkpoints import Parts, Words
from limner.engine.adapted import Places
from limner.engine.asks import Encode, Enlarge, Text
from limner.engine.choosing import EAGER, engine_for
from limner.errors import UsageError
from limner.pipeline.adapters import Adapters
from limner.pipeline.calibrating import calibration_of
from limner.pipeline.language import Language
from limner.pipeline.model import Model
from limner.pipeline.request import Request
from limner.pipeline.resolve import resolve
from limner.pipeline.words import meant
from limner.types import Conditioning, LatentSpace

if TYPE_CHECKING:
    from limner.pipeline.upscaling import Enlarger


class Loaded:
    """A model in memory, on its engine.

    int8: that the denoiser computes in 8 bits, which is approximate.
    """

    def __init__(
        self,
        parts: Parts,
        *,
        device: torch.device | str = "cpu",
        language: Language | None = None,
        engine: str = EAGER,
        int8: bool = False,
        load_enlarger: Callable[[], Enlarger] | None = None,
    ) -> None:
        self._load_enlarger = load_enlarger
        place = torch.device(device)
        for module in parts.modules:
            module.to(place).eval().requires_grad_(False)
        places = Places.of(parts)
        self.model = Model(parts=parts, adapters=Adapters(places), device=place, language=language)
        self.engine = engine_for(
            engine,
            parts,
            places,
            enlarge=self._enlarged,
            calibration=calibration_of(self.model, Adapters(places)) if int8 else None,
        )

    @property
    def parts(self) -> Parts:
        return self.model.parts

    @property
    def device(self) -> torch.device:
        return self.model.device

    @property
    def adapters(self) -> Adapters:
        """The LoRAs and learned words that later requests have by default."""
        return self.model.adapters

    @property
    def words(self) -> Words | None:
        """What the model was taught, where its folder says so."""
        return self.model.words

    @property
    def space(self) -> LatentSpace:
        """The space that the denoiser works in; pixels themselves without an autoencoder."""
        return self.model.space

    @cached_property
    def enlarger(self) -> Enlarger:
        """What enlarges pictures, loaded when it is needed first, unless it is set."""
        if self._load_enlarger is None:
            raise UsageError("this painter has no upscaler: that of `limner.load` has one")
        return self._load_enlarger()

    def add_lora(self, path: str | Path, weight: float = 1.0, name: str | None = None) -> str:
        """Have later requests painted with a LoRA file; its name, that of the file if None.

        Raises UsageError where the name is taken, CheckpointError where the file does not fit.
        """
        return self.adapters.add_lora(path, weight, name)

    def remove_lora(self, name: str) -> None:
        """Take a LoRA off later requests; the weights are then as before, to the bit."""
        self.adapters.remove_lora(name)

    def add_embedding(self, path: str | Path, word: str | None = None) -> str:
        """Have later requests understand the word of a textual inversion file, and return it.

        word: what it is to be called, what the file calls it if None.
        """
        return self.adapters.add_embedding(path, word)

    def remove_embedding(self, word: str) -> None:
        """Forget a word of `add_embedding`."""
        self.adapters.remove_embedding(word)

    def complete(self, request: Request) -> Request:
        """The request with the model's defaults; RequestError for a size it cannot paint."""
        return resolve(request, self.model).request

    def encode(self, texts: Sequence[str], clip_skip: int | None = None) -> Conditioning:
        """One row a text, as it stands; clip_skip: None is the model's own.

        Raises UsageError for a clip_skip beyond the tower's layers.
        """
        layer = self.parts.sampling.clip_skip if clip_skip is None else clip_skip
        learned = self.adapters.embeddings
        known = [meant(text, self.model.lexicon, learned)[0] for text in texts]
        ask = Encode(texts=tuple(Text.plain(text, layer) for text in known))
        with self.engine.session():  # which looks whether the encoder has changed
            (encoded,) = self.engine.answer([ask])
        return Conditioning.joined([each.conditioning for each in encoded])

    def _enlarged(self, ask: Enlarge) -> Image.Image:
        return self.enlarger.upscale(ask.picture, ask.by, seed=ask.seed)
