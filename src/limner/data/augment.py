"""Changes that leave a picture what it is, over whole batches and on the device they are on.

Pictures are premultiplied model pixels in [-1, 1] (`data.pixels`); what comes in from outside is
fully transparent, or black without an opacity channel. The functions take their numbers as tensors,
one a picture; `augment` draws them from a generator.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from limner.errors import UsageError

Pixels = Float[Tensor, "B C S S"]


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How far pictures are changed; all zero changes nothing.

    mirror: share that is mirrored. shift: at most so much of the side, either way. scale: at most
    this factor larger or smaller, less 1. rotation: at most so many degrees, either way.
    """

    mirror: float = 0.0
    shift: float = 0.0
    scale: float = 0.0
    rotation: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.mirror <= 1.0:
            raise UsageError(f"mirror {self.mirror}: a share from 0 to 1 is right")
        if min(self.shift, self.scale, self.rotation) < 0.0:
            raise UsageError(
                f"shift {self.shift}, scale {self.scale}, rotation {self.rotation}: "
                "0 or more is right"
            )


def augment(pixels: Pixels, how: Augmentation, generator: torch.Generator) -> Pixels:
    """Each picture mirrored, shifted, scaled and turned by chance.

    The same numbers are drawn whatever `how` says, so that turning one change off leaves the rest.
    """
    count = len(pixels)
    chance = torch.rand(count, 5, generator=generator, device=generator.device).to(pixels.device)
    pixels = mirrored(pixels, chance[:, 0] < how.mirror)
    if how.shift == how.scale == how.rotation == 0.0:
        return pixels
    either_way = chance[:, 1:] * 2.0 - 1.0
    return moved(
        pixels,
        shift=either_way[:, :2] * how.shift,
        scale=(1.0 + how.scale) ** either_way[:, 2],
        rotation=either_way[:, 3] * how.rotation,
    )


def mirrored(pixels: Pixels, which: Bool[Tensor, "B"]) -> Pixels:
    """The pictures with left and right exchanged where `which` is True."""
    return torch.where(which[:, None, None, None], pixels.flip(-1), pixels)


def moved(
    pixels: Pixels,
    *,
    shift: Float[Tensor, "B 2"],
    scale: Float[Tensor, "B"],
    rotation: Float[Tensor, "B"],
) -> Pixels:
    """The pictures turned and scaled about their middle, then shifted; bilinear.

    shift: to the right and down, in parts of the side. rotation: in degrees, anticlockwise.
    """
    angle = rotation * (math.pi / 180.0)
    cosine, sine = torch.cos(angle) / scale, torch.sin(angle) / scale
    right, down = 2.0 * shift[:, 0], 2.0 * shift[:, 1]
    # Where each pixel of the result comes from: the inverse map, in coordinates from -1 to 1.
    across = torch.stack([cosine, -sine, -cosine * right + sine * down], dim=1)
    along = torch.stack([sine, cosine, -sine * right - cosine * down], dim=1)
    grid = F.affine_grid(
        torch.stack([across, along], dim=1).to(pixels), list(pixels.shape), align_corners=False
    )
    # Outside is zero for grid_sample, and transparent is -1 for a model.
    return F.grid_sample(pixels + 1.0, grid, align_corners=False) - 1.0
