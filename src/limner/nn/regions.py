"""Cross-attention in parts: each part of a picture looks at its own part of the text alone.

Source: the layouts of Bar-Tal et al. 2023 ("MultiDiffusion", section 4.2), by masks of attention
within one call of the denoiser in place of a call for each region, so that what is painted in one
part still meets the others in self-attention and convolutions.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from limner.errors import UsageError

Size = tuple[int, int]
"""(h, w) of the latent."""


def visible_of(
    tokens: int, parts: int, *, upright: bool, size: Size, device: torch.device | None = None
) -> Bool[Tensor, "1 L h w"]:
    """Which tokens each place of a latent may look at, where the text has a part for each of its.

    The picture is cut into equal parts, and so are the tokens: the first part of the picture looks
    at the first part of the tokens, and so on. upright: the parts lie one above the other, the
    first on top; else beside each other, the first on the left.
    Raises UsageError for tokens that do not divide into the parts.
    """
    length = size[0] if upright else size[1]
    along = torch.arange(length, device=device) * parts // length
    return visible_at((along[:, None] if upright else along).expand(size), tokens, parts)


def visible_at(
    part_of_place: Int[Tensor, "h w"], tokens: int, parts: int, *, ground: bool = False
) -> Bool[Tensor, "1 L h w"]:
    """Which tokens each place of a latent may look at, by the part of the text that it has, from 0.

    ground: every place looks at the first part of the tokens as well.
    Raises UsageError for tokens that do not divide into the parts.
    """
    if tokens % parts:
        raise UsageError(f"{tokens} tokens do not divide into {parts} texts of one length")
    part_of_token = torch.arange(tokens, device=part_of_place.device) * parts // tokens
    part_of_token = part_of_token[:, None, None]
    seen = part_of_token == part_of_place
    return (seen | (part_of_token == 0) if ground else seen)[None]


def grid_of(places: int, size: Size) -> tuple[int, int]:
    """Rows and columns of a map of so many places on a latent of (h, w), halved or in patches."""
    height, width = size
    for step in range(1, max(size) + 1):
        rows, columns = -(-height // step), -(-width // step)
        if rows * columns == places:
            return rows, columns
    raise UsageError(f"{places} places are no grid over a latent of {height}x{width}")
