"""LoRAs and learned words as values: what of them an ask is answered under."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from torch import nn

from limner.checkpoints import Parts
from limner.checkpoints.textual_inversion import TextualInversion
from limner.nn.adapter import Adapter
from limner.text.learned import LearnedWords


@dataclass(frozen=True, eq=False)
class PlacedLora:
    """A LoRA for one model: its updates of the text encoders, and those of the denoiser.

    warning: what of its file fits nothing in the model. words: learned ones that its file brings.
    mark: stands for it in keys, which outlive
    it without its tensors; an id would be another's then.
    """

    text: Adapter
    picture: Adapter
    warning: str | None = None
    words: tuple[TextualInversion, ...] = ()
    mark: object = field(default_factory=object, repr=False)

    @property
    def both(self) -> tuple[Adapter, Adapter]:
        return self.text, self.picture

    def take_off(self) -> None:
        for adapter in self.both:
            adapter.detach()

    def weigh(self, text: float, picture: float) -> None:
        self.text.weight, self.picture.weight = text, picture


@dataclass(frozen=True, kw_only=True)
class Weighed:
    """A LoRA with its weights in the text encoders and in the denoiser."""

    name: str
    lora: PlacedLora
    text: float
    picture: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Adapted:
    """What is put on a model for an ask. merged: into the weights, in place of beside them."""

    loras: tuple[Weighed, ...] = ()
    words: tuple[TextualInversion, ...] = ()
    merged: bool = False

    @cached_property
    def key(self) -> tuple[Hashable, Hashable, bool]:
        """Equal where the same is on in the same way: LoRAs, words, merged."""
        loras = tuple((each.lora.mark, each.text, each.picture) for each in self.loras)
        return loras, self.words, self.merged and bool(loras)


NOTHING = Adapted()


@dataclass(frozen=True)
class Places:
    """Where a model takes LoRAs (by the names of its parts) and learned words."""

    models: Mapping[str, nn.Module]
    words: Mapping[str, LearnedWords]

    @classmethod
    def of(cls, parts: Parts) -> Places:
        """Those of a model that has nothing on it."""
        return cls(
            models=parts.adaptable,
            words={name: LearnedWords(*both) for name, both in parts.towers.items()},
        )

    @property
    def widths(self) -> dict[str, int]:
        """The width of a learned vector in each text encoder."""
        return {name: words.width for name, words in self.words.items()}


class Wearing:
    """What a model has on: put on and taken off exactly, by whoever alone touches its weights."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._on = NOTHING

    def put_on(self, wanted: Adapted) -> None:
        """Exactly this; what is on already stays."""
        if wanted.key == self._on.key:
            return
        try:
            self._change(wanted)
        except BaseException:  # out of memory, or Ctrl-C: half of it would be worn unseen
            for each in wanted.loras:
                each.lora.take_off()
            self._change(NOTHING)
            raise

    def _change(self, wanted: Adapted) -> None:
        for each in self._on.loras:
            each.lora.take_off()
        for each in wanted.loras:
            each.lora.weigh(each.text, each.picture)
            for adapter in each.lora.both:
                adapter.merge() if wanted.merged else adapter.attach()
        for tower, words in self._places.words.items():
            words.set({word.word: word.vectors[tower] for word in wanted.words})
        self._on = wanted
