"""Values that several layers share.

Shape letters: B batch, L tokens, D width, H heads, C channels, h w latent height and width,
N image tokens, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

Latent = Float[Tensor, "B C h w"]
Context = Float[Tensor, "B L D"]
TextMask = Bool[Tensor, "B L"]
Pooled = Float[Tensor, "B P"]
Times = Float[Tensor, "B"]


@dataclass(frozen=True, kw_only=True)
class Conditioning:
    """What a text encoder hands to a denoiser.

    context: (B, L, D) one vector a token.
    mask: (B, L), True where a token may be attended to; None: all may.
    pooled: (B, P) one vector a prompt, or None.
    """

    context: Context
    mask: TextMask | None = None
    pooled: Pooled | None = None

    @classmethod
    def joined(cls, rows: Sequence[Conditioning]) -> Conditioning:
        """Conditionings of the same length and kind as one batch."""
        masks = [row.mask for row in rows if row.mask is not None]
        pooled = [row.pooled for row in rows if row.pooled is not None]
        return cls(
            context=torch.cat([row.context for row in rows]),
            mask=torch.cat(masks) if masks else None,
            pooled=torch.cat(pooled) if pooled else None,
        )


@dataclass(frozen=True, kw_only=True)
class LatentSpace:
    """The space a denoiser works in, as a value.

    normalised latent = (raw latent - shift) * scale, a number for all channels or one a channel.
    stride: pixels along one side of one latent position; 1 for a model of pixels.
    """

    channels: int
    stride: int
    scale: float | tuple[float, ...] = 1.0
    shift: float | tuple[float, ...] = 0.0

    def normalise(self, raw: Latent) -> Latent:
        return (raw - _per_channel(self.shift, raw)) * _per_channel(self.scale, raw)

    def restore(self, latent: Latent) -> Latent:
        """The inverse of `normalise`."""
        return latent / _per_channel(self.scale, latent) + _per_channel(self.shift, latent)


def _per_channel(value: float | tuple[float, ...], like: Tensor) -> Tensor:
    return torch.as_tensor(value, dtype=like.dtype, device=like.device).reshape(-1, 1, 1)
