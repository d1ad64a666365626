"""Models that are shown a mask and the rest of the picture beside the noisy latent."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any

import torch

from limner.engine.asks import Ask, Denoise, Look, Sight
from limner.errors import UsageError
from limner.models.inpainting import channels_beside
from limner.pipeline.canvas import Canvas, canvas_of
from limner.pipeline.model import Model
from limner.pipeline.plan import Feature, Moment, Plan, given
from limner.pipeline.request import Request
from limner.types import Latent


def complete(request: Request, model: Model) -> Request:
    return request


def planned(request: Request, model: Model) -> Feature | None:
    """What an inpainting model is shown; None for a model that takes the latent alone.

    UsageError for one that takes something else.
    """
    autoencoder, takes = model.parts.autoencoder, model.parts.denoiser.config.in_channels
    if autoencoder is None or takes == autoencoder.config.latent_channels:
        return None
    channels = autoencoder.config.latent_channels
    wanted = channels + channels_beside(channels)
    if takes != wanted:
        raise UsageError(
            f"this model takes {takes} channels: {channels} (from words) or {wanted} (inpainting) "
            "can be painted with"
        )
    canvas = canvas_of(request, model.sampling.size, model.multiple)
    return Inpaint(canvas=canvas, size=given(request.size), channels=model.channels)


@dataclass(frozen=True, kw_only=True, eq=False)
class Inpaint(Feature):
    """A mask and what it leaves; all is masked where there is no picture or no mask."""

    canvas: Canvas | None
    size: tuple[int, int]
    channels: int

    def begin(self, plan: Plan) -> Generator[Ask, Any, tuple[Plan, Feature]]:
        width, height = self.size
        pixels, mask = torch.zeros(1, self.channels, height, width), None
        if self.canvas is not None and (mask := self.canvas.mask_at(self.size)) is not None:
            pixels = self.canvas.pixels(self.channels)
        if mask is None:
            mask = torch.ones(1, 1, height, width)
        seen = yield Look(sight=Sight.MASKED, pixels=pixels, mask=mask)
        return plan, Inpainting(beside=seen)


@dataclass(frozen=True, kw_only=True, eq=False)
class Inpainting(Feature):
    """beside: (1, K, h, w), shown to the denoiser beside x."""

    beside: Latent

    def asking(self, ask: Denoise, moment: Moment) -> Denoise:
        return replace(ask, shown=self.beside)
