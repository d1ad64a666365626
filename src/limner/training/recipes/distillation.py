"""The recipe of few steps: the denoiser of a model folder is its own teacher."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field, replace

from limner.checkpoints import ModelFolder
from limner.data.records import PictureSet
from limner.diffusion.prediction import name_of
from limner.diffusion.schedules import levels
from limner.errors import TrainingError
from limner.training.loop import LoopConfig
from limner.training.objectives import Objective
from limner.training.objectives.conditions import TextCondition, Told
from limner.training.objectives.distillation import DistillationObjective
from limner.training.recipes.autoencoder import own_latents
from limner.training.recipes.base import Source, trained_denoiser, within
from limner.training.recipes.conditions import ByText
from limner.training.sheet import Sheet


@dataclass(frozen=True, kw_only=True)
class DistillationRecipe:
    """A text-conditional denoiser in `steps` steps of Euler, with its model's guidance folded in.

    substeps: of the teacher in each step of the student. Schedule, shift, guidance and concepts are
    those of the model folder that is distilled.
    """

    source: Source
    loop: LoopConfig
    steps: int = 4
    substeps: int = 4
    told: ByText = field(default_factory=lambda: ByText(train=False, dropout=0.0))

    @property
    def needs(self) -> tuple[str, ...]:
        return ("vae", "scheduler", *self.told.needs)

    def choose(self, data: PictureSet) -> PictureSet:
        return data.seen

    def objective(self, data: PictureSet, model: ModelFolder) -> DistillationObjective:
        process, prediction, sampling, words = model.load_settings()
        if sampling.guidance == 1:
            raise TrainingError(
                f"{model.path} is painted without guidance: it is distilled already, or has none "
                "to fold in; a model with guidance is right, and one that is not its own student"
            )
        data = within(data, words)
        condition, _ = self.told.condition(data, model)
        assert isinstance(condition, TextCondition)
        empty = condition.of([""])

        def untold(count: int) -> Told:
            return {
                n: None if v is None else v.expand(count, *v.shape[1:]) for n, v in empty.items()
            }

        teacher = trained_denoiser(model)
        student = deepcopy(teacher).train().requires_grad_(True)
        return DistillationObjective(
            student,
            teacher,
            own_latents(data, model),
            condition,
            untold,
            process=process,
            prediction=prediction,
            visited=levels(
                process, self.steps * self.substeps, sampling.schedule, shift=sampling.shift
            ),
            substeps=self.substeps,
            guidance=sampling.guidance,
        )

    def save(self, objective: Objective, data: PictureSet, model: ModelFolder) -> None:
        process, prediction, sampling, words = model.load_settings()
        model.save(objective.modules["denoiser"])
        few = replace(sampling, steps=self.steps, guidance=1.0, solver="euler")
        model.save_settings(process, name_of(prediction), few, words)

    def sheet(self, objective: Objective, data: PictureSet, model: ModelFolder) -> Sheet | None:
        return None
