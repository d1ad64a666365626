"""The recipe of restyling: a content branch, a style encoder and a LoRA for a trained painter.

The branch alone, through a U-Net that stays wholly as it is, hands on little more than outlines:
low-rank updates of the U-Net (LoRA, Hu et al. 2021) are learned along, which are on it where it
restyles and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from limner.checkpoints import ModelFolder, load_folder
from limner.data.cells import Cells
from limner.data.records import PictureSet
from limner.diffusion.times import LogitNormalTimes, TimeSampling
from limner.errors import TrainingError
from limner.models.content import ContentConfig, ContentEncoder
from limner.models.style import StyleConfig, StyleEncoder
from limner.models.unet import UNet
from limner.training.loop import LoopConfig
from limner.training.objectives import Objective
from limner.training.objectives.conditions import TextCondition
from limner.training.objectives.denoising import DenoisingObjective
from limner.training.objectives.restyling import BranchedUNet, RestylingCondition, Shares
from limner.training.recipes.autoencoder import normalised_latents
from limner.training.recipes.base import Source, unseen
from limner.training.recipes.conditions import ByText
from limner.training.sampling import paint
from limner.training.sheet import Sheet
from limner.training.tunings import LoraTuning

SHOWN = 8
LORA = "restyle.safetensors"


@dataclass(frozen=True, kw_only=True)
class RestyleRecipe:
    """Content branch, style encoder and LoRA of a model folder with a U-Net, which stays as it is.

    shares: how often an item is told what. tuning: which weights of the U-Net get an update. All
    concepts in two styles or more are learned from, whether the model knows them or not. A branch
    and a style encoder that the folder has already are gone on from.
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
        content, style = self._branches(data, model, text)
        parts = load_folder(model.path)
        updates = self.tuning.attach(parts)
        assert isinstance(parts.denoiser, UNet)
        return DenoisingObjective(
            BranchedUNet(parts.denoiser, content),
            normalised_latents(data, model),
            RestylingCondition(
                data,
                text.encode,
                style,
                known=() if words is None else words.concepts,
                shares=self.shares,
            ),
            process=process,
            prediction=prediction,
            times=self.times,
            trained={"style_encoder": style, **updates},
        )

    def save(self, objective: Objective, data: PictureSet, model: ModelFolder) -> None:
        branched = objective.modules["denoiser"]
        assert isinstance(branched, BranchedUNet)
        model.save(branched.content_encoder)
        model.save(objective.modules["style_encoder"])
        updates = {"lora": objective.modules["lora"]}
        self.tuning.save(load_folder(model.path), updates, model.path / LORA)
        model.add_lora(LORA)

    @torch.no_grad()
    def sheet(self, objective: Objective, data: PictureSet, model: ModelFolder) -> Sheet:
        """Contents; under them held-out pictures by word, by another picture, and as they are."""
        assert isinstance(objective, DenoisingObjective)
        condition, autoencoder = objective.condition, model.load("vae")
        assert isinstance(condition, RestylingCondition)
        cells = Cells(condition.data.records)
        shown = unseen(data).select(lambda record: bool(cells.others(record)))
        places = range(0, len(shown), max(1, len(shown) // SHOWN))[:SHOWN]
        records = [shown.records[place] for place in places]
        content = condition.data.to_float([cells.others(record)[0] for record in records])
        examples = condition.data.to_float([cells.mates(record)[0] for record in records])
        sampling = model.load_settings()[2]
        empty = condition.text([""] * len(records))
        rows = [content]
        for by_picture in (False, True):
            seen = torch.full((len(records),), by_picture)
            style = condition.style([record.style for record in records], examples, seen)
            told, untold = (condition.of(content, style, text) for text in (style, empty))
            latents = paint(objective, sampling, told, untold, range(len(records)))
            rows.append(autoencoder.decode(autoencoder.space.restore(latents)))
        return Sheet(pictures=torch.cat([*rows, shown.to_float(places)]), columns=len(records))

    def _branches(
        self, data: PictureSet, model: ModelFolder, text: TextCondition
    ) -> tuple[ContentEncoder, StyleEncoder]:
        """Those that the folder has; else new ones of the sizes that it asks for."""
        if model.has("content_encoder") and model.has("style_encoder"):
            content, style = model.load("content_encoder"), model.load("style_encoder")
            return content.train().requires_grad_(True), style.train().requires_grad_(True)
        channels, unet = data.pictures.shape[1], model.config("unet")
        stride = model.config("vae").space.stride
        config = ContentConfig.of(unet, picture_channels=channels, stride=stride)
        style = StyleEncoder(
            StyleConfig(picture_channels=channels, context_width=config.context_width)
        )
        empty = text.of([""])
        style.begin_at(_attended(empty["context"], empty["mask"]))
        return ContentEncoder(config), style


def _attended(context: Tensor | None, mask: Tensor | None) -> Tensor:
    """The tokens (n, D) of one caption that may be attended to."""
    assert context is not None
    return context[0] if mask is None else context[0][mask[0]]
