"""The recipe of pairs: a trained painter of single things learns to paint two, side by side.

The picture is twice as wide as those it knows and each thing is as large as ever, so what is to be
learned is which half a word is for. Two latents beside each other are the latent of a pair. The
model itself stays as it is: low-rank updates of it are trained (LoRA, Hu et al. 2021).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from limner.checkpoints import ModelFolder, load_folder
from limner.data.records import PictureSet
from limner.data.scene_words import Relation, Scene, scene_caption
from limner.data.scenes import RELATIONS, SceneConfig, Scenes
from limner.diffusion.prediction import name_of
from limner.diffusion.times import LogitNormalTimes, TimeSampling
from limner.nn.trainable import TrainableUpdates
from limner.text.encode import TextEncoder
from limner.training.loop import LoopConfig
from limner.training.objectives import Objective
from limner.training.objectives.conditions import TextCondition
from limner.training.objectives.denoising import DenoisingObjective
from limner.training.recipes.autoencoder import normalised_latents
from limner.training.recipes.base import Source, within
from limner.training.recipes.conditions import PAD, encode_unpadded
from limner.training.sheet import Sheet
from limner.training.tunings import LoraTuning

LORA = "pairs.safetensors"
FIRST_LEFT = (Relation.LEFT, Relation.AND)  # a prompt of the others is turned round before


@dataclass(frozen=True, kw_only=True)
class PairsRecipe:
    """A LoRA that lets the model of a folder paint two things beside each other.

    pool: how many pairs are drawn once, of every first thing as many. tuning: which weights get an
    update, and of what rank. Process, prediction, sampling and concepts are those of the folder.
    """

    source: Source
    loop: LoopConfig
    times: TimeSampling = field(default_factory=lambda: LogitNormalTimes(shift=1.5))
    pool: int = 24_000
    scenes: SceneConfig = field(default_factory=lambda: SceneConfig(sized=0.0))
    tuning: LoraTuning = field(
        default_factory=lambda: LoraTuning(rank=32, targets=("linear",), text=True)
    )
    dropout: float = 0.1

    @property
    def needs(self) -> tuple[str, ...]:
        return ("vae", "unet", "scheduler", "tokenizer", "text_encoder")

    def choose(self, data: PictureSet) -> PictureSet:
        return data.seen

    def objective(self, data: PictureSet, model: ModelFolder) -> DenoisingObjective:
        parts = load_folder(model.path)
        data = within(data, parts.words)
        scenes = pairs(Scenes(data, self.scenes), self.pool, self.loop.seed)
        updates = self.tuning.attach(parts)
        encoder = TextEncoder(parts.tokenizer, parts.text_encoder.train(), pad_mask=PAD)
        condition = TextCondition(
            caption=lambda index, chance: scene_caption(scenes[index], chance),
            encode=partial(encode_unpadded, encoder),
            dropout=self.dropout,
        )
        return DenoisingObjective(
            parts.denoiser.train(),
            beside_each_other(normalised_latents(data, model), data, scenes),
            condition,
            process=parts.process,
            prediction=parts.prediction,
            times=self.times,
            trained=updates,
        )

    def save(self, objective: Objective, data: PictureSet, model: ModelFolder) -> None:
        updates = objective.modules["lora"]
        assert isinstance(updates, TrainableUpdates)
        parts = load_folder(model.path)
        self.tuning.save(parts, {"lora": updates}, model.path / LORA)
        height = parts.sampling.size[1]
        sampling = replace(parts.sampling, size=(2 * height, height))
        model.save_settings(parts.process, name_of(parts.prediction), sampling, parts.words)
        model.add_lora(LORA)

    def sheet(self, objective: Objective, data: PictureSet, model: ModelFolder) -> Sheet | None:
        return None


def pairs(source: Scenes, count: int, seed: int) -> tuple[Scene, ...]:
    """So many scenes whose first thing is on the left, of every first concept as many."""
    chance = random.Random(seed)
    cells = [
        concept * len(RELATIONS) + RELATIONS.index(relation)
        for concept in range(len(source.concepts))
        for relation in FIRST_LEFT
    ]
    return tuple(source.plan(cells[index % len(cells)], chance) for index in range(count))


def beside_each_other(
    latents: Float[Tensor, "N C h w"], data: PictureSet, scenes: Sequence[Scene]
) -> Float[Tensor, "P C h 2*w"]:
    """The latents of pairs, of those of the single records of a set."""
    row = {record.picture: index for index, record in enumerate(data.records)}
    first, second = (
        latents[[row[record.picture] for record in side]]
        for side in ([s.first for s in scenes], [s.second for s in scenes])
    )
    return torch.cat([first, second], dim=3)
