"""Two things in one picture: are both there, and each on its own side?

A painted scene is cut between its things, where the least is painted; each part is brought to the
size that the judge knows and named. Real scenes go the same way and tell what the cut costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import UInt8
from torch import Tensor

from limner.errors import UsageError
from limner.evaluate.judge import Judge

SEEN = 24  # alpha, of 255, from which something counts as painted
MARGIN = 2  # pixels round a thing that was cut out


@dataclass(frozen=True, kw_only=True)
class Pair:
    """What is asked for: `first` is to the left of `second`, or above it where `upright`."""

    first: str
    second: str
    upright: bool


@dataclass(frozen=True, kw_only=True)
class CompositionScores:
    """How scenes were judged; parts of 1.

    pictures: how many. things: of all things, those named where they were asked for.
    both: both are. exchanged: both are there, each in the other's place.
    """

    pictures: int
    things: float
    both: float
    exchanged: float

    def line(self, name: str) -> str:
        return (
            f"{name:<22}{self.pictures:>6} pictures  things {self.things:6.1%}  "
            f"both in place {self.both:6.1%}  exchanged {self.exchanged:6.1%}"
        )


def judge_pairs(
    pictures: UInt8[Tensor, "B 4 S S"], asked: Sequence[Pair], judge: Judge
) -> CompositionScores:
    """Cut each picture in two and name both parts.

    UsageError where there are no pictures, or where the judge does not know what was asked for.
    """
    if not asked or len(pictures) != len(asked):
        raise UsageError(f"{len(pictures)} pictures of {len(asked)} pairs: one each is right")
    names, _ = judge.labels([name for pair in asked for name in (pair.first, pair.second)], ())
    wanted = names.reshape(-1, 2)
    parts = [cut(picture, pair.upright) for picture, pair in zip(pictures, asked, strict=True)]
    named = judge.see(torch.cat(parts)).concepts.argmax(1).reshape(-1, 2)
    right = named.cpu() == wanted
    exchanged = (named.cpu() == wanted.flip(1)).all(1)
    return CompositionScores(
        pictures=len(asked),
        things=right.float().mean().item(),
        both=right.all(1).float().mean().item(),
        exchanged=exchanged.float().mean().item(),
    )


def cut(picture: UInt8[Tensor, "4 S S"], upright: bool) -> UInt8[Tensor, "2 4 S S"]:
    """The left and the right thing of a picture, or the upper and the lower, each alone and large.

    The cut is in the middle half, where the least is painted.
    """
    turned = picture.mT if upright else picture
    size = turned.shape[-1]
    painted = turned[3].float().sum(0)
    quarter = size // 4
    off_middle = (torch.arange(size) - size / 2).abs() * 1e-3  # of equals the one in the middle
    place = quarter + int((painted + off_middle)[quarter : size - quarter].argmin())
    halves = (turned[..., :place], turned[..., place:])
    return torch.stack([enlarged(half.mT if upright else half, size) for half in halves])


def enlarged(part: UInt8[Tensor, "4 h w"], size: int) -> UInt8[Tensor, "4 S S"]:
    """What is painted in a part, in the middle of a square of its own, as large as it goes."""
    rows, columns = ((part[3] >= SEEN).any(axis).nonzero().flatten().tolist() for axis in (1, 0))
    if not rows:
        return part.new_zeros(4, size, size)
    thing = part[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].float()
    height, width = thing.shape[1:]
    side = max(height, width)
    left, top = (side - width) // 2, (side - height) // 2
    square = F.pad(thing, (left, side - width - left, top, side - height - top))
    inner = size - 2 * MARGIN
    grown = F.interpolate(square[None], (inner, inner), mode="bilinear", antialias=True)[0]
    return F.pad(grown.round().clamp(0, 255), (MARGIN,) * 4).to(torch.uint8)
