"""The denoiser's recipe: a U-Net or DiT, on latents or pixels, told of captions, classes or not."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from limner.checkpoints import ModelFolder, Sampling
from limner.checkpoints.families import denoiser_of
from limner.data.records import PictureSet
from limner.diffusion.prediction import prediction_named
from limner.diffusion.process import Process
from limner.diffusion.times import TimeSampling
from limner.errors import TrainingError
from limner.models.dit import DiTConfig
from limner.models.unet import UNetConfig
from limner.training.loop import LoopConfig
from limner.training.objectives import Objective
from limner.training.objectives.denoising import DenoisingObjective
from limner.training.objectives.weights import LossWeight, even
from limner.training.recipes.autoencoder import normalised_latents
from limner.training.recipes.base import Source, everyday_subset
from limner.training.recipes.conditions import ConditionRecipe
from limner.training.sampling import paint
from limner.training.sheet import Sheet


@dataclass(frozen=True, kw_only=True)
class DenoiserRecipe:
    """A U-Net or DiT with what it is told of a picture.

    pixels: it works on the pictures themselves; else on the latents of the model folder's
    autoencoder. sampling: how it paints. weight: how much each noise level counts.
    """

    source: Source
    loop: LoopConfig
    config: UNetConfig | DiTConfig
    sampling: Sampling
    process: Process
    prediction: str
    times: TimeSampling
    told: ConditionRecipe
    weight: LossWeight = even
    pixels: bool = False
    concepts: int | None = None

    @property
    def needs(self) -> tuple[str, ...]:
        return (*(() if self.pixels else ("vae",)), *self.told.needs)

    def choose(self, data: PictureSet) -> PictureSet:
        return everyday_subset(data, self.concepts).seen

    def objective(self, data: PictureSet, model: ModelFolder) -> DenoisingObjective:
        self._check_text(model)
        condition, trained = self.told.condition(data, model)
        return DenoisingObjective(
            denoiser_of(self.config),
            self._latents(data, model),
            condition,
            process=self.process,
            prediction=prediction_named(self.prediction, self.process),
            times=self.times,
            weight=self.weight,
            trained=trained,
        )

    def save(self, objective: Objective, data: PictureSet, model: ModelFolder) -> None:
        for module in objective.modules.values():
            model.save(module)
        # Parts of the folder gone on from that have no place beside what was trained.
        model.remove("unet" if isinstance(self.config, DiTConfig) else "transformer")
        if self.pixels:
            model.remove("vae")
        model.save_settings(self.process, self.prediction, self.sampling, self.told.words(data))

    def sheet(self, objective: Objective, data: PictureSet, model: ModelFolder) -> Sheet:
        """One picture of each of the first concepts, seeds 0, 1, ..."""
        assert isinstance(objective, DenoisingObjective)
        asked = self.told.examples(objective.condition, self.choose(data))
        latents = paint(objective, self.sampling, asked.told, asked.untold, range(asked.count))
        return Sheet(pictures=self._decoded(latents, model), labels=asked.labels, columns=5)

    def _latents(self, data: PictureSet, model: ModelFolder) -> Tensor:
        if self.pixels:
            return self._pixels(data)
        return normalised_latents(data, model)

    def _pixels(self, data: PictureSet) -> Tensor:
        channels, takes = data.pictures.shape[1], self.config.in_channels
        if channels != takes:
            raise TrainingError(
                f"the pictures have {channels} channels; this denoiser takes {takes}"
            )
        return data.to_float(range(len(data)))

    def _check_text(self, model: ModelFolder) -> None:
        takes = self.config.context_width
        width = None if takes is None else model.config("text_encoder").width
        if width != takes:
            raise TrainingError(
                f"the text encoder's tokens have width {width}; this denoiser takes {takes}"
            )

    @torch.no_grad()
    def _decoded(self, latents: Tensor, model: ModelFolder) -> Tensor:
        if self.pixels:
            return latents
        autoencoder = model.load("vae")
        return autoencoder.decode(autoencoder.space.restore(latents))
