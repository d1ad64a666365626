"""The recipe of composition: a trained painter of single things goes on to scenes of two."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from limner.checkpoints import ModelFolder
from limner.data.cache import ALL, Chunk, batches, cached, weights_fingerprint
from limner.data.captions import caption
from limner.data.latents import LATENTS, pictures_fingerprint, records_fingerprint
from limner.data.records import PictureSet
from limner.data.scene_words import Scene, scene_caption
from limner.data.scenes import SceneConfig, Scenes
from limner.data.synonyms import Synonyms
from limner.diffusion.prediction import name_of
from limner.diffusion.times import LogitNormalTimes, TimeSampling
from limner.models.autoencoder import Autoencoder
from limner.training.loop import LoopConfig
from limner.training.objectives import Objective
from limner.training.objectives.conditions import TextCondition
from limner.training.objectives.denoising import DenoisingObjective
from limner.training.recipes.autoencoder import own_latents
from limner.training.recipes.base import Source, trained_denoiser, within
from limner.training.recipes.conditions import ByText
from limner.training.sheet import Sheet

SCENES = "scenes"
BATCH = 64
OTHER_WORDS = ("left", "right", "above", "below", "under", "over", "top", "bottom", "small", "big")


@dataclass(frozen=True, kw_only=True)
class SceneRecipe:
    """A text-conditional denoiser of a model folder and its text tower, on things and scenes.

    pool: how many scenes are composed and encoded once; as many single pictures are seen.
    synonyms: a file of other words for the concepts, some of which enter the captions.
    Process, prediction, sampling and concepts are those of the model folder.
    """

    source: Source
    loop: LoopConfig
    times: TimeSampling = field(default_factory=lambda: LogitNormalTimes(shift=1.5))
    scenes: SceneConfig = field(default_factory=SceneConfig)
    pool: int = 20_000
    synonyms: Path | None = None
    told: ByText = field(default_factory=ByText)

    @property
    def needs(self) -> tuple[str, ...]:
        return ("vae", "scheduler", *self.told.needs)

    def choose(self, data: PictureSet) -> PictureSet:
        return data.seen

    def objective(self, data: PictureSet, model: ModelFolder) -> DenoisingObjective:
        process, prediction, _, words = model.load_settings()
        data = within(data, words)
        others = None if self.synonyms is None else Synonyms.load(self.synonyms)
        if others is not None:
            data = replace(data, records=others.without_held_out(data.records))
        pool = Pool(Scenes(data, self.scenes, others), self.pool, seed=self.loop.seed)
        autoencoder = model.load("vae")
        single = own_latents(data, model)
        again = single[torch.arange(self.pool) % len(single)]
        raw = pool.latents(autoencoder, model.path.parent / SCENES)
        scenes = autoencoder.config.space.normalise(raw)

        def said(index: int, chance: torch.Generator) -> str:
            if index < self.pool:
                return caption(data.records[index % len(single)], chance, others)
            return scene_caption(pool.scenes[index - self.pool], chance, others)

        condition, trained = self.told.condition(data, model)
        assert isinstance(condition, TextCondition)
        return DenoisingObjective(
            trained_denoiser(model).train().requires_grad_(True),
            torch.cat([again, scenes]),
            replace(condition, caption=said),
            process=process,
            prediction=prediction,
            times=self.times,
            trained=trained,
        )

    def save(self, objective: Objective, data: PictureSet, model: ModelFolder) -> None:
        process, prediction, sampling, words = model.load_settings()
        for module in objective.modules.values():
            model.save(module)
        if words is not None:
            words = replace(words, others=tuple(sorted({*words.others, *OTHER_WORDS})))
        model.save_settings(process, name_of(prediction), sampling, words)

    def sheet(self, objective: Objective, data: PictureSet, model: ModelFolder) -> Sheet | None:
        return None


class Pool:
    """Scenes composed once: of every cell as many, in an order and with all else by `seed`."""

    def __init__(self, scenes: Scenes, count: int, *, seed: int) -> None:
        self.source = scenes
        self.seed = seed
        self.cells = torch.arange(count) % scenes.count
        chance = random.Random(seed)
        self.scenes: tuple[Scene, ...] = tuple(
            scenes.plan(cell, chance) for cell in self.cells.tolist()
        )

    def latents(self, autoencoder: Autoencoder, folder: Path) -> Float[Tensor, "N C h w"]:
        """The mean latent of each, not normalised; from the folder if it was made of the same."""
        origin = {
            "encoder weights": weights_fingerprint(autoencoder),
            "pictures": pictures_fingerprint(self.source.data),
            "records": records_fingerprint(self.source.data),
            "scenes": f"{self.source.config} {self.seed} {len(self.scenes)}",
        }
        return cached(folder, origin, lambda: {ALL: self._encoded(autoencoder)})[LATENTS].float()

    @torch.no_grad()
    def _encoded(self, autoencoder: Autoencoder) -> Iterator[Chunk]:
        chance = random.Random(self.seed + 1)
        for span in batches(len(self.scenes), BATCH):
            pixels, _ = self.source.compose([self.scenes[index] for index in span], chance)
            yield {LATENTS: autoencoder.encode(pixels).mean.half()}
