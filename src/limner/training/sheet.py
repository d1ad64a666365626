"""What a training has to show at its end: pictures in rows, for whoever can draw them."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Sheet:
    """Pictures (N, C, H, W) in model pixels, row by row in so many columns.

    labels: one for each picture, or None. scale: whole enlargement.
    """

    pictures: Float[Tensor, "N C H W"]
    columns: int
    labels: tuple[str, ...] | None = None
    scale: int = 2
