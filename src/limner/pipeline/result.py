"""What painting gives: pictures, all that paints them again, and how long it took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from jaxtyping import Float
from PIL import Image
from torch import Tensor

from limner.errors import UsageError
from limner.explain.heatmaps import AttentionMaps
from limner.explain.laid import LaidMaps
from limner.pipeline.request import Request
from limner.types import Latent

PLAIN = "eager fp32"
"""What every model runs on that is not told otherwise; its pictures do not say it."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """Pictures, and all that is needed to paint them again.

    images: one PIL picture a seed, RGBA or RGB as the model paints.
    latents: (count, C, h, w), what the decoder was given.
    attention: what the denoiser looked at, where the request asked for it.
    request: what was asked, every default filled in. timings: stage -> seconds.
    engine: what ran the denoiser, and the dtype of its weights, as "eager fp32".
    """

    images: list[Image.Image]
    latents: Latent
    request: Request
    seeds: tuple[int, ...]
    timings: dict[str, float]
    warnings: tuple[str, ...] = ()
    attention: AttentionMaps | LaidMaps | None = None
    engine: str = PLAIN

    def heatmap(self, words: str, **where: Any) -> Float[Tensor, "h w"]:
        """How much each place of the latent looks at some words: see `AttentionMaps.heatmap`.

        Raises UsageError where the request did not ask for `attention`.
        """
        if self.attention is None:
            raise UsageError('nothing was recorded: attention="mean" in the request is right')
        return self.attention.heatmap(words, **where)


@dataclass
class Clock:
    """Seconds spent in named stages, each entered once; or lap by lap, where stages take turns."""

    seconds: dict[str, float] = field(default_factory=dict)
    _last: float = field(default_factory=time.perf_counter, repr=False)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = time.perf_counter() - began

    def lap(self, name: str) -> None:
        """Add to a stage what has passed since the last lap, or since the clock was made."""
        now = time.perf_counter()
        self.seconds[name] = self.seconds.get(name, 0.0) + now - self._last
        self._last = now
