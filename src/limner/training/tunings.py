"""What a fine-tuning trains of a model: updates beside it (LoRA), a new word, or the whole."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from limner.checkpoints import Parts, save_folder
from limner.checkpoints.lora import Spelling, read_lora, save_lora
from limner.checkpoints.lora_names import PROCESSOR_NAMES, adaptable
from limner.checkpoints.textual_inversion import (
    MAX_VECTORS,
    TextualInversion,
    save_textual_inversion,
)
from limner.data.records import PictureSet
from limner.errors import UsageError
from limner.files import whole_folder
from limner.models.clip import TextTower
from limner.nn.adapter import Adaptable, ExtendedEmbedding
from limner.nn.trainable import TrainableRows, TrainableUpdates
from limner.text.learned import LearnedWords
from limner.text.tokenizer import Tokenizer

WORD = re.compile(r"[^\s/\\:,()\[\]{}|\"]{1,100}")  # a file is named after it, and prompts hold it
GROUPS = {
    "attention": "the projections of attention",
    "linear": "all linear layers",
    "all": "all linear layers and convolutions",
}


@runtime_checkable
class Tuning(Protocol):
    """One kind of fine-tuning. Its fields are all that a resumed training must have in common."""

    @property
    def trains_text(self) -> bool:
        """Whether what a text tower makes of a caption changes along the training."""
        ...

    def target(self, folder: Path) -> Path:
        """The file or folder that comes out, in the folder of the training."""
        ...

    def check(self, parts: Parts, data: PictureSet) -> None:
        """Raise UsageError for what the model or the data do not allow, before any work."""
        ...

    def attach(self, parts: Parts) -> dict[str, nn.Module]:
        """Freeze the model but for what is trained, and return that: modules by name."""
        ...

    def save(self, parts: Parts, trained: Mapping[str, nn.Module], target: Path) -> None: ...


@dataclass(frozen=True, kw_only=True)
class LoraTuning:
    """Low-rank updates beside the modules of the denoiser (LoRA section 4).

    rank: of every update. alpha: the updates count alpha / rank; None: fully.
    targets: groups of modules, of GROUPS, or parts of their names, such as "mid_block".
    text: the modules of the text towers too. spelling: of the file's keys.
    """

    rank: int = 16
    alpha: float | None = None
    targets: tuple[str, ...] = ("attention",)
    text: bool = False
    spelling: Spelling = "peft"

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise UsageError(f"rank {self.rank} of a LoRA: at least 1 is right")
        if self.alpha is not None and not 0 < self.alpha < math.inf:
            raise UsageError(f"alpha {self.alpha:g} of a LoRA: a number above 0 is right")
        if not self.targets:
            raise UsageError(f"a LoRA needs targets: {', '.join(GROUPS)}, or parts of names")

    @property
    def trains_text(self) -> bool:
        return self.text

    def target(self, folder: Path) -> Path:
        return folder / f"{folder.resolve().name}.safetensors"

    def check(self, parts: Parts, data: PictureSet) -> None:
        self._chosen(parts)

    def attach(self, parts: Parts) -> dict[str, nn.Module]:
        freeze(parts)
        updates = TrainableUpdates(self._chosen(parts), rank=self.rank, alpha=self.alpha)
        updates.adapter().attach()
        return {"lora": updates}

    def save(self, parts: Parts, trained: Mapping[str, nn.Module], target: Path) -> None:
        updates = trained["lora"]
        assert isinstance(updates, TrainableUpdates)
        save_lora(target, updates.updates(), parts.adaptable, self.spelling)

    def _chosen(self, parts: Parts) -> dict[str, Adaptable]:
        models = parts.adaptable
        if not self.text:
            models = {name: model for name, model in models.items() if model is parts.denoiser}
        return chosen_modules(adaptable(models), self.targets)


@dataclass(frozen=True, kw_only=True)
class EmbeddingTuning:
    """A new word of a few vectors; everything else stays (textual inversion, Gal et al. 2022).

    word: as captions and prompts have it. start: known words that the vectors begin as, one token
    a vector, over and over where they are fewer. vectors: how many tokens the word takes.
    """

    word: str
    start: str
    vectors: int = 1

    def __post_init__(self) -> None:
        if not WORD.fullmatch(self.word):
            raise UsageError(f"the new word {self.word!r} must be one word, such as <my-cat>")
        if not 1 <= self.vectors <= MAX_VECTORS:
            raise UsageError(f"{self.vectors} vectors of a word: 1 to {MAX_VECTORS} are right")

    @property
    def trains_text(self) -> bool:
        return True

    def target(self, folder: Path) -> Path:
        return folder / f"{self.word}.safetensors"

    def check(self, parts: Parts, data: PictureSet) -> None:
        for tokenizer, _ in parts.towers.values():
            if len(tokenizer.encode(self.word)) == 1:
                raise UsageError(
                    f"the word {self.word!r} is in the model's vocabulary already: "
                    f"another is right, such as <{self.word}>"
                )
            if not tokenizer.encode(self.start):
                raise UsageError(f"the vectors begin as known words: {self.start!r} has none")
        tokenizer = parts.tokenizer.with_length(parts.tokenizer.length)
        tokenizer.learn({self.word: [tokenizer.vocabulary_size]})
        for record in data.records:
            for caption in record.captions or (record.concept,):
                if not tokenizer.learned_in(caption):
                    raise UsageError(
                        f"the caption {caption!r} does not have the word {self.word!r}: "
                        "write it where it is meant, in every caption"
                    )

    def attach(self, parts: Parts) -> dict[str, nn.Module]:
        freeze(parts)
        return {
            name: self._taught(tokenizer, tower)
            for name, (tokenizer, tower) in parts.towers.items()
        }

    def save(self, parts: Parts, trained: Mapping[str, nn.Module], target: Path) -> None:
        vectors = {name: next(rows.parameters()).detach() for name, rows in trained.items()}
        save_textual_inversion(target, TextualInversion(word=self.word, vectors=vectors))

    def _taught(self, tokenizer: Tokenizer, tower: TextTower) -> TrainableRows:
        """Put the word on a tower, its vectors to be trained."""
        known = LearnedWords(tokenizer, tower)
        rows = TrainableRows(self._first(tokenizer, known.table))
        known.set({self.word: rows.rows.detach()})
        rows.attach(_extended(tower))
        return rows

    def _first(self, tokenizer: Tokenizer, table: Tensor) -> Tensor:
        """The vectors before the training, (n, D): those of `start`'s tokens in turn."""
        ids = tokenizer.encode(self.start)
        return table[[ids[i % len(ids)] for i in range(self.vectors)]]


