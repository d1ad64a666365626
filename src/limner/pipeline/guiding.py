"""From what a request says to one function that denoises: texts, guidance, and what is attached."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from limner.checkpoints import Parts
from limner.checkpoints.conditions import with_sizes, without_negative
from limner.diffusion.guidance import Rescale, guided_batch
from limner.diffusion.process import Level
from limner.diffusion.sample import Denoise, denoise_with
from limner.nn.prepared import NOTHING, Beside, Prepared, choose
from limner.pipeline.conditions import takes_pooled
from limner.pipeline.encodings import joined
from limner.pipeline.layout import visible_in
from limner.pipeline.recording import Recording
from limner.pipeline.request import Request
from limner.pipeline.restyling import Restyling
from limner.pipeline.script import Scene, at_level
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

        def beside(scene: Scene, x: Tensor) -> Beside:
            swap, attend = scene.swap, recording.attend
            return Beside(
                attend=attend if swap is None else swap.attend(self.request.count, attend),
                visible=visible_in(self.request, scene, x),
                added=restyling.added(len(x)),
            )

        guided = {
            scene: self.by(
                self._rows(scene), scene.weights, scene.swap is not None, partial(beside, scene)
            )
            for scene in dict.fromkeys(told.values())
        }

        def denoise(x: Tensor, level: Level) -> Tensor:
            step, scene = at_level(told, visited, level)
            denoised = guided[scene](x, level)
            recording.keep(step, scene.sides, self.request.count)
            return denoised

        return denoise

    def by(
        self,
        text: Conditioning,
        weights: Sequence[float] = (1.0,),
        swaps: bool = False,
        beside: Callable[[Tensor], Beside] = lambda x: NOTHING,
    ) -> Denoise:
        """Guidance by one text for each picture, or by several with weights.

        swaps: the last `count` rows of the text are of the prompt that the ones before them edit.
        beside: what a call with these x is handed beside its text.
        """
        request, count, denoiser = self.request, self.request.count, self.parts.denoiser
        assert request.guidance is not None
        if not takes_pooled(denoiser):
            text = replace(text, pooled=None)
        prepared = denoiser.prepare(text)
        prompted = choose(prepared, slice(count, (3 if swaps else 2) * count))
        return guided_batch(
            self._with_text(prepared, swaps, beside),
            self._with_text(prompted, swaps, beside),
            request.guidance,
            self.parts.sampling.interval,
            Rescale(
                amount=request.guidance_rescale,
                process=self.parts.process,
                prediction=self.parts.prediction,
            ),
            weights,
        )

    def _with_text(
        self, text: Prepared, swaps: bool, beside: Callable[[Tensor], Beside]
    ) -> Denoise:
        denoiser, shown, count = self.parts.denoiser, self.beside, self.request.count

        def call(x: Tensor, t: Tensor) -> Tensor:
            dtype = next(denoiser.parameters()).dtype
            handed = beside(x)
            if shown is not None:
                x = torch.cat([x, shown.to(x).expand(len(x), -1, -1, -1)], dim=1)
            return denoiser(x.to(dtype), t, text, beside=handed)

        denoise = denoise_with(call, self.parts.process, self.parts.prediction)
        if not swaps:
            return denoise
        return lambda x, level: denoise(torch.cat([x, x[-count:]]), level)[:-count]

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
