"""Holding the denoised picture to the range that pictures have, as some models are sampled."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from limner.diffusion.process import per_picture
from limner.errors import UsageError
from limner.types import Latent


@dataclass(frozen=True, kw_only=True)
class Hold:
    """Clipping to [-limit, limit] (DDPM, section 3.3), or dynamic thresholding.

    quantile: of each picture's absolute values, at least 1 and at most `limit`; what is beyond is
    clipped to it, and it becomes 1 (Saharia et al. 2022, section 2.3). None: `limit` itself, and
    nothing is scaled. Raises UsageError for numbers that hold nothing.
    """

    limit: float
    quantile: float | None = None

    def __post_init__(self) -> None:
        if not self.limit > 0:
            raise UsageError(f"a denoised picture cannot be held to {self.limit}: above 0 is right")
        if self.quantile is not None and not 0 <= self.quantile <= 1:
            raise UsageError(f"quantile {self.quantile} is none: it lies from 0 to 1")

    def __call__(self, denoised: Latent) -> Latent:
        if self.quantile is None:
            return denoised.clamp(-self.limit, self.limit)
        sizes = denoised.float().flatten(1).abs()
        most = torch.quantile(sizes, self.quantile, dim=1).clamp(min=1.0).clamp(max=self.limit)
        bound = per_picture(most, denoised)
        return denoised.clamp(-bound, bound) / bound
