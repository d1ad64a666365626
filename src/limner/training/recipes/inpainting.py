"""The recipe of inpainting: a trained painter learns to go on from what a mask leaves."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from limner.checkpoints import ModelFolder
from limner.data.holes import NUMBERS, holes
from limner.data.records import PictureSet
from limner.diffusion.prediction import name_of
from limner.diffusion.times import LogitNormalTimes, TimeSampling
from limner.errors import TrainingError
from limner.models.autoencoder import Autoencoder
from limner.models.inpainting import mask_and_rest, widened
from limner.models.unet import UNet
from limner.training.draws import Draws
from limner.training.loop import LoopConfig
from limner.training.objectives import Objective
from limner.training.objectives.denoising import DenoisingObjective
from limner.training.recipes.autoencoder import own_latents
from limner.training.recipes.base import Source, trained_denoiser, within
from limner.training.recipes.conditions import ByText
from limner.training.sheet import Sheet


@dataclass(frozen=True, kw_only=True)
class InpaintingRecipe:
    """The U-Net of a model folder, widened to take a random mask and the picture that it leaves.

    Process, prediction, sampling and concepts are those of the model folder; its autoencoder and
    text tower stay as they are.
    """

    source: Source
    loop: LoopConfig
    times: TimeSampling = field(default_factory=lambda: LogitNormalTimes(shift=1.5))
    told: ByText = field(default_factory=lambda: ByText(train=False))

    @property
    def needs(self) -> tuple[str, ...]:
        return ("vae", "unet", "scheduler", *self.told.needs)

    def choose(self, data: PictureSet) -> PictureSet:
        return data.seen

    def objective(self, data: PictureSet, model: ModelFolder) -> DenoisingObjective:
        process, prediction, _, words = model.load_settings()
        data = within(data, words)
        condition, _ = self.told.condition(data, model)
        unet = trained_denoiser(model)
        if not isinstance(unet, UNet):
            raise TrainingError("a transformer cannot be widened for inpainting: a U-Net can")
        return DenoisingObjective(
            widened(unet).train().requires_grad_(True),
            own_latents(data, model),
            condition,
            process=process,
            prediction=prediction,
            times=self.times,
            beside=Beside(model.load("vae"), data),
        )

    def save(self, objective: Objective, data: PictureSet, model: ModelFolder) -> None:
        process, prediction, sampling, words = model.load_settings()
        model.save(objective.modules["denoiser"])
        model.save_settings(process, name_of(prediction), sampling, words)

    def sheet(self, objective: Objective, data: PictureSet, model: ModelFolder) -> Sheet | None:
        return None


class Beside:
    """What the denoiser is shown of each picture: a mask by chance, and the latent of the rest."""

    def __init__(self, autoencoder: Autoencoder, pictures: PictureSet) -> None:
        self.autoencoder = autoencoder
        self.pictures = pictures

    @torch.no_grad()
    def __call__(self, indices: Tensor, draws: Draws) -> Float[Tensor, "B K h w"]:
        device = next(self.autoencoder.parameters()).device
        masks = holes(draws.uniform(NUMBERS), self.pictures.size).to(device)
        pixels = self.pictures.to_float(indices.tolist()).to(device)
        return mask_and_rest(self.autoencoder, pixels, masks)
