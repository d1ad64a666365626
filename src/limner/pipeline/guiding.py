"""From what a request says to one function that denoises: texts, guidance, and what is attached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from limner.checkpoints import Parts
from limner.checkpoints.conditions import with_sizes, without_negative
from limner.diffusion.guidance import Rescale, guided_batch
from limner.diffusion.process import Level
from limner.diffusion.sample import Denoise, denoise_with
from limner.pipeline.conditions import choose, takes_pooled
from limner.pipeline.encodings import joined
from limner.pipeline.layout import in_parts
from limner.pipeline.recording import Recording
from limner.pipeline.request import Request
from limner.pipeline.restyling import Restyling
from limner.pipeline.script import Scene, at_level
from limner.pipeline.swaps import Control
from limner.types import Conditioning


@dataclass(frozen=True, kw_only=True)
class Guiding:
    """How the denoiser of a model is led by a completed request.

    beside: what it is shown beside x, as an inpainting model is.
    """

    parts: Parts
    request: Request
    beside: Tensor | None = None

    def over_time(
        self,
        told: Mapping[int, Scene],
        visited: Sequence[Level],
        recording: Recording,
        restyling: Restyling,
    ) -> Denoise:
        """Guidance by what holds at each step."""
        guided = {
            scene: self.by(self._rows(scene), scene.weights, scene.swap)
            for scene in dict.fromkeys(told.values())
        }
        denoiser, request = self.parts.denoiser, self.request

        def denoise(x: Tensor, level: Level) -> Tensor:
            step, scene = at_level(told, visited, level)
            with (
                recording.of(step, scene.sides, request.count),
                in_parts(denoiser, request, scene, x),
                restyling.attached(),
            ):
                return guided[scene](x, level)

        return denoise

    def by(
        self, text: Conditioning, weights: Sequence[float] = (1.0,), swap: Control | None = None
    ) -> Denoise:
        """Guidance by one text for each picture, or by several with weights."""
        request, count = self.request, self.request.count
        assert request.guidance is not None
        prompted = torch.arange(count, (2 if swap is None else 3) * count)
        return guided_batch(
            self._with_text(text, swap),
            self._with_text(choose(text, prompted), swap),
            request.guidance,
            self.parts.sampling.interval,
            Rescale(
                amount=request.guidance_rescale,
                process=self.parts.process,
                prediction=self.parts.prediction,
            ),
            weights,
        )

    def _with_text(self, text: Conditioning, swap: Control | None) -> Denoise:
        denoiser, beside = self.parts.denoiser, self.beside
        pooled = text.pooled if takes_pooled(denoiser) else None

        def call(x: Tensor, t: Tensor) -> Tensor:
            dtype = next(denoiser.parameters()).dtype
            if beside is not None:
                x = torch.cat([x, beside.to(x).expand(len(x), -1, -1, -1)], dim=1)
            return denoiser(x.to(dtype), t, text.context, text.mask, pooled)

        denoise = denoise_with(call, self.parts.process, self.parts.prediction)
        return denoise if swap is None else swap.denoise(denoise, denoiser, self.request.count)

    def _rows(self, scene: Scene) -> Conditioning:
        """[negative, ..., first member, ..., second member, ...], `count` rows of each.

        Behind them those of the prompt that a swap edits.
        """
        negative = scene.negative
        if self.parts.sampling.zero_negative and not self.request.negative:
            negative = without_negative(negative, [0])
        original = () if scene.swap is None else (scene.swap.original,)
        each = (negative, *scene.members, *original)
        text = joined([one for one in each for _ in range(self.request.count)])
        assert self.request.size is not None
        return with_sizes(text, self.parts.denoiser, self.request.size)
