"""One training from a recipe: data, earlier parts, the loop, and the model folder at its end.

FOLDER/state.pt     weights, optimiser, averages, step: what resuming needs
FOLDER/state-before.pt  the save before, should that one be damaged
FOLDER/model/       a model folder: the parts that came before, and the one trained here
FOLDER/latents/     of a denoiser: its pictures, encoded once
FOLDER/log.jsonl    one line of losses every few steps
FOLDER/snapshots/   averages over time, where the loop is asked for them
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import torch

from limner.checkpoints import ModelFolder
from limner.checkpoints.clip import is_published, load_clip, save_clip
from limner.data.records import PictureSet
from limner.errors import TrainingError
from limner.training.launch import find_processes
from limner.training.loop import Progress, Trainer
from limner.training.objectives import Objective
from limner.training.recipes import Recipe, missing_parts
from limner.training.saving import claimed, holds_state
from limner.training.sheet import Sheet

LOG = "log.jsonl"
LOG_EVERY = 20


def check_begins(folder: Path, *, resume: bool) -> None:
    """Raise TrainingError where a training would begin over another, OSError where no file can be.

    To be called before data are read, which may take long.
    """
    if holds_state(folder) and not resume:
        raise TrainingError(f"{folder} already holds a training: add --resume, or name another")


def train(
    recipe: Recipe,
    data: PictureSet,
    folder: Path,
    *,
    base: Path | None = None,
    resume: bool = False,
    device: str = "cpu",
    shard: bool = False,
    sheet_every: int = 0,
    stop: Callable[[], bool] = lambda: False,
) -> Generator[Progress, None, Sheet | None]:
    """Train, yielding after every step; closing it early saves. Returns what the recipe shows.

    base: a model folder with the parts that the recipe needs. sheet_every: steps between sheets of
    what the averaged weights can do, which come with the progress; 0: none.
    shard: over several processes, each holds a part of every weight.
    stop: asked after every step; if it is true in any process, all save and end.
    Over several processes all of this is yielded by each, sheets and models only by the first.
    Raises TrainingError where a part is missing, the folder already holds a training or is being
    trained in, or another process has failed.
    """
    check_begins(folder, resume=resume)
    chosen = recipe.choose(data)
    processes = find_processes(device, shard=shard)
    with processes.together(), claimed(folder, processes.rank):
        with processes.in_turn():
            model = prepare(recipe, folder / "model", base)
            torch.manual_seed(recipe.loop.seed)
            objective = recipe.objective(chosen, model)
        trainer = Trainer(objective, recipe.loop, folder, processes)
        if resume:
            trainer.resume()

        def finished() -> AbstractContextManager[Objective | None]:
            return averaged(trainer, lambda: recipe.objective(chosen, model))

        def with_sheet(progress: Progress) -> Progress:
            if not sheet_every or progress.step % sheet_every:
                return progress
            with finished() as made:
                return replace(progress, sheet=recipe.sheet(made, data, model) if made else None)

        if not (yield from stoppable(trainer, stop, with_sheet)):
            return None
        with finished() as made:
            if made is None:
                return None
            recipe.save(made, chosen, model)
            return recipe.sheet(made, data, model)


def stoppable(
    trainer: Trainer,
    stop: Callable[[], bool],
    shown: Callable[[Progress], Progress] = lambda progress: progress,
) -> Generator[Progress, None, bool]:
    """Train, log and yield what is shown of each step; returns whether the last step was taken.

    stop: asked after every step; if it is true in any process, all save and end. Closing it early
    saves too, unless no process has a whole model: then all have to come together, as `stop` lets
    them.
    """
    processes = trainer.processes
    try:
        for progress in trainer.run():
            if processes.rank == 0:
                log(trainer.folder / LOG, progress)
            yield shown(progress)
            if progress.step < progress.steps and processes.any(stop()):
                trainer.save()
                return False
        return True
    except GeneratorExit:  # between two steps, where the state is whole
        if not processes.sharded:
            trainer.save()
        raise


@contextmanager
def averaged(trainer: Trainer, make: Callable[[], Objective]) -> Iterator[Objective | None]:
    """The objective with the average that ships, ready to be used, in the first process.

    Where no process holds the whole model, the weights are brought together in another one, which
    `make` makes.
    """
    trainer.settle()
    processes, modules = trainer.processes, trainer.objective.modules
    with trainer.ema.applied(trainer.config.ema[0]):
        state = processes.state_of(modules) if processes.sharded else {}
        if processes.rank:
            yield None
            return
        objective = make() if processes.sharded else trainer.objective
        if processes.sharded:
            objective.modules.to(processes.device).load_state_dict(state)
        objective.modules.eval()
        yield objective
        modules.train()


def prepare(recipe: Recipe, folder: Path, base: Path | None) -> ModelFolder:
    """The model folder to be, holding the parts that came before."""
    if base is not None and not folder.exists():
        if is_published(base):
            save_clip(load_clip(base), folder)
        else:
            ModelFolder(base).copy_to(folder)
    folder.mkdir(parents=True, exist_ok=True)
    model = ModelFolder(folder)
    missing = missing_parts(recipe, model)
    if missing:
        raise TrainingError(
            f"this recipe needs a model folder with {', '.join(missing)}: name it by --from"
        )
    return model


def log(path: Path, progress: Progress) -> None:
    """Append a line every `LOG_EVERY` steps; numbers only, so that any tool can draw it."""
    if progress.step % LOG_EVERY and progress.step != progress.steps:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    numbers = asdict(replace(progress, losses=dict(progress.losses), sheet=None))
    del numbers["sheet"]
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(numbers) + "\n")
