"""The recipe of pairs: a trained painter of single things learns to paint two in one picture.

The picture is twice as wide, or as high, as those it knows, each thing is as large as ever, and
each half looks at its own text alone (`nn.regions`); so which word is for which half need not be
learned, only that two things stand apart, and which places look at their names. Two latents beside
each other are the latent of a pair. The model itself stays as it is: low-rank updates of its U-Net
are trained (LoRA, Hu et al. 2021).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Shaped
from torch import Tensor

from limner.checkpoints import ModelFolder, load_folder
from limner.data.records import PictureSet
from limner.data.scene_words import Scene
from limner.data.scenes import SceneConfig, Scenes
from limner.diffusion.times import LogitNormalTimes, TimeSampling
from limner.nn.trainable import TrainableUpdates
from limner.text.encode import TextEncoder
from limner.training.loop import LoopConfig
from limner.training.objectives import Objective
from limner.training.objectives.pairs import PairCondition, PairsObjective
from limner.training.recipes.autoencoder import own_latents
from limner.training.recipes.base import Source, check_no_loras, within
from limner.training.recipes.conditions import PAD, encode_unpadded
from limner.training.sheet import Sheet
from limner.training.tunings import LoraTuning

LORA = "pairs.safetensors"


@dataclass(frozen=True, kw_only=True)
class PairsRecipe:
    """A LoRA that lets the model of a folder paint two things beside or above each other.

    pool: how many pairs are drawn once, of every first thing as many. tuning: which weights get an
    update, and of what rank. dropout: of both captions at once. grounding: how much it
    counts whether the attention to a thing's name lies on the thing. Process, prediction, sampling
    and concepts are those of the folder.
    """

    source: Source
    loop: LoopConfig
    times: TimeSampling = field(default_factory=lambda: LogitNormalTimes(shift=1.5))
    pool: int = 24_000
    scenes: SceneConfig = field(default_factory=lambda: SceneConfig(sized=0.0, mixed_styles=0.2))
    tuning: LoraTuning = field(default_factory=lambda: LoraTuning(rank=32, targets=("linear",)))
    dropout: float = 0.1
    grounding: float = 0.15
    needs: tuple[str, ...] = ("vae", "unet", "scheduler", "tokenizer", "text_encoder")

    def choose(self, data: PictureSet) -> PictureSet:
        return data.seen

    def objective(self, data: PictureSet, model: ModelFolder) -> PairsObjective:
        check_no_loras(model, own=LORA)
        parts = load_folder(model.path)
        data = within(data, parts.words)
        scenes = pairs(Scenes(data, self.scenes), self.pool, self.loop.seed)
        updates = self.tuning.attach(parts)
        encoder = TextEncoder(parts.tokenizer, parts.text_encoder, pad_mask=PAD)
        condition = PairCondition(
            scenes=scenes,
            tokenizer=parts.tokenizer,
            encode=partial(encode_unpadded, encoder),
            dropout=self.dropout,
        )
        latents = own_latents(data, model)
        things = covered(data, (latents.shape[2], latents.shape[3]))
        return PairsObjective(
            parts.denoiser.train(),
            beside_each_other(latents, data, scenes),
            condition,
            covered=beside_each_other(things, data, scenes),
            grounding=self.grounding,
            process=parts.process,
            prediction=parts.prediction,
            times=self.times,
            trained=updates,
        )

    def save(self, objective: Objective, data: PictureSet, model: ModelFolder) -> None:
        updates = objective.modules["lora"]
        assert isinstance(updates, TrainableUpdates)
        self.tuning.save(load_folder(model.path), {"lora": updates}, model.path / LORA)
        model.add_lora(LORA)

    def sheet(self, objective: Objective, data: PictureSet, model: ModelFolder) -> Sheet | None:
        return None


def pairs(source: Scenes, count: int, seed: int) -> tuple[Scene, ...]:
    """So many scenes of two things, of every first concept as many."""
    chance = random.Random(seed)
    return tuple(source.plan(index % source.count, chance) for index in range(count))


def beside_each_other(
    singles: Shaped[Tensor, "N ... w"], data: PictureSet, scenes: Sequence[Scene]
) -> Shaped[Tensor, "P ... 2*w"]:
    """What there is of the single records of a set, laid beside each other as pairs have them."""
    row = {record.picture: index for index, record in enumerate(data.records)}
    first, second = (
        singles[[row[record.picture] for record in side]]
        for side in ([s.first for s in scenes], [s.second for s in scenes])
    )
    return torch.cat([first, second], dim=-1)


def covered(data: PictureSet, size: tuple[int, int]) -> Bool[Tensor, "N h w"]:
    """Which places of its latent the thing of each record covers: those more opaque than not."""
    opacity = data.pictures[data.picture_indices(), 3:].float() / 255
    return F.adaptive_avg_pool2d(opacity, size)[:, 0] > 0.5
