"""The LoRAs and learned words that a model's requests have by default, and those they name.

Nothing is put on a model here: a request's adapters are a value (`Adapted`), which the engine puts
on for the request's own calls.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TypeVar

from limner.checkpoints.few_steps import FewSteps, few_steps_of
from limner.checkpoints.lora import read_lora
from limner.checkpoints.textual_inversion import TextualInversion, read_textual_inversion
from limner.engine.adapted import Adapted, PlacedLora, Places, Weighed
from limner.errors import RequestError, UsageError
from limner.pipeline.request import COLLAGE, Request
from limner.prompt import Lora as LoraTag
from limner.text.tokenizer import words_in

TAG = re.compile(r"<[^<>:]*:[^<>]*>")  # what it names is no word of the text
LORA_TAG = re.compile(r"(?:<lora:|(?:with|use)Lora\()([^:<>,()]+)")
SUFFIXES = (".safetensors", ".pt", ".bin")
MOST_FILES = 8  # LoRAs that prompts have named, kept in memory

T = TypeVar("T")
Loras = tuple[tuple[str, float], ...]


class Adapters:
    """What later requests have on the model by default, by name.

    lora_folder: where `<lora:name:weight>` of a prompt finds its file; None: only those added can
    be named. embedding_folder: whose files are learned when a prompt has their names.
    layout_lora: a LoRA that paints better in parts, for requests with a layout or regions.
    """

    lora_folder: Path | None = None
    embedding_folder: Path | None = None
    layout_lora: Path | None = None

    def __init__(self, places: Places) -> None:
        self._places = places
        self._loras: dict[str, tuple[PlacedLora, float]] = {}
        self._named: dict[tuple[Path, float], PlacedLora] = {}
        self._embeddings: dict[str, TextualInversion] = {}
        self._merged = False
        # Requests of several threads learn the same words, and look at what there is while others
        # change it: a change of LoRAs or words puts a new dictionary in the old one's place.
        self._lock = threading.RLock()

    @property
    def loras(self) -> Loras:
        """(name, weight) of each."""
        return tuple((name, weight) for name, (_, weight) in self._loras.items())

    @property
    def embeddings(self) -> tuple[str, ...]:
        """The learned words, those that LoRAs bring among them."""
        return tuple(self._known())

    @property
    def warnings(self) -> tuple[str, ...]:
        """What of the files could not be used."""
        said = (lora.warning for lora, _ in self._loras.values())
        return tuple(warning for warning in said if warning is not None)

    def add_lora(self, path: str | Path, weight: float = 1.0, name: str | None = None) -> str:
        """Take up a LoRA file and return its name, that of the file if None.

        Raises UsageError where the name is taken, CheckpointError where the file does not fit.
        """
        name = Path(path).stem if name is None else name
        with self._lock:
            if name in self._loras:
                raise UsageError(
                    f"a LoRA {name!r} is on the model already: give this one another name"
                )
            self.put(name, self._read(Path(path), name), weight)
        return name

    def put(self, name: str, lora: PlacedLora, weight: float = 1.0) -> None:
        """Take up a LoRA that was not read from a file."""
        with self._lock:
            self._loras = {**self._loras, name: (lora, weight)}

    def set_weight(self, name: str, weight: float) -> None:
        """Change the weight of a LoRA; UsageError where there is none of that name."""
        with self._lock:
            self.put(name, self._lora(name), weight)

    def remove_lora(self, name: str) -> None:
        """Give up a LoRA; UsageError where there is none of that name."""
        with self._lock:
            self._lora(name)
            self._loras = _without(self._loras, name)

    def merge(self) -> None:
        """Have the LoRAs added into the weights, so that they cost no time at each step.

        The weights as they were stay in memory beside them; `remove_lora` and `set_weight` work on.
        """
        self._merged = True

    def learn(self, *texts: str) -> None:
        """Learn the words of `embedding_folder` that stand in these texts.

        They are found as a tokenizer finds those that are learned. Of files of one name one in
        safetensors is taken; UsageError where that leaves several.
        """
        plain = TAG.sub(" ", "\n".join(texts))
        by_name: dict[str, list[Path]] = {}
        for file in _files(self.embedding_folder):
            by_name.setdefault(file.stem.lower(), []).append(file)
        with self._lock:
            known = {word.lower() for word in self._embeddings}
            for name in words_in(by_name, plain):
                if name not in known:
                    file = self._only(by_name[name])
                    self.add_embedding(file, file.stem)

    def _only(self, files: Sequence[Path]) -> Path:
        """The file of one name that is taken."""
        best = [file for file in files if file.suffix.lower() == SUFFIXES[0]] or files
        if len(best) > 1:
            raise _several(self.embedding_folder, files[0].stem, best)
        return best[0]

    def add_embedding(self, path: str | Path, word: str | None = None) -> str:
        """Learn a word from a textual inversion file, and return the word.

        word: None takes the file's. Raises UsageError where it is taken, CheckpointError where the
        file does not fit.
        """
        learned = read_textual_inversion(path, self._places.widths, word)
        with self._lock:
            if learned.word.lower() in (taken.lower() for taken in self._embeddings):
                raise UsageError(f"the word {learned.word!r} is taken: give this one another word")
            self._embeddings = {**self._embeddings, learned.word: learned}
        return learned.word

    def remove_embedding(self, word: str) -> None:
        """Forget a learned word; UsageError where it was not learned."""
        with self._lock:
            if word not in self._embeddings:
                raise UsageError(
                    f"the word {word!r} is not learned; learned: {_names(self.embeddings)}"
                )
            self._embeddings = _without(self._embeddings, word)

    def _known(self, texts: Sequence[str] = ()) -> dict[str, TextualInversion]:
        """The learned words by name, with those of LoRAs that are on, or tagged in these texts."""
        on = self._loras
        tagged = {name.strip() for text in texts for name in LORA_TAG.findall(text)}
        loras = [lora for lora, _ in on.values()]
        loras += [lora for name in tagged - on.keys() if (lora := self._of_folder(name))]
        return {word.word: word for lora in loras for word in lora.words} | self._embeddings

    def complete(self, request: Request, said: Callable[[], Sequence[str]]) -> Request:
        """The request with what there is by default: all LoRAs, the learned words that it names.

        said: what its texts come to (`limner.pipeline.saying`), in which words are looked for.
        Raises RequestError where it asks for others: a picture that was painted with a LoRA is not
        painted again without it.
        """
        on = self.loras
        if request.loras is not None and sorted(request.loras) != sorted(on):
            asked = [f"{name}:{weight:g}" for name, weight in request.loras]
            there = [f"{name}:{weight:g}" for name, weight in on]
            raise RequestError(
                f"the picture takes LoRAs {_names(asked)}, the model has {_names(there)}: "
                "add or remove them first"
            )
        known = self._taken(request)
        used = words_in(known, "\n".join(said())) if known else ()
        return request.with_defaults(loras=on, embeddings=used)

    def _taken(self, request: Request) -> dict[str, TextualInversion]:
        """The learned words for a request. Raises RequestError where it takes others."""
        known = self._known(request.texts)
        missing = sorted(set(request.embeddings or ()) - known.keys())
        if missing:
            raise RequestError(f"the picture takes embeddings {_names(missing)}: add them first")
        return known

    def few_steps(self, request: Request) -> FewSteps | None:
        """How a request with defaults of `complete` is painted by a LoRA that was distilled.

        One that its name tells of, the first; None where there is none.
        """
        tagged = (name.strip() for text in request.texts for name in LORA_TAG.findall(text))
        found = map(few_steps_of, chain((name for name, _ in request.loras or ()), tagged))
        return next(filter(None, found), None)

    def adapted(
        self, request: Request, tags: Sequence[LoraTag]
    ) -> tuple[Adapted, tuple[str, ...], tuple[str, ...]]:
        """What a completed request has on the model; the names that nobody has; warnings.

        The LoRAs that a prompt's tags name have the tags' weights; one that was not added comes
        from `lora_folder`. Tags of one name add up.
        """
        loras = self.loras if request.loras is None else request.loras
        wanted = {name: (self._lora(name), weight, weight) for name, weight in loras}
        missing, laid_out = [], self.layout_lora
        parted = request.layout != COLLAGE and (request.layout or request.regions)
        if parted and laid_out is not None and laid_out.stem not in wanted:
            wanted[laid_out.stem] = self._of_file(laid_out, laid_out.stem), 1.0, 1.0
        on = self._loras
        for name, weights in summed(tags).items():
            lora = on[name][0] if name in on else self._of_folder(name)
            if lora is None:
                missing.append(name)
            else:
                wanted[name] = lora, *weights
        known = self._taken(request)
        adapted = Adapted(
            loras=tuple(
                Weighed(name=name, lora=lora, text=text, picture=picture)
                for name, (lora, text, picture) in wanted.items()
            ),
            words=tuple(known[word] for word in request.embeddings or ()),
            merged=self._merged,
        )
        warnings = [each.lora.warning for each in adapted.loras]
        return adapted, tuple(missing), tuple(each for each in warnings if each is not None)

    @property
    def lora_names(self) -> list[str]:
        """What a prompt's tag can name: those that are on, and those of `lora_folder`."""
        on = {name for name, _ in self.loras}
        return sorted(on | {file.stem for file in _files(self.lora_folder)})

    def _of_folder(self, name: str) -> PlacedLora | None:
        """The LoRA of that name in `lora_folder`."""
        file = _file(self.lora_folder, name)
        return None if file is None else self._of_file(file, name)

    def _of_file(self, file: Path, name: str) -> PlacedLora:
        """A LoRA's file, as it was read last; read anew where it has changed."""
        key = file, file.stat().st_mtime
        with self._lock:
            if key not in self._named:
                self._named[key] = self._read(file, name)
                for old in list(self._named)[:-MOST_FILES]:
                    del self._named[old]
            return self._named[key]

    def _read(self, path: Path, name: str) -> PlacedLora:
        models = dict(self._places.models)
        lora = read_lora(path, models)
        text, picture = (part.adapter(models, 1.0) for part in lora.text_and_picture())
        if not lora.unmatched:
            return PlacedLora(text, picture, words=lora.words)
        return PlacedLora(
            text,
            picture,
            words=lora.words,
            warning=f"LoRA {name!r}: {len(lora.unmatched)} keys match no module of this model and "
            f"are left out; the first is {lora.unmatched[0][:100]}",
        )

    def _lora(self, name: str) -> PlacedLora:
        on = self._loras
        if name not in on:
            raise UsageError(f"no LoRA {name!r} is on the model; there: {_names(on)}")
        return on[name][0]


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
        raise _several(folder, name, found)
    return found[0] if found else None


def _several(folder: Path | None, name: str, files: Iterable[Path]) -> UsageError:
    return UsageError(f"{folder} has several files for {name!r}: {_names(map(str, files))}")


def _files(folder: Path | None) -> list[Path]:
    if folder is None:
        return []
    return sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES)


def _without(named: Mapping[str, T], name: str) -> dict[str, T]:
    """All but the one of that name."""
    return {other: value for other, value in named.items() if other != name}


def _names(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
