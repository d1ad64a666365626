"""A matrix of similarities as small pictures, one a cell, for a sheet."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from limner.explain.overlay import coloured

SIZE = (64, 40)  # pixels of a tile
NUMBER_SIZE = 13


def tiles(matrix: Float[Tensor, "A B"]) -> list[list[Image.Image]]:
    """A tile a cell, with its number: dark for the matrix's least value, pale for its greatest."""
    low, high = float(matrix.min()), float(matrix.max())
    shares = ((matrix - low) / (high - low if high > low else 1)).tolist()
    return [
        [_tile(value, share) for value, share in zip(values, row, strict=True)]
        for values, row in zip(matrix.tolist(), shares, strict=True)
    ]


def _tile(value: float, share: float) -> Image.Image:
    ground = coloured(np.array([[share]]))[0, 0]
    tile = Image.new("RGB", SIZE, tuple(int(part) for part in ground))
    ink = "white" if ground.mean() < 150 else "black"
    font = ImageFont.load_default(NUMBER_SIZE)
    middle = (SIZE[0] / 2, SIZE[1] / 2)
    ImageDraw.Draw(tile).text(middle, f"{value:.2f}", ink, font, anchor="mm")
    return tile
