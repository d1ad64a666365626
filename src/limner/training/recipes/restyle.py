"""The recipe of restyling: a content branch and a LoRA for a trained painter.

The branch alone, through a U-Net that stays wholly as it is, hands on little more than outlines:
low-rank updates of the U-Net (LoRA, Hu et al. 2021) are learned along, which are on it where it
restyles and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from limner.checkpoints import ModelFolder, load_folder
from limner.data.cells import Cells
from limner.data.records import PictureSet
from limner.diffusion.times import LogitNormalTimes, TimeSampling
from limner.errors import TrainingError
from limner.models.content import ContentConfig, ContentEncoder
from limner.models.unet import UNet
from limner.training.loop import LoopConfig
from limner.training.objectives import Objective
from limner.training.objectives.conditions import TextCondition
from limner.training.objectives.denoising import DenoisingObjective
from limner.training.objectives.restyling import BranchedUNet, RestylingCondition, Shares
from limner.training.recipes.autoencoder import own_latents
from limner.training.recipes.base import Source, check_no_loras, unseen
from limner.training.recipes.conditions import ByText
from limner.training.sampling import paint
from limner.training.sheet import Sheet
from limner.training.tunings import LoraTuning

SHOWN = 8
LORA = "restyle.safetensors"


@dataclass(frozen=True, kw_only=True)
class RestyleRecipe:
    """Content branch and LoRA of a model folder with a U-Net, which stays as it is.

    shares: how often an item is told what. tuning: which weights of the U-Net get an update. All
    concepts in two styles or more are learned from, whether the model knows them or not. A branch
    that the folder has already is gone on from.
    """

    source: Source
    loop: LoopConfig
    times: TimeSampling = field(default_factory=lambda: LogitNormalTimes(shift=1.5))
    shares: Shares = field(default_factory=Shares)
    told: ByText = field(default_factory=lambda: ByText(train=False))
    tuning: LoraTuning = field(default_factory=lambda: LoraTuning(rank=32, targets=("all",)))

    @property
    def needs(self) -> tuple[str, ...]:
        return ("unet", "vae", "scheduler", *self.told.needs)

    def choose(self, data: PictureSet) -> PictureSet:
        """The seen records of concepts that are seen in two styles or more."""
        seen = data.seen
        cells = Cells(seen.records)
        chosen = seen.select(lambda record: bool(record.style and cells.others(record)))
        if not len(chosen):
            raise TrainingError("restyling is learned from concepts in two styles: there are none")
        return chosen

    def objective(self, data: PictureSet, model: ModelFolder) -> DenoisingObjective:
        process, prediction, _, words = model.load_settings()
        text, _ = self.told.condition(data, model)
        assert isinstance(text, TextCondition)
        content = self._branch(data, model)
        check_no_loras(model, own=LORA)
        parts = load_folder(model.path)
        updates = self.tuning.attach(parts)
        assert isinstance(parts.denoiser, UNet)
        return DenoisingObjective(
            BranchedUNet(parts.denoiser, content),
            own_latents(data, model),
            RestylingCondition(
                data,
                text.encode,
                known=() if words is None else words.concepts,
                shares=self.shares,
            ),
            process=process,
            prediction=prediction,
            times=self.times,
            trained=updates,
        )

    def save(self, objective: Objective, data: PictureSet, model: ModelFolder) -> None:
        branched = objective.modules["denoiser"]
        assert isinstance(branched, BranchedUNet)
        model.save(branched.content_encoder)
        updates = {"lora": objective.modules["lora"]}
        self.tuning.save(load_folder(model.path), updates, model.path / LORA)
        model.add_lora(LORA)

    @torch.no_grad()
    def sheet(self, objective: Objective, data: PictureSet, model: ModelFolder) -> Sheet:
        """Contents; under them held-out pictures, restyled and as they are."""
        assert isinstance(objective, DenoisingObjective)
        condition, autoencoder = objective.condition, model.load("vae")
        assert isinstance(condition, RestylingCondition)
        cells = Cells(condition.data.records)
        shown = unseen(data).select(lambda record: bool(cells.others(record)))
        places = range(0, len(shown), max(1, len(shown) // SHOWN))[:SHOWN]
        records = [shown.records[place] for place in places]
        content = condition.data.to_float([cells.others(record)[0] for record in records])
        sampling = model.load_settings()[2]
        empty = condition.text([""] * len(records))
        style = condition.text([record.style for record in records])
        told, untold = (condition.of(content, style, text) for text in (style, empty))
        latents = paint(objective, sampling, told, untold, range(len(records)))
        restyled = autoencoder.decode(autoencoder.space.restore(latents))
        rows = torch.cat([content, restyled, shown.to_float(places)])
        return Sheet(pictures=rows, columns=len(records))

    def _branch(self, data: PictureSet, model: ModelFolder) -> ContentEncoder:
        """That of the folder; else a new one of the sizes that it asks for."""
        if model.has("content_encoder"):
            content: ContentEncoder = model.load("content_encoder")
            return content.train().requires_grad_(True)
        channels, stride = data.pictures.shape[1], model.config("vae").space.stride
        return ContentEncoder(
            ContentConfig.of(model.config("unet"), picture_channels=channels, stride=stride)
        )
