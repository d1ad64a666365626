"""The denoiser of a world: single things and scenes with colours and grounds, told in sentences.

It begins from whatever of an earlier denoiser fits, and the text tower of the model folder goes on.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from limner.checkpoints import ModelFolder, Sampling, Words
from limner.data.cache import weights_fingerprint
from limner.data.colours import Colour
from limner.data.drawn_latents import DrawnLatents
from limner.data.everyday_words import EverydayWords
from limner.data.everyday_world import everyday_world, typed, vocabulary
from limner.data.grounds import TAUGHT, Place
from limner.data.records import PictureSet
from limner.data.world import Draw, World, WorldConfig
from limner.diffusion.prediction import name_of, prediction_named
from limner.diffusion.process import Process
from limner.diffusion.times import TimeSampling
from limner.errors import TrainingError
from limner.language.captions import write
from limner.language.vocabulary import Vocabulary
from limner.models.dit import DiT, DiTConfig
from limner.models.unet import UNet, UNetConfig
from limner.training.draws import Draws
from limner.training.embedding import deepened_unet, enlarged_unet
from limner.training.loop import LoopConfig
from limner.training.objectives import Objective
from limner.training.objectives.conditions import TextCondition
from limner.training.objectives.denoising import DenoisingObjective
from limner.training.recipes.base import Source, trained_denoiser
from limner.training.recipes.conditions import ByText
from limner.training.sheet import Sheet

POOL = "draws"  # the folder beside the model
WITHOUT_STYLE = 0.1  # share of the captions
Say = Callable[[Draw, random.Random], str]
"""Writes a caption of a draw, by chance."""


@dataclass(frozen=True, kw_only=True)
class WorldDenoiserRecipe:
    """A U-Net or transformer on a world's draws.

    words: folder of the set's everyday words. first: learn the concepts that come first alone.
    pool: how many draws are made; each is presented several times, told anew every time. begin:
    take from the model folder's denoiser what has the same name and shape.
    """

    source: Source
    words: Path
    loop: LoopConfig
    config: UNetConfig | DiTConfig
    sampling: Sampling
    process: Process
    prediction: str
    times: TimeSampling
    world: WorldConfig = field(default_factory=WorldConfig)
    told: ByText = field(default_factory=ByText)
    pool: int = 800_000
    first: bool = True
    begin: bool = True

    @property
    def needs(self) -> tuple[str, ...]:
        return ("vae", *self.told.needs)

    def choose(self, data: PictureSet) -> PictureSet:
        chosen = typed(data.seen)
        if not self.first:
            return chosen
        known = set(EverydayWords.load(self.words).first)
        return chosen.select(lambda record: record.concept in known)

    def objective(self, data: PictureSet, model: ModelFolder) -> DrawnObjective:
        words = EverydayWords.load(self.words)
        pool = self._pool(everyday_world(data, self.world, words), model)
        condition, trained = self.told.condition(data, model)
        assert isinstance(condition, TextCondition)
        return DrawnObjective(
            self._denoiser(model),
            pool,
            replace(condition, caption=teller(pool, self._said(words, model))),
            process=self.process,
            prediction=prediction_named(self.prediction, self.process),
            times=self.times,
            trained=trained,
        )

    def _said(self, words: EverydayWords, model: ModelFolder) -> Say:
        return partial(in_peoples_ways, spoken=vocabulary(words))

    def _pool(self, world: World, model: ModelFolder) -> DrawnLatents:
        autoencoder = model.load("vae")
        space = autoencoder.space
        side = self.world.size // space.stride
        return DrawnLatents(
            world,
            lambda pixels: space.normalise(autoencoder.encode(pixels).mean),
            model.path.parent / POOL,
            count=self.pool,
            shape=(space.channels, side, side),
            origin={"encoder weights": weights_fingerprint(autoencoder)},
            seed=self.loop.seed,
        )

    def save(self, objective: Objective, data: PictureSet, model: ModelFolder) -> None:
        for module in objective.modules.values():
            model.save(module)
        words = EverydayWords.load(self.words)
        others = {name for concept in data.concepts for name in words.names[concept]}
        before = model.load_settings()[3] if model.has("scheduler") else None
        known = replace(
            before or Words(concepts=(), styles=()),
            concepts=data.concepts,
            styles=data.styles,
            others=tuple(sorted(others - {*data.concepts})),
            colours=tuple(colour.value for colour in Colour),
            grounds=tuple(place.value for place in TAUGHT if place is not Place.PLAIN),
        )
        model.save_settings(self.process, self.prediction, self.sampling, known)

    def sheet(self, objective: Objective, data: PictureSet, model: ModelFolder) -> Sheet | None:
        return None

    def _denoiser(self, model: ModelFolder) -> UNet | DiT:
        begun = self.begin and (model.has("unet") or model.has("transformer"))
        made = begun_from(self.config, trained_denoiser(model) if begun else None)
        made.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a fifth less time
        return made.train()


def teller(pool: DrawnLatents, say: Say) -> Callable[[int, torch.Generator], str]:
    """Says of a draw what is to be seen, each time in other words."""

    def said(index: int, chance: torch.Generator) -> str:
        free = random.Random(int(torch.randint(2**62, (), generator=chance)))
        return say(pool.draw(index), free)

    return said


def in_peoples_ways(draw: Draw, chance: random.Random, *, spoken: Vocabulary) -> str:
    """As `captions.write`, now and then without the style."""
    scene = draw.scene
    if chance.random() < WITHOUT_STYLE:
        scene = replace(scene, style="")
    return write(scene, chance, spoken)


class DrawnObjective(DenoisingObjective):
    """As `DenoisingObjective`, on latents that are drawn and encoded when they are first asked for.

    pool: the draws. others: process, prediction, times and trained, as there.
    """

    def __init__(
        self, denoiser: nn.Module, pool: DrawnLatents, condition: TextCondition, **others: object
    ) -> None:
        super().__init__(denoiser, pool.kept, condition, **others)  # type: ignore[arg-type]
        self.pool = pool

    def clean(self, indices: Tensor, draws: Draws) -> Tensor:
        return self.pool[indices]


def begun_from(config: UNetConfig | DiTConfig, trained: UNet | DiT | None) -> UNet | DiT:
    """A network with what it can have of a trained one; a deeper U-Net is at first the same."""
    if isinstance(config, DiTConfig):
        made: UNet | DiT = DiT(config)
    elif isinstance(trained, UNet) and is_deeper(config, trained.config):
        return deepened_unet(trained, config)
    else:
        made = UNet(config)
    if trained is not None:
        begin_from(made, trained)
    return made


def is_deeper(config: UNetConfig, trained: UNetConfig) -> bool:
    """Whether a U-Net's is that of another with more transformer blocks."""
    same = replace(
        trained,
        attention_depth=config.attention_depth,
        mid_attention_depth=config.mid_attention_depth,
    )
    ours, theirs = ((*each.attention_depth, each.mid_attention_depth) for each in (config, trained))
    return same == config != trained and all(a >= b for a, b in zip(ours, theirs, strict=True))


