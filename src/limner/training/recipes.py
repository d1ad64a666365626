"""What `limner train` can train: one row a recipe, and the three kinds of recipe there are."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from limner.checkpoints import ModelFolder, Sampling, Words
from limner.data.captions import caption, known_words
from limner.data.concepts import FAMILIAR, choose_concepts, everyday
from limner.data.latents import encode_all, load_latents, save_latents
from limner.data.records import PictureSet
from limner.diffusion.prediction import prediction_named
from limner.diffusion.process import Process, RectifiedFlow
from limner.diffusion.times import LogitNormalTimes, TimeSampling
from limner.errors import DataError, TrainingError
from limner.models.autoencoder import Autoencoder, AutoencoderConfig
from limner.models.clip import Clip, ClipConfig, TextTowerConfig, VisionTowerConfig
from limner.models.clip_presets import TEXT_EMOJI, VISION_EMOJI
from limner.models.dit import DIT_EMOJI, DiT, DiTConfig
from limner.models.presets import AUTOENCODER_EMOJI, UNET_EMOJI
from limner.models.unet import UNet, UNetConfig
from limner.text.encode import TextEncoder
from limner.text.masks import PadMask, pad_mask
from limner.text.tokenizer import Tokenizer
from limner.training.loop import LoopConfig
from limner.training.objectives import Objective
from limner.training.objectives.autoencoder import AutoencoderObjective
from limner.training.objectives.contrastive import ContrastiveObjective
from limner.training.objectives.denoising import DenoisingObjective
from limner.types import Conditioning

PAD = PadMask.PAD
LATENTS = "latents"


@runtime_checkable
class Recipe(Protocol):
    """Makes an objective from data and earlier parts, and a part of a model folder from it.

    needs: parts that the model folder must hold beforehand.
    """

    @property
    def loop(self) -> LoopConfig: ...
    @property
    def needs(self) -> tuple[str, ...]: ...

    def choose(self, data: PictureSet) -> PictureSet:
        """The records of a data set to train on."""
        ...

    def objective(self, data: PictureSet, model: ModelFolder) -> Objective: ...

    def save(self, objective: Objective, data: PictureSet, model: ModelFolder) -> None: ...


@dataclass(frozen=True, kw_only=True)
class AutoencoderRecipe:
    """A KL autoencoder on all pictures; its latents are normalised a channel at the end."""

    loop: LoopConfig
    config: AutoencoderConfig
    needs: tuple[str, ...] = ()

    def choose(self, data: PictureSet) -> PictureSet:
        return data.seen

    def objective(self, data: PictureSet, model: ModelFolder) -> AutoencoderObjective:
        autoencoder = Autoencoder(self.config)
        return AutoencoderObjective(autoencoder, data)

    def save(self, objective: Objective, data: PictureSet, model: ModelFolder) -> None:
        trained = objective.modules["autoencoder"]
        assert isinstance(trained, Autoencoder)
        latents = raw_latents(trained, data)
        normalised = replace(
            self.config,
            shift=tuple(latents.mean(dim=(0, 2, 3)).tolist()),
            scale=tuple((1 / latents.std(dim=(0, 2, 3))).tolist()),
        )
        trained.config = normalised
        model.save(trained)


@dataclass(frozen=True, kw_only=True)
class ClipRecipe:
    """A vocabulary from the captions, then CLIP's two towers on captions and pictures."""

    loop: LoopConfig
    text: TextTowerConfig
    vision: VisionTowerConfig
    vocabulary: int
    concepts: int | None = None
    needs: tuple[str, ...] = ()

    def choose(self, data: PictureSet) -> PictureSet:
        return everyday_subset(data, self.concepts).seen

    def objective(self, data: PictureSet, model: ModelFolder) -> ContrastiveObjective:
        tokenizer = Tokenizer.train(sample_captions(data), self.vocabulary, length=self.text.length)
        model.save_tokenizer(tokenizer)
        text = replace(self.text, vocabulary_size=tokenizer.vocabulary_size, end=tokenizer.end)
        clip = Clip.from_config(ClipConfig(text=text, vision=self.vision))

        def tokenize(captions: list[str]) -> tuple[Tensor, Tensor | None]:
            ids = tokenizer(captions)
            return ids, pad_mask(ids, PAD, end=tokenizer.end, pad=tokenizer.pad)

        return ContrastiveObjective(clip, tokenize, data, caption)

    def save(self, objective: Objective, data: PictureSet, model: ModelFolder) -> None:
        clip = objective.modules["clip"]
        assert isinstance(clip, Clip)
        model.save(clip.text)
        model.save(clip.vision)


