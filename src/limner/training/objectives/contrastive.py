"""CLIP's objective: captions and pictures find each other in the batch (lecture eq. 60-64)."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from limner.data.records import PictureSet, Record
from limner.models.clip import Clip
from limner.training.draws import Draws

CaptionMaker = Callable[[Record, torch.Generator], str]


class SoftmaxForm(nn.Module):
    """Cross-entropy of each row over all candidates; its target is spread over the positives.

    With one positive a row it is CLIP's own (lecture eq. 62-64).
    """

    def forward(
        self, scores: Float[Tensor, "R N"], positive: Bool[Tensor, "R N"]
    ) -> Float[Tensor, ""]:
        target = positive.to(scores.dtype)
        return F.cross_entropy(scores, target / target.sum(1, keepdim=True))


class SigmoidForm(nn.Module):
    """Each pair by itself, whether it fits (SigLIP eq. 1), with a learned bias.

    Summed over the candidates and averaged over the rows. SigLIP begins with a scale of 10, and
    with a bias of -10 so that the many pairs that do not fit cost nothing at first.
    """

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.tensor(-10.0))

    def forward(
        self, scores: Float[Tensor, "R N"], positive: Bool[Tensor, "R N"]
    ) -> Float[Tensor, ""]:
        logits = scores + self.bias
        return -F.logsigmoid(torch.where(positive, logits, -logits)).sum(1).mean()


class ContrastiveObjective:
    """Each caption against all pictures and back; every picture that it describes is a positive.

    A caption without a style word describes its concept in all styles: with one positive a row
    those pictures would be false negatives.

    fitted: what makes of model pixels, (B, C, H, W), those that the image tower takes; None: they
    are the same. form: SoftmaxForm (the default) or SigmoidForm. share_gradients: over processes,
    whether a feature learns from the other processes' rows too (as one process would) or from its
    own only.
    """

    def __init__(
        self,
        clip: Clip,
        tokenize: Callable[[list[str]], tuple[Tensor, Tensor | None]],
        pictures: PictureSet,
        caption: CaptionMaker,
        *,
        fitted: Callable[[Tensor], Tensor] | None = None,
        form: SoftmaxForm | SigmoidForm | None = None,
        share_gradients: bool = True,
    ) -> None:
        self.form = SoftmaxForm() if form is None else form
        if isinstance(form, SigmoidForm):
            nn.init.constant_(clip.logit_scale, math.log(10))
        self.modules = nn.ModuleDict({"clip": clip, "form": self.form})
        self.clip = clip
        self.tokenize = tokenize
        self.set = pictures
        self.caption = caption
        self.fitted = fitted
        self.count = len(pictures.records)
        self.share_gradients = share_gradients

    def loss(self, indices: Tensor, draws: Draws) -> dict[str, Tensor]:
        return self.compare(self.features(indices, draws), indices, draws)

    def features(self, indices: Tensor, draws: Draws) -> Float[Tensor, "B 2 P"]:
        """Unit vectors of each item's caption and of its picture."""
        device = self.clip.logit_scale.device
        ids, mask = self.tokenize(self._captions(indices, draws))
        texts = self.clip.text_features(ids.to(device), None if mask is None else mask.to(device))
        images = self.image_features(self.set.to_float(indices.tolist()).to(device))
        return torch.stack([texts, images], dim=1)

    def image_features(self, pixels: Float[Tensor, "B C H W"]) -> Float[Tensor, "B P"]:
        """Unit vectors of pictures, in model pixels."""
        return self.clip.image_features(pixels if self.fitted is None else self.fitted(pixels))

    def compare(
        self, features: Float[Tensor, "N 2 P"], indices: Tensor, draws: Draws
    ) -> dict[str, Tensor]:
        self.clip.limit_scale()
        everyone = draws.of(range(len(indices)))
        captions = self._captions(indices, everyone)
        fits = described(captions, self._records(indices)).to(features.device)
        rows = slice(draws.rows.start, draws.rows.stop)
        with torch.autocast(features.device.type, enabled=False):  # a scale of 100 needs fp32
            texts, images = features.float().unbind(dim=1)
            by_text = self.clip.similarity(texts[rows], images)
            by_image = self.clip.similarity(images[rows], texts)
            total = (self.form(by_text, fits[rows]) + self.form(by_image, fits.T[rows])) / 2
        found = fits[rows].gather(1, by_text.argmax(dim=1, keepdim=True)).float().mean()
        return {"total": total, "found": found}

    def _records(self, indices: Tensor) -> list[Record]:
        return [self.set.records[index] for index in indices.tolist()]

    def _captions(self, indices: Tensor, draws: Draws) -> list[str]:
        pairs = zip(self._records(indices), draws.chances(), strict=True)
        return [self.caption(record, chance) for record, chance in pairs]


def described(captions: Sequence[str], records: Sequence[Record]) -> Bool[Tensor, "N N"]:
    """[i, j]: caption i describes picture j (its concept, in its style or in none named).

    Of a picture without a named concept only its own captions are known to describe it.
    """
    concepts = numbered([record.concept or record.picture for record in records])
    styles = numbered([record.style for record in records])
    styled = torch.tensor(
        [
            bool(record.concept) and record.style in caption.replace(",", " ").split()
            for caption, record in zip(captions, records, strict=True)
        ]
    )
    same_concept = concepts[:, None] == concepts
    same_style = styles[:, None] == styles
    return same_concept & (same_style | ~styled[:, None])


def numbered(words: Sequence[Hashable]) -> Tensor:
    """(N,) integers that are equal where the words are."""
    numbers = {word: number for number, word in enumerate(dict.fromkeys(words))}
    return torch.tensor([numbers[word] for word in words])
