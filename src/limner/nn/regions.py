"""Cross-attention in parts: each part of a picture looks at its own part of the text alone.

Source: the layouts of Bar-Tal et al. 2023 ("MultiDiffusion", section 4.2), by masks of attention
within one call of the denoiser in place of a call for each region, so that what is painted in one
part still meets the others in self-attention and convolutions.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import lru_cache, partial

import torch
from jaxtyping import Bool
from torch import Tensor, nn

from limner.errors import UsageError
from limner.nn.attention import Attend, attending, cross_attention

Size = tuple[int, int]
"""(h, w) of the latent."""


def parted(
    denoiser: nn.Module, parts: int, *, upright: bool, size: Size
) -> AbstractContextManager[None]:
    """Inside the block the picture is cut into equal parts, and so are the tokens of its texts.

    The first part of the picture looks at the first part of the tokens, and so on. upright: the
    parts lie one above the other, the first on top; else beside each other, the first on the left.
    """
    return attending(
        {
            module: partial(_within, module.attend, parts, upright, size)
            for module in cross_attention(denoiser).values()
        }
    )


@lru_cache(maxsize=64)  # asked for in every layer at every step
def visible(
    places: int, tokens: int, parts: int, *, upright: bool, size: Size
) -> Bool[Tensor, "N L"]:
    """Which tokens each place of a map, row by row, may look at."""
    if tokens % parts:
        raise UsageError(f"{tokens} tokens do not divide into {parts} texts of one length")
    rows, columns = grid_of(places, size)
    place = torch.arange(places)
    along, length = (place // columns, rows) if upright else (place % columns, columns)
    part_of_place = along * parts // length
    part_of_token = torch.arange(tokens) * parts // tokens
    return part_of_place[:, None] == part_of_token[None]


def grid_of(places: int, size: Size) -> tuple[int, int]:
    """Rows and columns of a map of so many places on a latent of (h, w), halved or in patches."""
    height, width = size
    for step in range(1, max(size) + 1):
        rows, columns = -(-height // step), -(-width // step)
        if rows * columns == places:
            return rows, columns
    raise UsageError(f"{places} places are no grid over a latent of {height}x{width}")


def _within(
    attend: Attend,
    parts: int,
    upright: bool,
    size: Size,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    heads: int,
    mask: Tensor | None,
) -> Tensor:
    own = visible(q.shape[1], k.shape[1], parts, upright=upright, size=size).to(q.device)
    return attend(q, k, v, heads, own[None, None] if mask is None else own & mask)
