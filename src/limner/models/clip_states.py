"""What the towers of CLIP make of texts and pictures."""

from __future__ import annotations

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor


class TextStates(NamedTuple):
    """What a text tower makes of token ids.

    hidden: X_0 ... X_N, each (B, L, D): the embeddings and each layer's output (eq. 46-47).
    last: (B, L, D), the last layer's output after the final LayerNorm (eq. 48, 59).
    pooled: (B, D), `last` at the first EOS. projected: (B, P), or None without a projection.
    """

    hidden: tuple[Float[Tensor, "B L D"], ...]
    last: Float[Tensor, "B L D"]
    pooled: Float[Tensor, "B D"]
    projected: Float[Tensor, "B P"] | None = None


class VisionStates(NamedTuple):
    """What an image tower makes of pictures.

    hidden: each layer's input and the last one's output, (B, 1 + N, D): class token, then patches;
    of a ResNet each level's places. last: hidden[-1]. pooled: (B, D), the class token after the
    last LayerNorm, or what attention pools. projected: (B, P).
    """

    hidden: tuple[Float[Tensor, "B N D"], ...]
    last: Float[Tensor, "B N D"]
    pooled: Float[Tensor, "B D"]
    projected: Float[Tensor, "B P"]
