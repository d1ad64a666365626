"""The recipe of widening: a trained painter goes on, and sees other concepts beside its own.

A painter of few concepts knows each of their pictures nearly by heart; what a style is, in which
no picture of a concept was seen, it learns better from the pictures of many more.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch

from limner.checkpoints import ModelFolder, Words
from limner.data.records import PictureSet
from limner.diffusion.times import LogitNormalTimes, TimeSampling
from limner.training.loop import LoopConfig
from limner.training.objectives import Objective
from limner.training.objectives.denoising import DenoisingObjective
from limner.training.recipes.autoencoder import own_latents
from limner.training.recipes.base import Source, trained_denoiser, within
from limner.training.recipes.conditions import ByText
from limner.training.sheet import Sheet


@dataclass(frozen=True, kw_only=True)
class WideningRecipe:
    """A text-conditional denoiser of a model folder and its text tower, on the whole set.

    repeats: how often a picture of the folder's own concepts is seen for one of the others.
    Process, prediction, sampling and concepts are those of the model folder.
    """

    source: Source
    loop: LoopConfig
    times: TimeSampling = field(default_factory=lambda: LogitNormalTimes(shift=1.5))
    repeats: int = 3
    told: ByText = field(default_factory=ByText)

    @property
    def needs(self) -> tuple[str, ...]:
        return ("vae", "scheduler", *self.told.needs)

    def choose(self, data: PictureSet) -> PictureSet:
        return data.seen

    def objective(self, data: PictureSet, model: ModelFolder) -> DenoisingObjective:
        process, prediction, _, words = model.load_settings()
        order = repeated(data, words, self.repeats)
        shown = replace(data, records=tuple(data.records[place] for place in order))
        condition, trained = self.told.condition(shown, model)
        return DenoisingObjective(
            trained_denoiser(model).train().requires_grad_(True),
            own_latents(data, model)[torch.tensor(order)],
            condition,
            process=process,
            prediction=prediction,
            times=self.times,
            trained=trained,
        )

    def save(self, objective: Objective, data: PictureSet, model: ModelFolder) -> None:
        for module in objective.modules.values():
            model.save(module)

    def sheet(self, objective: Objective, data: PictureSet, model: ModelFolder) -> Sheet | None:
        return None


def repeated(data: PictureSet, words: Words | None, times: int) -> list[int]:
    """The places of all records, those of the concepts that a model knows `times` over."""
    own = {*within(data, words).concepts}
    return [
        place
        for place, record in enumerate(data.records)
        for _ in range(times if record.concept in own else 1)
    ]
