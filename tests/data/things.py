"""A picture set of plain shapes, of which everything can be recomputed from their pixels."""

from __future__ import annotations

import torch
from torch import Tensor

from limner.data.records import PictureSet, Record

SIZE = 64
BODIES = {  # straight colours, each of another basic colour
    "disc": (0.85, 0.16, 0.13),
    "square": (0.2, 0.45, 0.9),
    "tower": (0.24, 0.67, 0.28),
    "plate": (0.98, 0.84, 0.2),
    "diamond": (0.5, 0.26, 0.74),
}


def shape(name: str, inset: float) -> Tensor:
    """Opacity of a shape within its square, with a margin."""
    line = (torch.arange(SIZE) + 0.5) / SIZE * 2 - 1
    y, x = torch.meshgrid(line, line, indexing="ij")
    reach = 1 - inset
    inside = {
        "disc": x.hypot(y) < reach,
        "square": torch.maximum(x.abs(), y.abs()) < reach,
        "tower": (x.abs() < 0.5 * reach) & (y.abs() < reach),
        "plate": (x.abs() < reach) & (y.abs() < 0.4 * reach),
        "diamond": x.abs() + y.abs() < reach,
    }
    return inside[name].float()


def things() -> PictureSet:
    """Five shapes in two styles; those of the second are smaller within their square."""
    pictures, records = [], []
    for inset, style in ((0.05, "wide"), (0.25, "narrow")):
        for name, body in BODIES.items():
            opacity = shape(name, inset)
            colour = torch.tensor(body)[:, None, None] * opacity
            picture = (torch.cat([colour, opacity[None]]) * 255).round().to(torch.uint8)
            records.append(
                Record(picture=len(pictures), concept=name, style=style, group="objects")
            )
            pictures.append(picture)
    return PictureSet(pictures=torch.stack(pictures), records=tuple(records))
