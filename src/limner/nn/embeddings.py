"""Embeddings of times and places by sines and cosines."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from limner.errors import RequestError
from limner.types import Times


def sinusoidal(
    values: Float[Tensor, "B"], width: int, max_period: float = 10_000.0
) -> Float[Tensor, "B D"]:
    """(cos, sin) of each value at `width / 2` frequencies (Transformer section 3.5, DDPM app. B).

    The order is cosine first and the frequencies end one step short of 1 / max_period, as Stable
    Diffusion has them. Computed in fp32.
    """
    half = width // 2
    frequencies = torch.exp(-math.log(max_period) * torch.arange(half, device=values.device) / half)
    angles = values.float()[:, None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


def sinusoidal_grid(
    height: int, width: int, channels: int, device: torch.device | None = None
) -> Float[Tensor, "N D"]:
    """2-D positions, row-major: half of the channels for the row, half for the column.

    Defined for every grid, so a model that was trained on one size can be run on another.
    """
    rows = sinusoidal(torch.arange(height, device=device).float(), channels // 2)
    columns = sinusoidal(torch.arange(width, device=device).float(), channels // 2)
    grid = torch.cat(
        [rows[:, None].expand(-1, width, -1), columns[None].expand(height, -1, -1)], dim=-1
    )
    return grid.reshape(height * width, channels)


class TimeEmbedding(nn.Module):
    """Two linear layers, on the sinusoids of t or on another vector; names as in diffusers."""

    def __init__(self, in_width: int, width: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(in_width, width)
        self.linear_2 = nn.Linear(width, width)

    def forward(self, vectors: Float[Tensor, "B S"]) -> Float[Tensor, "B D"]:
        return self.linear_2(nn.functional.silu(self.linear_1(vectors)))

    def at(self, t: Times) -> Float[Tensor, "B D"]:
        """The embedding of times, in the weights' dtype."""
        weight = self.linear_1.weight
        return self(sinusoidal(t, weight.shape[1]).to(weight.dtype))


def class_vectors(
    embedding: nn.Embedding, numbers: Float[Tensor, "B P"] | Int[Tensor, "B P"] | None, rows: int
) -> Float[Tensor, "B D"]:
    """The vectors of class numbers; None: of `rows` times "no class", which is the last row.

    numbers: (B, 1). Raises RequestError for what is no column of numbers.
    """
    weight = embedding.weight
    if numbers is None:
        return embedding(torch.full((rows,), len(weight) - 1, device=weight.device))
    if numbers.shape[1] != 1:
        raise RequestError(
            f"pooled has width {numbers.shape[1]}; this denoiser takes class numbers, (B, 1)"
        )
    return embedding(numbers[:, 0].long())
