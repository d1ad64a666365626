"""One training from a recipe: data, earlier parts, the loop, and the model folder at its end.

FOLDER/state.pt     weights, optimiser, averages, step: what resuming needs
FOLDER/model/       a model folder: the parts that came before, and the one trained here
FOLDER/latents/     of a denoiser: its pictures, encoded once
FOLDER/log.jsonl    one line of losses every few steps
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Generator
from dataclasses import asdict
from pathlib import Path

import torch

from limner.checkpoints import ModelFolder
from limner.data.records import PictureSet
from limner.errors import TrainingError
from limner.training.loop import STATE, Progress, Trainer
from limner.training.recipes import Recipe, missing_parts

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
) -> Generator[Progress, None, None]:
    """Train, yielding after every step; closing it early saves.

    base: a model folder with the parts that the recipe needs.
    Raises TrainingError where a part is missing, or the folder already holds a training.
    """
    if (folder / STATE).exists() and not resume:
        raise TrainingError(f"{folder} already holds a training: add --resume, or name another")
    model = prepare(recipe, folder / "model", base)
    chosen = recipe.choose(data)
    torch.manual_seed(recipe.loop.seed)
    objective = recipe.objective(chosen, model)
    objective.modules.to(device)
    trainer = Trainer(objective, recipe.loop, folder)
    if resume:
        trainer.resume()
    try:
        for progress in trainer.run():
            log(folder / LOG, progress)
            yield progress
    except GeneratorExit:  # between two steps, where the state is whole
        trainer.save()
        raise
    with trainer.ema.applied(recipe.loop.ema[0]):
        objective.modules.eval()
        recipe.save(objective, chosen, model)


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
        file.write(json.dumps(asdict(progress)) + "\n")
