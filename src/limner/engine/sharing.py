"""Rows of a call that are alike in all but their text, as those of guidance are.

Until its text is first read, a denoiser computes the same for them. A large one is handed them
once; what it then computes is the same but for rounding.
"""

from __future__ import annotations

import torch
from torch import Tensor

from limner.engine.devices import LARGE
from limner.engine.kernels import size_of
from limner.models.dit import DiT
from limner.models.unet import UNet
from limner.nn.prepared import Prepared


def shared(denoiser: UNet | DiT, x: Tensor, t: Tensor, text: Prepared) -> tuple[Tensor, Tensor]:
    """The rows of x and t of which all others are copies, in blocks: (a, b, a, b) to (a, b)."""
    reads = bool(text.keys) and text.pooled is None  # the text, by attention alone
    if not (denoiser.shares_rows and reads and size_of(denoiser) >= LARGE):
        return x, t
    for count in range(1, len(x) // 2 + 1):
        if len(x) % count == 0 and repeats(x, count) and repeats(t, count):
            return x[:count], t[:count]
    return x, t


def repeats(x: Tensor, count: int) -> bool:
    """Whether its first rows, so many, are all that there is in it, over and over."""
    return torch.equal(x[count:], x[:-count])
