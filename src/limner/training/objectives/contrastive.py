"""CLIP's objective: captions and pictures find each other in the batch (lecture eq. 60-64)."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from limner.data.records import PictureSet, Record
from limner.models.clip import Clip
from limner.training.draws import Draws

CaptionMaker = Callable[[Record, torch.Generator], str]


class ContrastiveObjective:
    """Symmetric cross-entropy in which every picture that a caption describes is a positive.

    A caption without a style word describes its concept in all styles: with one positive a row
    those pictures would be false negatives.
    """

    def __init__(
        self,
        clip: Clip,
        tokenize: Callable[[list[str]], tuple[Tensor, Tensor | None]],
        pictures: PictureSet,
        caption: CaptionMaker,
    ) -> None:
        self.modules = nn.ModuleDict({"clip": clip})
        self.clip = clip
        self.tokenize = tokenize
        self.set = pictures
        self.caption = caption
        self.count = len(pictures.records)

    def loss(self, indices: Tensor, draws: Draws) -> dict[str, Tensor]:
        records = [self.set.records[i] for i in indices.tolist()]
        captions = [
            self.caption(record, chance)
            for record, chance in zip(records, draws.chances(), strict=True)
        ]
        device = next(self.clip.parameters()).device
        ids, mask = self.tokenize(captions)
        texts = self.clip.text_features(ids.to(device), None if mask is None else mask.to(device))
        images = self.clip.image_features(self.set.to_float(indices.tolist()).to(device))
        logits = self.clip.similarity(texts, images).float()
        positive = described(captions, records).to(device)
        total = symmetric_loss(logits, positive)
        found = (positive.gather(1, logits.argmax(1, keepdim=True))).float().mean()
        return {"total": total, "found": found}


def described(captions: list[str], records: list[Record]) -> Bool[Tensor, "N N"]:
    """[i, j]: caption i describes picture j (its concept, in its style or in none named).

    Of a picture without a named concept only its own captions are known to describe it.
    """

    def fits(caption: str, own: Record, other: Record) -> bool:
        if own.concept != other.concept or not own.concept:
            return own.picture == other.picture
        styled = own.style in caption.replace(",", " ").split()
        return not styled or own.style == other.style

    pairs = list(zip(captions, records, strict=True))
    return torch.tensor([[fits(text, own, other) for other in records] for text, own in pairs])


def symmetric_loss(
    logits: Float[Tensor, "N N"], positive: Bool[Tensor, "N N"]
) -> Float[Tensor, ""]:
    """Mean of both directions' cross-entropies (lecture eq. 62-64), targets spread over positives.

    With the identity as `positive` it is CLIP's loss.
    """

    def direction(scores: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(scores, target / target.sum(1, keepdim=True))

    target = positive.to(logits.dtype)
    return (direction(logits, target) + direction(logits.T, target.T)) / 2
