"""Random masks to learn inpainting from: boxes, sides, strokes, and now and then everything.

Source of the mixture: Rombach et al. 2022, section 4.5 (LaMa's boxes and strokes); the sides are
what outpainting asks for, and everything is what painting from words alone asks for.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

NUMBERS = 24  # that one mask is made of
STROKES = 4
SHARES = (0.35, 0.25, 0.25, 0.15)  # of boxes, sides, strokes, everything


def holes(numbers: Float[Tensor, "B N"], size: int) -> Float[Tensor, "B 1 S S"]:
    """Square masks, 1 where to repaint, from `NUMBERS` even numbers in [0, 1) each.

    Every kind repaints something, and all but the last leave something.
    """
    kind, rest = numbers[:, 0].contiguous(), numbers[:, 1:]
    line = (torch.arange(size) + 0.5) / size
    y, x = torch.meshgrid(line, line, indexing="ij")
    each = torch.stack([_box(rest, x, y), _side(rest, x, y), _strokes(rest, x, y)])
    each = torch.cat([each, torch.ones_like(each[:1])])
    bounds = torch.tensor(SHARES).cumsum(0)[:-1]
    chosen = torch.bucketize(kind, bounds, right=True)
    masks = each[chosen, torch.arange(len(numbers))]
    return masks[:, None]


def _box(n: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """A box with sides of a fifth to four fifths, anywhere within the picture."""
    width, height = 0.2 + 0.6 * n[:, 0], 0.2 + 0.6 * n[:, 1]
    left, top = n[:, 2] * (1 - width), n[:, 3] * (1 - height)
    across = (x >= _each(left)) & (x <= _each(left + width))
    return (across & (y >= _each(top)) & (y <= _each(top + height))).float()


def _side(n: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """All beyond a line, for half of them upright or level: then a fifth to three quarters."""
    quarter = (n[:, 0] * 4).floor() / 4
    angle = 2 * math.pi * torch.where(n[:, 1] < 0.5, quarter, n[:, 0])
    along = (x - 0.5) * _each(angle.cos()) + (y - 0.5) * _each(angle.sin())
    return (along >= _each(0.3 - 0.55 * n[:, 2])).float()


def _strokes(n: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """One line of a thick pen through a few points."""
    points = n[:, : 2 * (STROKES + 1)].reshape(len(n), STROKES + 1, 2)
    pen = 0.06 + 0.1 * n[:, 2 * (STROKES + 1)]
    distances = [_distance(points[:, i], points[:, i + 1], x, y) for i in range(STROKES)]
    return (torch.stack(distances).amin(0) <= _each(pen)).float()


def _distance(first: Tensor, second: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """From every place to a stretch between two points, (B, S, S)."""
    way = second - first
    across, down = x - _each(first[:, 0]), y - _each(first[:, 1])
    length = (way**2).sum(1).clamp(min=1e-9)
    share = (across * _each(way[:, 0]) + down * _each(way[:, 1])) / _each(length)
    share = share.clamp(0, 1)
    return torch.hypot(across - share * _each(way[:, 0]), down - share * _each(way[:, 1]))


def _each(values: Tensor) -> Tensor:
    return values[:, None, None]
