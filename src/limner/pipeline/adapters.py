"""What a painter has put on its model: LoRAs and learned words, by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from limner.checkpoints import Parts
from limner.checkpoints.lora import read_lora
from limner.checkpoints.textual_inversion import TextualInversion, read_textual_inversion
from limner.errors import RequestError, UsageError
from limner.models.clip import TextTower
from limner.models.dit import DiT
from limner.nn.adapter import Adapter
from limner.pipeline.request import Request
from limner.prompt import Lora as LoraTag
from limner.text.learned import LearnedWords
from limner.text.tokenizer import Tokenizer

TAG = re.compile(r"<[^<>:]*:[^<>]*>")  # what it names is no word of the text
SUFFIXES = (".safetensors", ".pt", ".bin")


@dataclass(frozen=True)
class PlacedLora:
    """A LoRA on a model: its updates of the text encoders, and those of the denoiser."""

    text: Adapter
    picture: Adapter

    @property
    def both(self) -> tuple[Adapter, Adapter]:
        return self.text, self.picture

    @property
    def weights(self) -> tuple[float, float]:
        return self.text.weight, self.picture.weight

    def weigh(self, text: float, picture: float) -> None:
        self.text.weight, self.picture.weight = text, picture


class Adapters:
    """The LoRAs and embeddings on one model. Its weights are as before when all are removed.

    lora_folder: where `<lora:name:weight>` of a prompt finds its file; None: only those on the
    model can be named. embedding_folder: whose files are learned when a prompt has their names.
    """

    lora_folder: Path | None = None
    embedding_folder: Path | None = None

    def __init__(self, parts: Parts) -> None:
        denoiser = "transformer" if isinstance(parts.denoiser, DiT) else "unet"
        self._models: dict[str, nn.Module] = {denoiser: parts.denoiser}
        self._words: dict[str, LearnedWords] = {}
        self._add_tower("text_encoder", parts.tokenizer, parts.text_encoder)
        if parts.tokenizer_2 is not None and parts.text_encoder_2 is not None:
            self._add_tower("text_encoder_2", parts.tokenizer_2, parts.text_encoder_2)
        self._loras: dict[str, PlacedLora] = {}
        self._embeddings: dict[str, TextualInversion] = {}
        self._warnings: dict[str, str] = {}
        self.changes = 0  # counts them: what was computed before one is not to be used after it

    @property
    def loras(self) -> tuple[tuple[str, float], ...]:
        """(name, weight) of each."""
        return tuple((name, lora.picture.weight) for name, lora in self._loras.items())

    @property
    def embeddings(self) -> tuple[str, ...]:
        """The learned words."""
        return tuple(self._embeddings)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What of the files on the model could not be used."""
        return tuple(self._warnings.values())

    def add_lora(self, path: str | Path, weight: float = 1.0, name: str | None = None) -> str:
        """Attach a LoRA file and return its name, that of the file if None.

        Raises UsageError where the name is taken, CheckpointError where the file does not fit.
        """
        name = Path(path).stem if name is None else name
        if name in self._loras:
            raise UsageError(f"a LoRA {name!r} is on the model already: give this one another name")
        lora = read_lora(path, self._models)
        text, picture = (part.adapter(self._models, weight) for part in lora.text_and_picture())
        self._loras[name] = PlacedLora(text, picture)
        for adapter in (text, picture):
            adapter.attach()
        self.changes += 1
        if lora.unmatched:
            self._warnings[name] = (
                f"LoRA {name!r}: {len(lora.unmatched)} keys match no module of this model and are "
                f"left out; the first is {lora.unmatched[0][:100]}"
            )
        return name

    def set_weight(self, name: str, weight: float) -> None:
        """Change the weight of a LoRA that is on the model."""
        self._lora(name).weigh(weight, weight)
        self.changes += 1

    def remove_lora(self, name: str) -> None:
        """Take a LoRA off; UsageError where there is none of that name."""
        for adapter in self._lora(name).both:
            adapter.detach()
        del self._loras[name]
        self._warnings.pop(name, None)
        self.changes += 1

    def merge(self) -> None:
        """Add the LoRAs into the weights, so that they cost no time at each step.

        The weights as they were stay in memory beside them; `remove_lora` and `set_weight` work on.
        """
        for lora in self._loras.values():
            for adapter in lora.both:
                adapter.merge()
        self.changes += 1

    @contextmanager
    def tagged(self, tags: Sequence[LoraTag]) -> Iterator[tuple[str, ...]]:
        """Inside the block the LoRAs that a prompt's tags name have the tags' weights.

        One that is not on the model comes from `lora_folder` and leaves with the block. Tags of one
        name add up. Gives the names that are in neither place.
        """
        before = {name: lora.weights for name, lora in self._loras.items()}
        missing = []
        try:
            for name, weights in summed(tags).items():
                file = None if name in self._loras else _file(self.lora_folder, name)
                if file is not None:
                    self.add_lora(file, name=name)
                if name in self._loras:
                    self._weigh(name, weights)
                else:
                    missing.append(name)
            yield tuple(missing)
        finally:
            for name in self._loras.keys() - before.keys():
                self.remove_lora(name)
            for name, weights in before.items():
                self._weigh(name, weights)

    def _weigh(self, name: str, weights: tuple[float, float]) -> None:
        """Set the weights in the text encoder and in the denoiser."""
        lora = self._lora(name)
        if lora.weights != weights:
            lora.weigh(*weights)
            self.changes += 1

    def learn(self, *texts: str) -> None:
        """Learn the words of `embedding_folder` that stand in these texts."""
        plain = TAG.sub(" ", "\n".join(texts)).lower()
        read = set(re.findall(r"[^\s,()\[\]:|]+", plain))
        known = {word.lower() for word in self._embeddings}
        for file in _files(self.embedding_folder):
            if file.stem.lower() in read - known:
                self.add_embedding(file, file.stem)

    def add_embedding(self, path: str | Path, word: str | None = None) -> str:
        """Teach the model a word from a textual inversion file, and return the word.

        word: None takes the file's. Raises UsageError where it is taken, CheckpointError where the
        file does not fit.
        """
        widths = {tower: words.width for tower, words in self._words.items()}
        learned = read_textual_inversion(path, widths, word)
        if learned.word.lower() in (taken.lower() for taken in self._embeddings):
            raise UsageError(f"the word {learned.word!r} is taken: give this one another word")
        self._embeddings[learned.word] = learned
        self._set_words()
        return learned.word

    def remove_embedding(self, word: str) -> None:
        """Make the model forget a learned word; UsageError where it has not learned it."""
        if word not in self._embeddings:
            raise UsageError(
                f"the word {word!r} is not learned; learned: {_names(self.embeddings)}"
            )
        del self._embeddings[word]
        self._set_words()

    def complete(self, request: Request) -> Request:
        """The request with what is on the model: all LoRAs, the learned words that it names.

        Raises RequestError where it asks for others: a picture that was painted with a LoRA is not
        painted again without it.
        """
        if request.loras is not None and sorted(request.loras) != sorted(self.loras):
            asked = [f"{name}:{weight:g}" for name, weight in request.loras]
            there = [f"{name}:{weight:g}" for name, weight in self.loras]
            raise RequestError(
                f"the picture takes LoRAs {_names(asked)}, the model has {_names(there)}: "
                "add or remove them first"
            )
        missing = sorted(set(request.embeddings or ()) - self._embeddings.keys())
        if missing:
            raise RequestError(f"the picture takes embeddings {_names(missing)}: add them first")
        tokenizer = self._words["text_encoder"].tokenizer
        used = tokenizer.learned_in(f"{request.prompt}\n{request.negative}")
        return request.with_defaults(loras=self.loras, embeddings=used)

    def _add_tower(self, name: str, tokenizer: Tokenizer, tower: TextTower) -> None:
        self._models[name] = tower
        self._words[name] = LearnedWords(tokenizer, tower)

    def _lora(self, name: str) -> PlacedLora:
        if name not in self._loras:
            raise UsageError(f"no LoRA {name!r} is on the model; there: {_names(self._loras)}")
        return self._loras[name]

    def _set_words(self) -> None:
        self.changes += 1
        for tower, words in self._words.items():
            words.set({word: one.vectors[tower] for word, one in self._embeddings.items()})


def summed(tags: Sequence[LoraTag]) -> dict[str, tuple[float, float]]:
    """The weights in text encoder and denoiser by name, those of one name added up."""
    total: dict[str, tuple[float, float]] = {}
    for tag in tags:
        text, picture = total.get(tag.name, (0.0, 0.0))
        total[tag.name] = text + tag.text_encoder, picture + tag.unet
    return total


def _file(folder: Path | None, name: str) -> Path | None:
    """The file of that name in a folder or those in it; UsageError where there are several."""
    found = [file for file in _files(folder) if file.stem == name]
    if len(found) > 1:
        raise UsageError(f"{folder} has several files for {name!r}: {_names(map(str, found))}")
    return found[0] if found else None


def _files(folder: Path | None) -> list[Path]:
    if folder is None:
        return []
    return sorted(file for file in folder.rglob("*") if file.suffix in SUFFIXES)


def _names(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
