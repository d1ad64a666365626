"""The recipe of a U-Net that finds the thing in a picture."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from limner.checkpoints import ModelFolder
from limner.data.records import PictureSet
from limner.models.unet import UNet, UNetConfig
from limner.training.draws import Draws
from limner.training.loop import LoopConfig
from limner.training.objectives import Objective
from limner.training.objectives.masking import GRAIN, MaskObjective, mask_logits, on_grounds
from limner.training.recipes.base import Source, unseen
from limner.training.sheet import Sheet

SHOWN = 8


@dataclass(frozen=True, kw_only=True)
class MaskRecipe:
    """A U-Net from picture to mask, learned from pictures with transparency on made grounds."""

    source: Source
    loop: LoopConfig
    config: UNetConfig
    needs: tuple[str, ...] = ()

    def choose(self, data: PictureSet) -> PictureSet:
        return data.seen

    def objective(self, data: PictureSet, model: ModelFolder) -> MaskObjective:
        return MaskObjective(UNet(self.config), data)

    def save(self, objective: Objective, data: PictureSet, model: ModelFolder) -> None:
        model.save(objective.modules["unet"])

    @torch.no_grad()
    def sheet(self, objective: Objective, data: PictureSet, model: ModelFolder) -> Sheet:
        """Pictures that it has not seen; under them the mask that it finds, and the true one."""
        unet = objective.modules["unet"]
        assert isinstance(unet, UNet)
        shown = unseen(data)
        places = range(0, len(shown), max(1, len(shown) // SHOWN))[:SHOWN]
        colours = Draws(0, range(len(places))).uniform(3, GRAIN, GRAIN)
        scene, opacity = on_grounds(shown.to_float(places), colours)
        scene = scene.to(next(unet.parameters()).device)
        found = torch.sigmoid(mask_logits(unet, scene)).cpu()
        masks = [(mask * 2 - 1).expand_as(scene) for mask in (found, opacity)]
        return Sheet(pictures=torch.cat([scene.cpu(), *masks]), columns=len(places))
