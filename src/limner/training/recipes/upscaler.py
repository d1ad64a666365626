"""The recipe of a super-resolution denoiser."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from limner.checkpoints import ModelFolder, Sampling
from limner.data.records import PictureSet
from limner.diffusion.noise import Noise
from limner.diffusion.prediction import prediction_named
from limner.diffusion.process import Process
from limner.diffusion.sample import denoise_with, drive, last
from limner.diffusion.schedules import levels
from limner.diffusion.solvers import solver_named
from limner.diffusion.times import TimeSampling
from limner.models.upscaler import Upscaler, UpscalerConfig
from limner.training.draws import Draws
from limner.training.loop import LoopConfig
from limner.training.objectives import Objective
from limner.training.objectives.upscaling import Examples, Patches, UpscalingObjective, examples
from limner.training.recipes.base import Source, one_of_each, unseen
from limner.training.sheet import Sheet

SHOWN = 8


@dataclass(frozen=True, kw_only=True)
class UpscalerRecipe:
    """An upscaler on patches of all pictures that are not held out. sampling: how it upscales."""

    source: Source
    loop: LoopConfig
    config: UpscalerConfig
    patches: Patches
    sampling: Sampling
    process: Process
    prediction: str
    times: TimeSampling
    needs: tuple[str, ...] = ()

    def choose(self, data: PictureSet) -> PictureSet:
        return data.seen

    def objective(self, data: PictureSet, model: ModelFolder) -> UpscalingObjective:
        return UpscalingObjective(
            Upscaler(self.config),
            data,
            patches=self.patches,
            process=self.process,
            prediction=prediction_named(self.prediction, self.process),
            times=self.times,
        )

    def save(self, objective: Objective, data: PictureSet, model: ModelFolder) -> None:
        model.save(objective.modules["upscaler"])
        model.save_settings(self.process, self.prediction, self.sampling, None)

    @torch.no_grad()
    def sheet(self, objective: Objective, data: PictureSet, model: ModelFolder) -> Sheet:
        """Patches that it has not seen: enlarged, as it upscales them, and as they were."""
        assert isinstance(objective, UpscalingObjective)
        shown = unseen(data)
        places = torch.tensor(one_of_each(shown, SHOWN))
        asked = examples(shown, places, self.patches, Draws(0, range(len(places))))
        upscaled = self._upscaled(objective, asked)
        rows = torch.cat([asked.enlarged, upscaled, asked.high])
        return Sheet(pictures=rows, columns=len(places))

    def _upscaled(self, objective: UpscalingObjective, asked: Examples) -> Tensor:
        device = next(objective.model.parameters()).device
        enlarged, level = asked.enlarged.to(device), asked.level.to(device)

        def call(x: Tensor, t: Tensor) -> Tensor:
            return objective.model(x, t, enlarged, level).float()

        denoise = denoise_with(call, objective.process, objective.prediction)
        _, channels, height, width = enlarged.shape
        noise = Noise(range(len(enlarged)), (channels, height, width))
        visited = levels(objective.process, self.sampling.steps, self.sampling.schedule)
        x = visited[0].add_noise(torch.zeros_like(enlarged), noise.start().to(device))
        residual = last(drive(solver_named(self.sampling.solver)(x, visited, noise), denoise))
        return (enlarged + residual * self.config.residual_scale).cpu()
