"""What the denoiser of a recipe is told of a picture: its caption, its class, or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from limner.checkpoints import ModelFolder, Words
from limner.data.captions import canonical, caption, known_words
from limner.data.records import PictureSet
from limner.text.encode import TextEncoder
from limner.text.masks import PadMask, pad_mask
from limner.training.objectives.conditions import (
    ClassCondition,
    Condition,
    Remembered,
    TextCondition,
    Told,
    unconditional,
)
from limner.training.objectives.contrastive import CaptionMaker
from limner.training.recipes.base import one_of_each, title
from limner.types import Conditioning

PAD = PadMask.PAD
SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Pictures to ask for: what they are called, what the denoiser is told, and what without it."""

    labels: tuple[str, ...] | None
    told: Told
    untold: Told
    count: int


@runtime_checkable
class ConditionRecipe(Protocol):
    """Makes the condition of a training. needs: parts that the model folder must hold."""

    @property
    def needs(self) -> tuple[str, ...]: ...

    def condition(
        self, data: PictureSet, model: ModelFolder
    ) -> tuple[Condition, dict[str, nn.Module]]:
        """The condition of these records, and what is trained along with the denoiser."""
        ...

    def examples(self, condition: Condition, data: PictureSet) -> Examples: ...

    def words(self, data: PictureSet) -> Words | None:
        """What the model can be asked for."""
        ...


@dataclass(frozen=True, kw_only=True)
class ByText:
    """Captions through the text tower of the model folder.

    train: train the tower along; else it stays as it is. caption: of a record, by chance.
    language: what reads sentences for a model of pictures that have the plain style, the one that
    is painted where none is asked for (`Words`); a model of other pictures is spoken to as it is.
    """

    train: bool = True
    caption: CaptionMaker = caption
    dropout: float = 0.1
    language: str = ""
    plain_style: str = ""
    needs: tuple[str, ...] = ("tokenizer", "text_encoder")

    def condition(
        self, data: PictureSet, model: ModelFolder
    ) -> tuple[Condition, dict[str, nn.Module]]:
        tower = model.load("text_encoder").train().requires_grad_(self.train)
        encoder = TextEncoder(model.load_tokenizer(tower=tower.config), tower, pad_mask=PAD)
        condition = TextCondition(
            caption=lambda index, chance: self.caption(data.records[index], chance),
            encode=partial(encode_unpadded, encoder) if self.train else Remembered(encoder),
            dropout=self.dropout,
        )
        return condition, {"text_encoder": tower} if self.train else {}

    def examples(self, condition: Condition, data: PictureSet) -> Examples:
        assert isinstance(condition, TextCondition)
        records = [data.records[index] for index in one_of_each(data, SHOWN)]
        captions = [canonical(record) for record in records]
        both = condition.of([*captions, *[""] * len(captions)])
        told, untold = ({n: _half(v, i) for n, v in both.items()} for i in (0, 1))
        labels = tuple(title(record) for record in records)
        return Examples(labels=labels, told=told, untold=untold, count=len(labels))

    def words(self, data: PictureSet) -> Words:
        known = known_words(data.records)
        read = {*known["names"], *known["keywords"], *known["captions"]}
        others = sorted(read - {*known["concepts"]})
        spoken = self.plain_style in known["styles"]
        return Words(
            concepts=known["concepts"],
            styles=known["styles"],
            others=tuple(others),
            language=self.language if spoken else "",
            plain_style=self.plain_style if spoken else "",
        )


@dataclass(frozen=True, kw_only=True)
class ByClass:
    """The concept of each picture as a class number: its place among the set's concepts."""

    classes: int
    dropout: float = 0.1
    needs: tuple[str, ...] = ()

    def condition(
        self, data: PictureSet, model: ModelFolder
    ) -> tuple[Condition, dict[str, nn.Module]]:
        numbers = {concept: number for number, concept in enumerate(data.concepts)}
        labels = torch.tensor([numbers[record.concept] for record in data.records])
        return ClassCondition(labels=labels, classes=self.classes, dropout=self.dropout), {}

    def examples(self, condition: Condition, data: PictureSet) -> Examples:
        concepts = data.concepts[:SHOWN]
        numbers = torch.arange(len(concepts))
        return Examples(
            labels=concepts,
            told=ClassCondition.of(numbers),
            untold=ClassCondition.of(torch.full_like(numbers, self.classes)),
            count=len(concepts),
        )

    def words(self, data: PictureSet) -> Words:
        """Class number i is the i-th concept."""
        return Words(concepts=data.concepts, styles=())


@dataclass(frozen=True, kw_only=True)
class ByNothing:
    """An unconditional model: it paints anything of its kind."""

    needs: tuple[str, ...] = ()

    def condition(
        self, data: PictureSet, model: ModelFolder
    ) -> tuple[Condition, dict[str, nn.Module]]:
        return unconditional, {}

    def examples(self, condition: Condition, data: PictureSet) -> Examples:
        return Examples(labels=None, told={}, untold={}, count=SHOWN)

    def words(self, data: PictureSet) -> None:
        return None


def encode_unpadded(encoder: TextEncoder, captions: list[str]) -> Conditioning:
    """As the encoder, with the padding cut off that no caption of the batch needs.

    Under the PAD mask nothing looks at that padding, so only time is saved.
    """
    tokenizer = encoder.tokenizer
    ids = tokenizer(captions)
    mask = pad_mask(ids, PAD, end=tokenizer.end, pad=tokenizer.pad)
    assert mask is not None
    return encoder.encode(ids[:, : int(mask.sum(dim=1).max())])


def _half(value: Tensor | None, which: int) -> Tensor | None:
    return None if value is None else value.chunk(2)[which]
