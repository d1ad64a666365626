"""The recipe of pairs: a trained painter of single things learns to paint two in one picture.

The picture is twice as wide, or as high, as those it knows, each thing is as large as ever, and
each half looks at its own text alone (`nn.regions`); so which word is for which half need not be
learned, only that two things stand apart. Two latents beside each other are the latent of a pair.
The model itself stays as it is: low-rank updates of its U-Net are trained (LoRA, Hu et al. 2021).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

from limner.checkpoints import ModelFolder, load_folder
from limner.data.captions import caption, uniform
from limner.data.records import PictureSet
from limner.data.scene_words import Scene
from limner.data.scenes import SceneConfig, Scenes
from limner.diffusion.times import LogitNormalTimes, TimeSampling
from limner.nn.regions import parted
from limner.nn.trainable import TrainableUpdates
from limner.text.encode import TextEncoder
from limner.training.draws import Draws
from limner.training.loop import LoopConfig
from limner.training.objectives import Objective
from limner.training.objectives.conditions import Told
from limner.training.objectives.denoising import DenoisingObjective
from limner.training.recipes.autoencoder import normalised_latents
from limner.training.recipes.base import Source, within
from limner.training.recipes.conditions import PAD, encode_unpadded
from limner.training.sheet import Sheet
from limner.training.tunings import LoraTuning
from limner.types import Conditioning, Context, Latent, TextMask, Times

LORA = "pairs.safetensors"


@dataclass(frozen=True, kw_only=True)
class PairsRecipe:
    """A LoRA that lets the model of a folder paint two things beside or above each other.

    pool: how many pairs are drawn once, of every first thing as many. tuning: which weights get an
    update, and of what rank. dropout: of both captions at once. Process, prediction, sampling and
    concepts are those of the folder.
    """

    source: Source
    loop: LoopConfig
    times: TimeSampling = field(default_factory=lambda: LogitNormalTimes(shift=1.5))
    pool: int = 24_000
    scenes: SceneConfig = field(default_factory=lambda: SceneConfig(sized=0.0, mixed_styles=0.2))
    tuning: LoraTuning = field(default_factory=lambda: LoraTuning(rank=32, targets=("linear",)))
    dropout: float = 0.1
    needs: tuple[str, ...] = ("vae", "unet", "scheduler", "tokenizer", "text_encoder")

    def choose(self, data: PictureSet) -> PictureSet:
        return data.seen

    def objective(self, data: PictureSet, model: ModelFolder) -> PairsObjective:
        parts = load_folder(model.path)
        data = within(data, parts.words)
        scenes = pairs(Scenes(data, self.scenes), self.pool, self.loop.seed)
        updates = self.tuning.attach(parts)
        encoder = TextEncoder(parts.tokenizer, parts.text_encoder, pad_mask=PAD)
        condition = PairCondition(
            scenes=scenes, encode=partial(encode_unpadded, encoder), dropout=self.dropout
        )
        return PairsObjective(
            InHalves(parts.denoiser.train()),
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
        self.tuning.save(load_folder(model.path), {"lora": updates}, model.path / LORA)
        model.add_lora(LORA)

    def sheet(self, objective: Objective, data: PictureSet, model: ModelFolder) -> Sheet | None:
        return None


class PairsObjective(DenoisingObjective):
    """As `DenoisingObjective`; in every other batch, by its seed, the halves lie on each other.

    latents: (P, C, h, 2 w), the first thing on the left.
    """

    def clean(self, indices: Tensor, draws: Draws) -> Tensor:
        wide = self.latents[indices]
        return torch.cat(wide.chunk(2, dim=3), dim=2) if draws.seed % 2 else wide


class InHalves(nn.Module):
    """A denoiser whose two texts are each for the half of the picture that comes first, or last."""

    def __init__(self, denoiser: nn.Module) -> None:
        super().__init__()
        self.denoiser = denoiser

    def forward(self, x: Latent, t: Times, context: Context, mask: TextMask | None) -> Latent:
        height, width = x.shape[2:]
        with parted(self.denoiser, 2, upright=height > width, size=(height, width)):
            return self.denoiser(x, t, context, mask)


@dataclass(frozen=True, kw_only=True, eq=False)
class PairCondition:
    """A caption of each of two things, encoded one by one, their tokens one behind the other."""

    scenes: Sequence[Scene]
    encode: Callable[[list[str]], Conditioning]
    dropout: float

    @torch.no_grad()
    def __call__(self, indices: Tensor, draws: Draws) -> Told:
        pairs = zip(indices.tolist(), draws.chances(), strict=True)
        said = [self._said(self.scenes[index], chance) for index, chance in pairs]
        text = self.encode([first for first, _ in said] + [second for _, second in said])
        mask = None if text.mask is None else torch.cat(text.mask.chunk(2), dim=1)
        return {"context": torch.cat(text.context.chunk(2), dim=1), "mask": mask}

    def _said(self, scene: Scene, chance: torch.Generator) -> tuple[str, str]:
        if uniform(chance) < self.dropout:
            return "", ""
        return caption(scene.first, chance), caption(scene.second, chance)


def pairs(source: Scenes, count: int, seed: int) -> tuple[Scene, ...]:
    """So many scenes of two things, of every first concept as many."""
    chance = random.Random(seed)
    return tuple(source.plan(index % source.count, chance) for index in range(count))


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
