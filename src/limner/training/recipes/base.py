"""What every recipe can do, and the pictures that the recipes learn from by default."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from limner.checkpoints import ModelFolder, Words
from limner.data.captions import canonical
from limner.data.concepts import FAMILIAR, choose_concepts, everyday
from limner.data.emoji import load_emoji
from limner.data.records import PictureSet, Record
from limner.errors import TrainingError
from limner.models.dit import DiT
from limner.models.unet import UNet
from limner.training.loop import LoopConfig
from limner.training.objectives import Objective
from limner.training.sheet import Sheet


@runtime_checkable
class Source(Protocol):
    """Reads the pictures of a recipe, where no others are named; DataError if they are not there.

    size: pixels along one side. channels: 4 with transparency. Other pictures are brought to both.
    """

    @property
    def size(self) -> int: ...
    @property
    def channels(self) -> int: ...

    def __call__(self) -> PictureSet: ...


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Pictures of this form that a function reads."""

    read: Callable[[], PictureSet]
    size: int
    channels: int

    def __call__(self) -> PictureSet:
        return self.read()


@dataclass(frozen=True)
class Emoji:
    """The emoji that `limner data emoji` has drawn, so many pixels along one side."""

    size: int
    channels: int = 4

    def __call__(self) -> PictureSet:
        return load_emoji(self.size)


@runtime_checkable
class Recipe(Protocol):
    """Makes an objective from data and earlier parts, and a part of a model folder from it.

    source: the pictures to learn from, where no others are named.
    needs: parts that the model folder must hold beforehand.
    """

    @property
    def loop(self) -> LoopConfig: ...
    @property
    def source(self) -> Source: ...
    @property
    def needs(self) -> tuple[str, ...]: ...

    def choose(self, data: PictureSet) -> PictureSet:
        """The records of a data set to train on."""
        ...

    def objective(self, data: PictureSet, model: ModelFolder) -> Objective: ...

    def save(self, objective: Objective, data: PictureSet, model: ModelFolder) -> None: ...

    def sheet(self, objective: Objective, data: PictureSet, model: ModelFolder) -> Sheet | None:
        """What the trained part can do, in pictures; `data` is the whole set."""
        ...


def everyday_subset(data: PictureSet, count: int | None) -> PictureSet:
    """The records of `count` everyday concepts; all for None, or of a set that is not of emoji."""
    if count is None or not everyday(data.records):
        return data
    chosen = set(choose_concepts(data.records, count, keep=FAMILIAR))
    return data.select(lambda record: record.concept in chosen)


def one_of_each(data: PictureSet, most: int) -> list[int]:
    """The first record of each concept, at most so many; without concepts, the first records."""
    first: dict[str, int] = {}
    for index, record in enumerate(data.records):
        first.setdefault(record.concept or f"record {index}", index)
        if len(first) == most:
            break
    return list(first.values())


def title(record: Record) -> str:
    """What a sheet writes under a picture: the concept, else a caption."""
    return record.concept or canonical(record)


def unseen(data: PictureSet) -> PictureSet:
    """The held-out records, or all where none is held out: what a trained part is shown on."""
    return data.held_out if len(data.held_out) else data


def within(data: PictureSet, words: Words | None) -> PictureSet:
    """The records of the concepts that a model knows; all where it does not say."""
    if words is None:
        return data
    known = set(words.concepts)
    return data.select(lambda record: record.concept in known)


def check_no_loras(model: ModelFolder, *, own: str | None = None) -> None:
    """Raise TrainingError where a folder has a LoRA but for `own`: its weights alone are not it."""
    names = [file.name for file in model.loras if file.name != own]
    if names:
        raise TrainingError(
            f"{model.path} paints with a LoRA, {', '.join(names)}, which this recipe would train "
            "without: name a folder that has none by --from, such as the one that it goes on from"
        )


def check_size(data: PictureSet, model: ModelFolder) -> None:
    """Raise TrainingError where pictures are not as large as a trained model paints."""
    (width, height), found = model.load_settings()[2].size, data.pictures.shape[-2:]
    if found != (height, width):
        raise TrainingError(
            f"the pictures have {found[1]}x{found[0]} pixels, and {model.path} paints "
            f"{width}x{height}: pictures of its size are right, such as those that "
            f"`limner data emoji --size {width}` draws, named by --data"
        )


def trained_denoiser(model: ModelFolder) -> UNet | DiT:
    """The denoiser that a model folder has, to go on from."""
    check_no_loras(model)
    denoiser: UNet | DiT = model.load("unet" if model.has("unet") else "transformer")
    return denoiser