@dataclass(frozen=True, kw_only=True)
class FullTuning:
    """Every weight of the denoiser, and with `text` of the text towers; saved as a model folder."""

    text: bool = False

    @property
    def trains_text(self) -> bool:
        return self.text

    def target(self, folder: Path) -> Path:
        return folder / "model"

    def check(self, parts: Parts, data: PictureSet) -> None: ...

    def attach(self, parts: Parts) -> dict[str, nn.Module]:
        freeze(parts)
        trained: dict[str, nn.Module] = {"denoiser": parts.denoiser}
        if self.text:
            trained |= {name: tower for name, (_, tower) in parts.towers.items()}
        return {name: module.requires_grad_() for name, module in trained.items()}

    def save(self, parts: Parts, trained: Mapping[str, nn.Module], target: Path) -> None:
        with whole_folder(target) as partial:
            save_folder(parts, partial)


def chosen_modules(
    modules: Mapping[str, Adaptable], targets: tuple[str, ...]
) -> dict[str, Adaptable]:
    """The modules that a LoRA's targets mean; UsageError for a target that means none."""
    chosen: dict[str, Adaptable] = {}
    for target in targets:
        found = {name: one for name, one in modules.items() if _is_meant(name, one, target)}
        if not found:
            raise UsageError(
                f"no module of this model is meant by {target!r}: {', '.join(GROUPS)} are right, "
                f"or a part of a name such as {next(iter(modules))}"
            )
        chosen |= found
    return {name: one for name, one in modules.items() if name in chosen}


def _is_meant(name: str, module: Adaptable, target: str) -> bool:
    match target:
        case "attention":
            return any(name.endswith("." + projection) for projection in PROCESSOR_NAMES)
        case "linear":
            return isinstance(module, nn.Linear)
        case "all":
            return True
    return target in name


def attach_own_loras(parts: Parts) -> None:
    """Put a model's own LoRAs on it, as they are when it paints; they are not trained."""
    models = parts.adaptable
    for file in parts.loras:
        read_lora(file, models).adapter(models).attach()


def freeze(parts: Parts) -> None:
    """No weight of the model is trained."""
    for module in (*parts.adaptable.values(), parts.autoencoder):
        if module is not None:
            module.requires_grad_(False)


def _extended(tower: nn.Module) -> ExtendedEmbedding:
    return next(part for part in tower.modules() if isinstance(part, ExtendedEmbedding))
