"""The recipe of words that no caption has: a dictionary and an encoder of sentences say what is
nearest to each among what a model knows, and its text tower learns that.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from limner.checkpoints import ModelFolder, Words
from limner.data.everyday_words import EverydayWords
from limner.data.meanings import definitions, nearest_names
from limner.data.records import PictureSet, write_json
from limner.data.wordnet import WordNet, fetch_wordnet
from limner.errors import TrainingError
from limner.language.english import COLOURS
from limner.text.encode import TextEncoder
from limner.training.loop import LoopConfig
from limner.training.objectives import Objective
from limner.training.objectives.meanings import OTHER, THING, MeaningObjective
from limner.training.recipes.base import Source
from limner.training.recipes.conditions import PAD
from limner.training.sentences import load_sentence_encoder
from limner.training.sheet import Sheet

MEANINGS = "meanings.json"  # beside the model
SAID = (THING, f"a {THING}", f"a big {THING}", f"a picture of a {THING}", f"two {THING}s")
SAID_OF_TWO = (f"a {THING} and a {OTHER}", f"a {OTHER} and a {THING}", f"a {OTHER} on a {THING}")


@dataclass(frozen=True, kw_only=True)
class MeaningRecipe:
    """A text tower learns the words of a dictionary, each as the nearest name that it knows.

    words: folder of the set's everyday words. sentences: a wheel that `training.sentences` reads.
    least: cosine of a definition and a name, below which a word is not learned. dictionary: where
    it comes from.
    """

    source: Source
    words: Path
    loop: LoopConfig
    sentences: Path
    least: float = 0.55
    dictionary: Callable[[], WordNet] = fetch_wordnet
    needs: tuple[str, ...] = ("tokenizer", "text_encoder", "scheduler")

    def choose(self, data: PictureSet) -> PictureSet:
        return data.seen

    def objective(self, data: PictureSet, model: ModelFolder) -> MeaningObjective:
        known = model.load_settings()[3]
        if known is None:
            raise TrainingError(
                f"{model.path} does not say what it knows: a model that was trained on a set's "
                "concepts is right"
            )
        names = self._names(known)
        tower = model.load("text_encoder").float().train().requires_grad_(True)
        encoder = TextEncoder(model.load_tokenizer(tower=tower.config), tower, pad_mask=PAD)
        meanings = self._meanings(model.path.parent / MEANINGS, known, names)
        return MeaningObjective(encoder, meanings, names, captions_of(known))

    def save(self, objective: Objective, data: PictureSet, model: ModelFolder) -> None:
        model.save(objective.modules["text_encoder"])

    def sheet(self, objective: Objective, data: PictureSet, model: ModelFolder) -> Sheet | None:
        return None

    def _names(self, known: Words) -> list[str]:
        """What the concepts that the model knows are called, in letters."""
        called = EverydayWords.load(self.words).names
        names = (name for c in known.concepts for name in called.get(c, (c,)))
        return [name for name in dict.fromkeys(names) if name.isascii()]

    def _meanings(self, file: Path, known: Words, names: list[str]) -> dict[str, str]:
        """Word -> name; found once, since it takes minutes, and kept beside the model.

        Kept is what it was found from too: of other names, or another `least`, it is found anew.
        """
        read = (*known.concepts, *known.styles, *known.others)
        origin = {"names": names, "read": [*read], "least": self.least}
        if file.exists():
            kept = json.loads(file.read_text(encoding="utf-8"))
            if kept["origin"] == origin:
                found: dict[str, str] = kept["meanings"]
                return found
        defined = definitions(self.dictionary(), read)
        encoder = load_sentence_encoder(self.sentences)
        found = nearest_names(defined, names, encoder.vectors, least=self.least)
        write_json(file, {"origin": origin, "meanings": found})
        return found


def captions_of(known: Words) -> list[str]:
    """What is said of a thing: alone, with another, in each colour, in each style and in none."""
    things = [*SAID, *SAID_OF_TWO, *(f"a {colour} {THING}" for colour in COLOURS)]
    return [
        f"{thing}{tail}" for thing in things for tail in ("", *(f", {s}" for s in known.styles))
    ]
