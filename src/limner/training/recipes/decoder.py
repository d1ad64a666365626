"""The recipe of a better decoder: a trained model's goes on, and its latents stay the same.

The denoiser, and all that was trained on it, goes on working. Stable Diffusion's decoder
was improved in the same way. The denoiser's latents are never quite those that the encoder makes;
so the decoder sees both, and learns what picture was meant.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float
from torch import Tensor

from limner.checkpoints import ModelFolder
from limner.data.cache import ALL, Chunk, batches, cached, weights_fingerprint
from limner.data.captions import canonical
from limner.data.latents import LATENTS, pictures_fingerprint
from limner.data.records import PictureSet
from limner.diffusion.times import UniformTimes
from limner.training.loop import LoopConfig
from limner.training.objectives import Objective
from limner.training.objectives.conditions import TextCondition
from limner.training.objectives.decoding import DecoderObjective
from limner.training.objectives.denoising import DenoisingObjective
from limner.training.recipes.autoencoder import (
    autoencoder_of,
    normalised_latents,
    reconstructions,
)
from limner.training.recipes.base import Source, trained_denoiser, within
from limner.training.recipes.conditions import ByText
from limner.training.sampling import paint
from limner.training.sheet import Sheet

PAINTED = "painted"  # the folder beside the model
BATCH = 48


@dataclass(frozen=True, kw_only=True)
class DecoderRecipe:
    """The decoder of a model folder, on the latents of all pictures and on painted ones.

    copies: how often each picture of the model's own concepts is painted, steps: in how many; that
        is done once, before the first step of the training, and kept beside the model.
    spread: deviation of the noise on all latents.
    """

    source: Source
    loop: LoopConfig
    copies: int = 4
    steps: int = 8
    spread: float = 0.05
    told: ByText = field(default_factory=lambda: ByText(train=False, dropout=0.0))

    @property
    def needs(self) -> tuple[str, ...]:
        return ("vae", "scheduler", *self.told.needs)

    def choose(self, data: PictureSet) -> PictureSet:
        return data.seen

    def objective(self, data: PictureSet, model: ModelFolder) -> DecoderObjective:
        single = normalised_latents(data, model)
        asked = within(data, model.load_settings()[3]).records * self.copies
        painted = self.painted(replace(data, records=asked), single[:1], model)
        place = {record: number for number, record in enumerate(data.records)}
        autoencoder = model.load("vae").train()
        autoencoder.requires_grad_(False)
        autoencoder.decoder.requires_grad_(True)
        autoencoder.post_quant_conv.requires_grad_(True)
        return DecoderObjective(
            autoencoder,
            torch.cat([single, painted]),
            data,
            [*range(len(data)), *(place[record] for record in asked)],
            spread=self.spread,
        )

    def save(self, objective: Objective, data: PictureSet, model: ModelFolder) -> None:
        model.save(autoencoder_of(objective))

    @torch.no_grad()
    def sheet(self, objective: Objective, data: PictureSet, model: ModelFolder) -> Sheet:
        return reconstructions(autoencoder_of(objective), data)

    def painted(
        self, asked: PictureSet, like: Float[Tensor, "K C h w"], model: ModelFolder
    ) -> Float[Tensor, "N C h w"]:
        """What the model paints for each record, seeds 0, 1, ..., from the disk if it is there."""
        process, prediction, sampling, _ = model.load_settings()
        condition, _ = self.told.condition(asked, model)
        assert isinstance(condition, TextCondition)
        painter = DenoisingObjective(  # that `paint` asks; its loss, and so its times, are not used
            trained_denoiser(model).eval(),
            like,
            condition,
            process=process,
            prediction=prediction,
            times=UniformTimes(),
        )
        few = replace(sampling, steps=self.steps)
        origin = {
            "denoiser's weights": weights_fingerprint(painter.denoiser),
            "text tower's weights": weights_fingerprint(model.load("text_encoder")),
            "pictures": pictures_fingerprint(asked),
            "sampling": str(few),
        }

        def chunks() -> Iterator[Chunk]:
            for span in batches(len(asked), BATCH):
                said = condition.of([canonical(asked.records[index]) for index in span])
                empty = condition.of([""] * len(span))
                yield {LATENTS: paint(painter, few, said, empty, span)}

        return cached(model.path.parent / PAINTED, origin, lambda: {ALL: chunks()})[LATENTS]
