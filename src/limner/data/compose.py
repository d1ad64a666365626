"""Pictures laid over grounds and over each other, in batches, on the device they are on.

All in premultiplied model pixels in [-1, 1] (`data.pixels`), where laying one picture over another
is c = c_top + (1 - a_top) c_below for each channel in [0, 1] (Porter and Duff 1984, "over").
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

Colours = Float[Tensor, "B 3"]


def over(
    top: Float[Tensor, "B 4 H W"], below: Float[Tensor, "B C H W"]
) -> Float[Tensor, "B C H W"]:
    """The first pictures laid over the second; C is 4, or 3 for opaque ones below."""
    channels = below.shape[1]
    seen_through = (1.0 - top[:, 3:]) / 2.0
    return (top[:, :channels] + 1.0) + seen_through * (below + 1.0) - 1.0


def on_solid(pixels: Float[Tensor, "B 4 H W"], colours: Colours) -> Float[Tensor, "B 3 H W"]:
    """Each picture on a ground of one colour, RGB in [-1, 1]."""
    return over(pixels, colours[:, :, None, None].expand(-1, -1, *pixels.shape[-2:]))


def placed(
    pixels: Float[Tensor, "B C S S"], boxes: Int[Tensor, "B 4"], size: int
) -> Float[Tensor, "B C S2 S2"]:
    """Each picture made as large as its box and put there in an empty picture of `size` pixels.

    boxes: left, top, right, bottom in whole pixels, square and inside the picture. Reduced with
    antialiasing, all that are of one size together.
    """
    batch, channels = pixels.shape[:2]
    canvas = pixels.new_full((batch, size, size, channels), -1.0)
    sides = boxes[:, 2] - boxes[:, 0]
    for side in sides.unique().tolist():
        which = (sides == side).nonzero()[:, 0]
        patches = F.interpolate(pixels[which], (side, side), mode="bilinear", antialias=True)
        span = torch.arange(side, device=pixels.device)
        rows = (boxes[which, 1, None] + span)[:, :, None]
        columns = (boxes[which, 0, None] + span)[:, None, :]
        canvas[which[:, None, None], rows, columns] = patches.permute(0, 2, 3, 1)
    return canvas.permute(0, 3, 1, 2)