@torch.no_grad()
def begin_from(made: nn.Module, trained: nn.Module) -> tuple[str, ...]:
    """Give a new network the weights of another of its names and shapes; returns these names.

    TrainingError where none fits: then nothing is begun from.
    """
    theirs = trained.state_dict()
    ours = made.state_dict()
    fitting = {
        name: theirs[name]
        for name, value in ours.items()
        if name in theirs and theirs[name].shape == value.shape
    }
    if not fitting:
        raise TrainingError("no weight of the model folder's denoiser fits the new one")
    made.load_state_dict(ours | fitting)
    return tuple(fitting)


def base_folder(trained: Path, autoencoder: Path, folder: Path) -> ModelFolder:
    """A folder to begin from: a trained model's parts, with the autoencoder of another folder.

    A U-Net of fewer latent channels is enlarged: those that it has are the first of the new ones.
    Weights are single precision whatever they are stored in. DataError and CheckpointError as
    reading raises them.
    """
    source, made = ModelFolder(trained), ModelFolder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tower = source.load("text_encoder")
    made.save_tokenizer(source.load_tokenizer(tower=tower.config))
    vae, unet = ModelFolder(autoencoder).load("vae").float(), source.load("unet").float()
    channels = vae.config.latent_channels
    if unet.config.in_channels < channels:
        wider = replace(unet.config, in_channels=channels, out_channels=channels)
        unet = enlarged_unet(unet, wider)
    for part in (unet, tower.float(), vae):
        made.save(part)
    process, prediction, sampling, words = source.load_settings()
    made.save_settings(process, name_of(prediction), sampling, words)
    return made
