"""What a denoiser is told of each picture: nothing, its class, or its caption.

A condition is called with the items of a batch and drops the class or caption of some of them, so
that one network learns to paint with and without it (Ho and Salimans 2022, section 3.2).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Int
from torch import Tensor

from limner.errors import TrainingError
from limner.training.draws import Draws
from limner.types import Conditioning

Told = Mapping[str, Tensor | None]
"""Keyword arguments of a denoiser's call beside x and t: context and mask, or pooled, or none."""

MOST_REMEMBERED = 4096  # captions; with CLIP ViT-L/14 these are about 1 GB


@runtime_checkable
class Condition(Protocol):
    """What the denoiser is told of the items `indices`, (B,), of a batch."""

    def __call__(self, indices: Tensor, draws: Draws) -> Told: ...


def unconditional(indices: Tensor, draws: Draws) -> Told:
    """Nothing at all."""
    return {}


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassCondition:
    """The number of each picture's class, or in some of them `classes`, which means none.

    labels: (N,) class numbers of all items, each below `classes`.
    """

    labels: Int[Tensor, "N"]
    classes: int
    dropout: float = 0.1

    def __post_init__(self) -> None:
        _check_dropout(self.dropout)
        if len(self.labels) and not 0 <= int(self.labels.min()) <= self.labels.max() < self.classes:
            raise TrainingError(f"class numbers must be below {self.classes}, the model's classes")

    def __call__(self, indices: Tensor, draws: Draws) -> Told:
        dropped = draws.uniform() < self.dropout
        return self.of(torch.where(dropped, self.classes, self.labels[indices]))

    @staticmethod
    def of(numbers: Int[Tensor, "B"]) -> Told:
        """What is said of these classes; they go where other models take pooled text."""
        return {"pooled": numbers[:, None].float()}


@dataclass(frozen=True, kw_only=True)
class TextCondition:
    """A caption of each picture, encoded, or in some of them the empty one.

    caption: the index of an item, and chance -> a caption. encode: captions -> Conditioning.
    """

    caption: Callable[[int, torch.Generator], str]
    encode: Callable[[list[str]], Conditioning]
    dropout: float = 0.1

    def __post_init__(self) -> None:
        _check_dropout(self.dropout)

    def __call__(self, indices: Tensor, draws: Draws) -> Told:
        pairs = zip(indices.tolist(), draws.chances(), strict=True)
        return self.of([self._drawn(index, chance) for index, chance in pairs])

    def of(self, captions: Sequence[str]) -> Told:
        """What is said by these captions."""
        text = self.encode(list(captions))
        return {"context": text.context, "mask": text.mask}

    def _drawn(self, index: int, chance: torch.Generator) -> str:
        if torch.rand((), generator=chance) < self.dropout:
            return ""
        return self.caption(index, chance)


class Remembered:
    """An encoder whose weights stay as they are: each caption is encoded once, without gradients.

    It forgets all when it has `most` captions.
    """

    def __init__(
        self, encode: Callable[[list[str]], Conditioning], most: int = MOST_REMEMBERED
    ) -> None:
        self.encode = encode
        self.most = most
        self._kept: dict[str, Conditioning] = {}

    @torch.no_grad()
    def __call__(self, captions: Sequence[str]) -> Conditioning:
        if len(self._kept) >= self.most:
            self._kept.clear()
        if new := sorted(set(captions) - self._kept.keys()):
            self._kept |= zip(new, _rows(self.encode(new)), strict=True)
        return Conditioning.joined([self._kept[caption] for caption in captions])


def _rows(text: Conditioning) -> list[Conditioning]:
    """Each prompt by itself."""

    def each(values: Tensor | None) -> Sequence[Tensor | None]:
        return [None] * len(text.context) if values is None else values.split(1)

    return [
        Conditioning(context=context, mask=mask, pooled=pooled)
        for context, mask, pooled in zip(
            text.context.split(1), each(text.mask), each(text.pooled), strict=True
        )
    ]


def _check_dropout(dropout: float) -> None:
    if not 0 <= dropout <= 1:
        raise TrainingError(f"dropout of a condition is {dropout}; it must lie between 0 and 1")
