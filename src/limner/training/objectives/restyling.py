"""Restyling: the same thing as in a picture, drawn in another style.

A U-Net and its text tower stay as they are; a content branch is learned through the U-Net. What is
painted is a picture of a concept; the content is another style's picture of the same concept, and
the style is told by words. The loss is `DenoisingObjective`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from limner.data.captions import caption, pick, style_caption, uniform
from limner.data.cells import Cells
from limner.data.records import PictureSet
from limner.errors import TrainingError
from limner.models.content import ContentEncoder, mean_token
from limner.models.unet import UNet
from limner.nn.prepared import Beside
from limner.training.draws import Draws
from limner.training.objectives.conditions import Told
from limner.training.objectives.masking import on_grounds
from limner.types import Conditioning, Context, Latent, TextMask, Times


class BranchedUNet(nn.Module):
    """A U-Net with its content branch, for training the one through the other."""

    def __init__(self, unet: UNet, content_encoder: ContentEncoder) -> None:
        super().__init__()
        self.unet = unet
        self.content_encoder = content_encoder

    def forward(
        self,
        x: Latent,
        t: Times,
        context: Context,
        mask: TextMask,
        content: Float[Tensor, "B P H W"],
        style: Float[Tensor, "B D"],
        kept: Bool[Tensor, "B"],
    ) -> Latent:
        """What the U-Net predicts; without content where `kept` is False."""
        maps = self.content_encoder(content, style)
        added = tuple(each * kept[:, None, None, None] for each in maps)
        return self.unet(x, t, context, mask, beside=Beside(added=added))


@dataclass(frozen=True, kw_only=True)
class Shares:
    """How often an item is told what, each a share from 0 to 1.

    untold: no style. captioned: a caption in the style's place in cross-attention; nothing: the
    empty one. dropped: no content. opaque: the content on a plain ground, as pictures without
    transparency.
    """

    untold: float = 0.1
    captioned: float = 0.2
    nothing: float = 0.05
    dropped: float = 0.1
    opaque: float = 0.15

    def __post_init__(self) -> None:
        for name, share in vars(self).items():
            if not 0 <= share <= 1:
                raise TrainingError(f"{name} is {share}: a share from 0 to 1 is right")


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """What is drawn for one item.

    content: a record that shows it. words: of the style, or empty. said: a caption in place of the
    style, or None. kept: whether the content is told.
    """

    content: int
    words: str
    said: str | None
    kept: bool


class RestylingCondition:
    """What the branched U-Net is told of each picture: content, style, and what is in the text.

    data: concepts in at least two styles. encode: captions -> Conditioning, with masks.
    known: the concepts that captions can tell the model of; others are told by their style alone.
    Raises TrainingError for records that have no other style beside them.
    """

    def __init__(
        self,
        data: PictureSet,
        encode: Callable[[list[str]], Conditioning],
        *,
        known: Collection[str],
        shares: Shares,
    ) -> None:
        self.data = data
        self.encode = encode
        self.known = frozenset(known)
        self.shares = shares
        self.cells = Cells(data.records)
        for record in data.records:
            if not self.cells.others(record):
                raise TrainingError(
                    f"{record.concept!r} in {record.style!r} stands alone: restyling is learned "
                    "from concepts in two styles or more"
                )

    def __call__(self, indices: Tensor, draws: Draws) -> Told:
        pairs = zip(indices.tolist(), draws.chances(), strict=True)
        drawn = [self._drawn(index, chance) for index, chance in pairs]
        content = self._content(drawn, draws)
        style = self.text([each.words for each in drawn])
        said = self.text([each.said or "" for each in drawn])
        told = torch.tensor([each.said is not None for each in drawn])
        kept = torch.tensor([each.kept for each in drawn])
        return self.of(content, style, either(told, said, style), kept)

    def text(self, captions: Sequence[str]) -> Conditioning:
        """The captions encoded."""
        text = self.encode(list(captions))
        assert text.mask is not None
        return text

    def of(
        self,
        content: Float[Tensor, "B P H W"],
        style: Conditioning,
        text: Conditioning,
        kept: Bool[Tensor, "B"] | None = None,
    ) -> Told:
        """What is said by these."""
        return {
            "context": text.context,
            "mask": text.mask,
            "content": content,
            "style": mean_token(style.context, style.mask),
            "kept": torch.ones(len(content), dtype=torch.bool) if kept is None else kept,
        }

    def _drawn(self, index: int, chance: torch.Generator) -> Drawn:
        record, shares = self.data.records[index], self.shares
        words = "" if uniform(chance) < shares.untold else style_caption(record.style, chance)
        kind = uniform(chance)
        captioned = kind < shares.captioned and record.concept in self.known
        silent = shares.captioned <= kind < shares.captioned + shares.nothing
        return Drawn(
            content=pick(self.cells.others(record), chance),
            words=words,
            said=caption(record, chance) if captioned else "" if silent else None,
            kept=uniform(chance) >= shares.dropped,
        )

    def _content(self, drawn: Sequence[Drawn], draws: Draws) -> Float[Tensor, "B P H W"]:
        """The contents, some of them on white or on a colour where they are transparent."""
        pixels = self.data.to_float([each.content for each in drawn])
        colours, chance = draws.uniform(3, 1, 1), draws.uniform(2)
        if pixels.shape[1] < 4:
            return pixels
        colours = torch.where((chance[:, 1] < 0.5)[:, None, None, None], 1.0, colours)
        laid, opacity = on_grounds(pixels, colours)
        opaque = torch.cat([laid, torch.ones_like(opacity)], dim=1)
        return torch.where((chance[:, 0] < self.shares.opaque)[:, None, None, None], opaque, pixels)


def either(which: Bool[Tensor, "B"], first: Conditioning, second: Conditioning) -> Conditioning:
    """The first where `which`, else the second; both have masks."""
    assert first.mask is not None
    assert second.mask is not None
    which = which.to(first.mask.device)
    return Conditioning(
        context=torch.where(which[:, None, None], first.context, second.context),
        mask=torch.where(which[:, None], first.mask, second.mask),
    )