@dataclass(frozen=True, kw_only=True)
class DenoiserRecipe:
    """A U-Net or DiT on the latents, the text tower of the model folder trained along."""

    loop: LoopConfig
    config: UNetConfig | DiTConfig
    sampling: Sampling
    process: Process
    prediction: str
    times: TimeSampling
    concepts: int | None = None
    train_text: bool = True
    needs: tuple[str, ...] = ("vae", "tokenizer", "text_encoder")

    def choose(self, data: PictureSet) -> PictureSet:
        return everyday_subset(data, self.concepts).seen

    def objective(self, data: PictureSet, model: ModelFolder) -> DenoisingObjective:
        tower = model.load("text_encoder").train().requires_grad_(self.train_text)
        encoder = TextEncoder(model.load_tokenizer(tower=tower.config), tower, pad_mask=PAD)
        return DenoisingObjective(
            self._denoiser(),
            self._latents(data, model),
            lambda index, chance: caption(data.records[index], chance),
            partial(encode_unpadded, encoder),
            process=self.process,
            prediction=prediction_named(self.prediction, self.process),
            times=self.times,
            trained={"text_encoder": tower} if self.train_text else {},
        )

    def save(self, objective: Objective, data: PictureSet, model: ModelFolder) -> None:
        for module in objective.modules.values():
            model.save(module)
        known = known_words(data.records)
        read = {*known["names"], *known["keywords"], *known["captions"]}
        others = sorted(read - {*known["concepts"]})
        words = Words(concepts=known["concepts"], styles=known["styles"], others=tuple(others))
        model.save_settings(self.process, self.prediction, self.sampling, words)

    def _denoiser(self) -> UNet | DiT:
        if isinstance(self.config, DiTConfig):
            return DiT(self.config)
        return UNet(self.config)

    def _latents(self, data: PictureSet, model: ModelFolder) -> Tensor:
        autoencoder = model.load("vae")
        raw = cached_latents(autoencoder, data, model.path.parent / LATENTS)
        return autoencoder.config.space.normalise(raw)


def encode_unpadded(encoder: TextEncoder, captions: list[str]) -> Conditioning:
    """As the encoder, with the padding cut off that no caption of the batch needs.

    Under the PAD mask nothing looks at that padding, so only time is saved.
    """
    tokenizer = encoder.tokenizer
    ids = tokenizer(captions)
    mask = pad_mask(ids, PAD, end=tokenizer.end, pad=tokenizer.pad)
    assert mask is not None
    return encoder.encode(ids[:, : int(mask.sum(dim=1).max())])


def raw_latents(autoencoder: Autoencoder, data: PictureSet) -> Tensor:
    """The mean latent of every record, (N, C, h, w), fp32, not normalised."""
    return encode_all(lambda pixels: autoencoder.encode(pixels).mean, data).float()


def cached_latents(autoencoder: Autoencoder, data: PictureSet, path: Path) -> Tensor:
    """As `raw_latents`, from the file if it was made by these weights from these pictures."""
    if path.exists():
        with suppress(DataError):
            return load_latents(path, encoder=autoencoder, pictures=data)
    latents = raw_latents(autoencoder, data)
    save_latents(path, latents, encoder=autoencoder, pictures=data)
    return latents


def everyday_subset(data: PictureSet, count: int | None) -> PictureSet:
    """The records of `count` everyday concepts; all for None, or of a set that is not of emoji."""
    if count is None or not everyday(data.records):
        return data
    chosen = set(choose_concepts(data.records, count, keep=FAMILIAR))
    return data.select(lambda record: record.concept in chosen)


def sample_captions(data: PictureSet, each: int = 8) -> list[str]:
    """Captions of every record, a fixed draw, to train a vocabulary on."""
    chance = torch.Generator().manual_seed(0)
    return [caption(record, chance) for record in data.records for _ in range(each)]


def recipe_named(name: str) -> Recipe:
    """The recipe of that name, else TrainingError."""
    if name not in RECIPES:
        raise TrainingError(f"recipe {name!r} is unknown: one of {', '.join(RECIPES)} is right")
    return RECIPES[name]


def adjusted(
    recipe: Recipe,
    *,
    steps: int | None = None,
    batch: int | None = None,
    seed: int | None = None,
    concepts: int | None = None,
) -> Recipe:
    """The recipe with other numbers where they are given; TrainingError where one has no place."""
    given = {"steps": steps, "batch": batch, "seed": seed}
    changes: dict[str, Any] = {name: n for name, n in given.items() if n is not None}
    row: Any = recipe
    row = replace(row, loop=replace(row.loop, **changes))
    if concepts is None:
        return row
    if not hasattr(row, "concepts"):
        raise TrainingError("this recipe learns from all pictures: leave --concepts out")
    return replace(row, concepts=concepts)


def missing_parts(recipe: Recipe, model: ModelFolder) -> Sequence[str]:
    return [part for part in recipe.needs if not model.has(part)]


EMOJI_SAMPLING = Sampling(
    steps=20,
    guidance=1.6,
    solver="dpmpp_2m",
    schedule="shifted",
    shift=1.5,
    size=(64, 64),
    pad_mask=PAD.value,
    weighting="lerp",  # its encodings have a mean near 0, which A1111's weighting cannot restore
)
EMOJI_DENOISER = DenoiserRecipe(
    loop=LoopConfig(steps=22_000, batch=48, learning_rate=6e-4, save_every=500),
    config=UNET_EMOJI,
    sampling=EMOJI_SAMPLING,
    process=RectifiedFlow(),
    prediction="flow",
    times=LogitNormalTimes(shift=1.5),
    concepts=400,
)
RECIPES: dict[str, Recipe] = {
    "emoji-autoencoder": AutoencoderRecipe(
        loop=LoopConfig(steps=2000, batch=32, learning_rate=1.5e-3, ema=(16.97,)),
        config=AUTOENCODER_EMOJI,
    ),
    "emoji-clip": ClipRecipe(
        loop=LoopConfig(steps=700, batch=128, learning_rate=5e-4, weight_decay=0.1),
        text=TEXT_EMOJI,
        vision=VISION_EMOJI,
        vocabulary=4096,
        concepts=400,
    ),
    "emoji-unet": EMOJI_DENOISER,
    "emoji-dit": replace(EMOJI_DENOISER, config=DIT_EMOJI),
}
