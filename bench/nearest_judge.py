"""A judge that needs no training: a picture is what the real picture nearest to it is.

Nearest in the features of a pretrained image network, so that it needs a minute where a judge that
is trained needs an hour. All real pictures are in its memory, those that a painter never saw too.
Scripts take it for `--judge nearest`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

import limner
from limner.data.cache import batches
from limner.data.emoji import load_emoji
from limner.data.pixels import to_model_range
from limner.data.records import PictureSet, Record
from limner.evaluate.judge import Judge, Verdict
from limner.evaluate.report import Cell
from limner.training.perceptual import WHEEL, load_perceptual

NEAREST = "nearest"
GRID = 4  # places of the features along a side
CONTRAST = 0.25  # standard deviation of the grey of a thing


class NearestJudge:
    """Names pictures as the nearest of real ones; the logits are likenesses, -1 to 1."""

    def __init__(self, real: PictureSet, *, grey: bool = False) -> None:
        self.network = load_perceptual(WHEEL.cached)
        self.grey, self.size = grey, real.size
        self.config = SimpleNamespace(concepts=real.concepts, styles=real.styles)
        self.places = [
            torch.tensor([names.index(getattr(record, kind)) for record in real.records])
            for kind, names in (("concept", real.concepts), ("style", real.styles))
        ]
        self.bank = self.features(real.pictures[real.picture_indices()])

    @torch.inference_mode()
    def features(self, pictures: Tensor) -> Tensor:
        """Unit vectors, (N, F), of bytes (N, 4, S, S)."""
        parts = []
        for span in batches(len(pictures), 64):
            pixels = to_model_range(pictures[list(span)])
            opacity = (pixels[:, 3:] + 1) / 2
            colours = pixels[:, :3] + 1 - opacity  # on a grey ground
            maps = self.network.maps(_grey(colours, opacity) if self.grey else colours)
            kept = [F.adaptive_avg_pool2d(each, GRID).flatten(1) for each in maps[1:]]
            kept.append(F.adaptive_avg_pool2d(opacity - opacity.mean(), 2 * GRID).flatten(1))
            parts.append(torch.cat([F.normalize(each, dim=1) for each in kept], dim=1))
        found = torch.cat(parts)
        if not hasattr(self, "middle"):
            self.middle = found.mean(0)
        return F.normalize(found - self.middle, dim=1)

    def labels(self, concepts: Sequence[str], styles: Sequence[str]) -> tuple[Tensor, Tensor]:
        """The words' places among the logits."""
        places = (
            torch.tensor([names.index(word) for word in words])
            for words, names in ((concepts, self.config.concepts), (styles, self.config.styles))
        )
        concept, style = places
        return concept, style

    @torch.inference_mode()
    def see(self, pictures: Tensor) -> Verdict:
        """The likeness to the most similar picture of each concept and of each style.

        Pictures of another size than the real ones are judged in theirs.
        """
        return self._verdict(self.features(in_size(pictures, self.size)))

    @torch.inference_mode()
    def without_itself(self, places: Sequence[int]) -> Verdict:
        """The verdict on real pictures, by their records' places, each hidden from the memory.

        What a drawing that the judge does not know comes to, though it is of the right style.
        """
        return self._verdict(self.bank[list(places)], hidden=places)

    def _verdict(self, features: Tensor, hidden: Sequence[int] | None = None) -> Verdict:
        like, logits = features @ self.bank.T, []
        if hidden is not None:
            like[range(len(like)), list(hidden)] = -1.0
        for places in self.places:
            most = torch.full((len(like), int(places.max()) + 1), -1.0)
            logits.append(most.scatter_reduce(1, places.expand(len(like), -1), like, "amax"))
        return Verdict(features, *logits)


AnyJudge = Judge | NearestJudge


def in_size(pictures: Tensor, size: int) -> Tensor:
    """Bytes (N, 4, S, S) in another size, colours by their opacity."""
    if pictures.shape[-1] == size:
        return pictures
    shrunk = [
        Image.fromarray(each.permute(1, 2, 0).numpy()).resize((size, size), Image.Resampling.BOX)
        for each in pictures
    ]
    return torch.stack([torch.from_numpy(np.array(each)).permute(2, 0, 1) for each in shrunk])


def emoji_of(painter: limner.Painter) -> PictureSet:
    """The real pictures, as large as a model paints."""
    return load_emoji(painter.parts.sampling.size[0])


def judge_at(place: str) -> AnyJudge:
    """The judge that was trained and saved in a folder; `nearest`: the one that needs none."""
    return NearestJudge(load_emoji(64)) if place == NEAREST else Judge.load(Path(place))


def hits(judge: AnyJudge, seen: Verdict, asked: Sequence[Cell | Record]) -> tuple[Tensor, Tensor]:
    """Of which pictures the judge names the concept that was asked for, and of which the style."""
    concepts, styles = judge.labels([a.concept for a in asked], [a.style for a in asked])
    return seen.concepts.argmax(1) == concepts, seen.styles.argmax(1) == styles


def _grey(colours: Tensor, opacity: Tensor) -> Tensor:
    """The lightness of each thing about its mean, with one contrast."""
    grey = (colours * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
    total = opacity.sum((2, 3), keepdim=True).clamp_min(1.0)
    away = (grey - (grey * opacity).sum((2, 3), keepdim=True) / total) * opacity
    deviation = (away.square().sum((2, 3), keepdim=True) / total).sqrt().clamp_min(0.02)
    return (away / deviation * CONTRAST).clamp(-1, 1).expand(-1, 3, -1, -1)
