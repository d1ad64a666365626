"""The recipe of a style namer, which tells a restyling's style picture by a word."""

from __future__ import annotations

from dataclasses import dataclass, field

from limner.checkpoints import ModelFolder
from limner.data.records import PictureSet
from limner.errors import TrainingError
from limner.models.style import StyleConfig, StyleNamer
from limner.training.loop import LoopConfig
from limner.training.objectives import Objective
from limner.training.objectives.styles import StyleChanges, StyleObjective
from limner.training.recipes.base import Source
from limner.training.sheet import Sheet


@dataclass(frozen=True, kw_only=True)
class StyleRecipe:
    """A style namer on all pictures that have a style and are not held out, RGBA."""

    source: Source
    loop: LoopConfig
    changes: StyleChanges = field(default_factory=StyleChanges)
    needs: tuple[str, ...] = ()

    def choose(self, data: PictureSet) -> PictureSet:
        chosen = data.seen.select(lambda record: bool(record.style))
        if len(_styles(chosen)) < 2:
            raise TrainingError("styles are told apart from pictures in two styles or more")
        if chosen.pictures.shape[1] != 4:
            raise TrainingError("styles are learned from RGBA pictures: these have no transparency")
        return chosen

    def objective(self, data: PictureSet, model: ModelFolder) -> StyleObjective:
        return StyleObjective(StyleNamer(StyleConfig(styles=_styles(data))), data, self.changes)

    def save(self, objective: Objective, data: PictureSet, model: ModelFolder) -> None:
        model.save(objective.modules["namer"])

    def sheet(self, objective: Objective, data: PictureSet, model: ModelFolder) -> Sheet | None:
        return None


def _styles(data: PictureSet) -> tuple[str, ...]:
    """The style words, in the order in which the records have them."""
    return tuple(dict.fromkeys(record.style for record in data.records))
