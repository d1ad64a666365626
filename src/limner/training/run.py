"""One training from a recipe: data, earlier parts, the loop, and the model folder at its end.

FOLDER/state.pt     weights, optimiser, averages, step: what resuming needs
FOLDER/model/       a model folder: the parts that came before, and the one trained here
FOLDER/latents/     of a denoiser: its pictures, encoded once
FOLDER/log.jsonl    one line of losses every few steps
FOLDER/snapshots/   averages over time, where the loop is asked for them
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Generator
from dataclasses import asdict, replace
from pathlib import Path

import torch

from limner.checkpoints import ModelFolder
from limner.data.records import PictureSet
from limner.errors import TrainingError
from limner.training.distributed import find_processes
from limner.training.loop import STATE, Progress, Trainer
from limner.training.recipes import Recipe, missing_parts
from limner.training.sheet import Sheet

LOG = "log.jsonl"
LOG_EVERY = 20


def train(
    recipe: Recipe,
    data: PictureSet,
    folder: Path,
    *,
    base: Path | None = None,
    resume: bool = False,
    device: str = "cpu",
    sheet_every: int = 0,
    stop: Callable[[], bool] = bool,
) -> Generator[Progress, None, Sheet | None]:
    """Train, yielding after every step; closing it early saves. Returns what the recipe shows.

    base: a model folder with the parts that the recipe needs. sheet_every: steps between sheets of
    what the averaged weights can do, which come with the progress; 0: none.
    stop: asked after every step; if it is true in any process, all save and end.
    Over several processes all of this is yielded by each, sheets and models only by the first.
    Raises TrainingError where a part is missing, or the folder already holds a training.
    """
    if (folder / STATE).exists() and not resume:
        raise TrainingError(f"{folder} already holds a training: add --resume, or name another")
    chosen = recipe.choose(data)
    processes = find_processes(device)
    with processes.in_turn():
        model = prepare(recipe, folder / "model", base)
        torch.manual_seed(recipe.loop.seed)
        objective = recipe.objective(chosen, model)
    trainer = Trainer(objective, recipe.loop, folder, processes)
    if resume:
        trainer.resume()
    try:
        for progress in trainer.run():
            if processes.rank == 0:
                log(folder / LOG, progress)
                if sheet_every and progress.step % sheet_every == 0:
                    with trainer.averaged():
                        progress = replace(progress, sheet=recipe.sheet(objective, data, model))
            yield progress
            if progress.step < progress.steps and processes.any(stop()):
                trainer.save()
                return None
    except GeneratorExit:  # between two steps, where the state is whole
        trainer.save()
        raise
    finally:
        processes.close()
    if processes.rank != 0:
        return None
    with trainer.averaged():
        recipe.save(objective, chosen, model)
        return recipe.sheet(objective, data, model)


def prepare(recipe: Recipe, folder: Path, base: Path | None) -> ModelFolder:
    """The model folder to be, holding the parts that came before."""
    if base is not None and not folder.exists():
        shutil.copytree(base, folder)
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
    with path.open("a") as file:
        file.write(
            json.dumps({name: n for name, n in asdict(progress).items() if name != "sheet"}) + "\n"
        )
