"""Restyling: the same thing as in a picture, drawn in another style.

A U-Net and its text tower stay as they are; a content branch is learned through the one, a style
encoder through its cross-attention. What is painted is a picture of a concept; the content is
another style's picture of the same concept, and the style is told by words or by the picture of
another concept. The loss is `DenoisingObjective`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from limner.data.captions import caption, pick, style_caption, uniform
from limner.data.cells import Cells
from limner.data.records import PictureSet
from limner.errors import TrainingError
from limner.models.content import ContentEncoder, adding, mean_token
from limner.models.style import StyleEncoder
from limner.models.unet import UNet
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
        with adding(self.unet, [each * kept[:, None, None, None] for each in maps]):
            return self.unet(x, t, context, mask)


@dataclass(frozen=True, kw_only=True)
class Shares:
    """How often an item is told what, each a share from 0 to 1.

    untold: no style; by_picture: of the others, the style by a picture, not by words.
    captioned: a caption in the style's place in cross-attention; nothing: the empty one.
    dropped: no content. opaque: the content on a plain ground, as pictures without transparency.
    """

    untold: float = 0.1
    by_picture: float = 0.4
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

    content, example: records that show the content, and the style. words: of the style, or empty.
    by_picture: the style is told by the example. said: a caption in place of the style, or None.
    """

    content: int
    example: int
    words: str
    by_picture: bool
    said: str | None
    kept: bool


class RestylingCondition:
    """What the branched U-Net is told of each picture: content, style, and what is in the text.

    data: concepts in at least two styles. encode: captions -> Conditioning, with masks.
    known: the concepts that captions can tell the model of; others are told by their style alone.
    Raises TrainingError for records that have no other style, or no other concept, beside them.
    """

    def __init__(
        self,
        data: PictureSet,
        encode: Callable[[list[str]], Conditioning],
        style_encoder: StyleEncoder,
        *,
        known: Collection[str],
        shares: Shares,
    ) -> None:
        self.data = data
        self.encode = encode
        self.style_encoder = style_encoder
        self.known = frozenset(known)
        self.shares = shares
        self.cells = Cells(data.records)
        for record in data.records:
            if not self.cells.others(record) or not self.cells.mates(record):
                raise TrainingError(
                    f"{record.concept!r} in {record.style!r} stands alone: restyling is learned "
                    "from concepts in two styles or more, and styles of two concepts or more"
                )

    def __call__(self, indices: Tensor, draws: Draws) -> Told:
        pairs = zip(indices.tolist(), draws.chances(), strict=True)
        drawn = [self._drawn(index, chance) for index, chance in pairs]
        content = self._content(drawn, draws)
        examples = self.data.to_float([each.example for each in drawn])
        style = self.style(
            [each.words for each in drawn], examples, torch.tensor([d.by_picture for d in drawn])
        )
        said = self.text([each.said or "" for each in drawn])
        told = torch.tensor([each.said is not None for each in drawn])
        kept = torch.tensor([each.kept for each in drawn])
        return self.of(content, style, either(told, said, style), kept)

    def style(
        self,
        words: Sequence[str],
        examples: Float[Tensor, "B P H W"],
        by_picture: Bool[Tensor, "B"],
    ) -> Conditioning:
        """What tells the style: its words, or the tokens of an example where `by_picture`."""
        text = self.text(words)
        tokens = self.style_encoder(examples.to(text.context)).float()
        count, length = tokens.shape[1], text.context.shape[1]
        places = torch.arange(length, device=tokens.device) < count
        padded = F.pad(tokens, (0, 0, 0, length - count))
        seen = Conditioning(context=padded, mask=places.expand(len(tokens), -1))
        return either(by_picture, seen, text)

    def text(self, captions: Sequence[str]) -> Conditioning:
        """The captions encoded, where the style encoder is."""
        text, device = self.encode(list(captions)), self.style_encoder.base.device
        assert text.mask is not None
        return Conditioning(context=text.context.to(device), mask=text.mask.to(device))

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
            example=pick(self.cells.mates(record), chance),
            words=words,
            by_picture=words != "" and uniform(chance) < shares.by_picture,
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
