"""A trained model with another average of its weights than the one that it was saved with."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from torch import Tensor, nn

from limner.data.records import PictureSet
from limner.errors import TrainingError
from limner.training.recipes import Recipe
from limner.training.run import prepare
from limner.training.sheet import Sheet
from limner.training.snapshots import FOLDER, read_snapshots, rebuild


def rebuild_model(
    recipe: Recipe,
    data: PictureSet,
    folder: Path,
    target: Path,
    *,
    width: float,
    step: int | None = None,
    base: Path | None = None,
) -> Sheet | None:
    """Write the model folder that a training would have made; returns what the recipe shows.

    folder: of the training, with its snapshots. target: the model folder, which must not exist.
    width, step: as in `snapshots.rebuild`. base: the model folder that the training began with.
    Raises TrainingError where the snapshots are missing, or of another recipe.
    """
    if target.exists():
        raise TrainingError(f"{target} exists already: name another")
    weights = rebuild(read_snapshots(folder / FOLDER), width=width, step=step)
    chosen = recipe.choose(data)
    try:
        model = prepare(recipe, target, base)
        objective = recipe.objective(chosen, model)
        load(objective.modules, weights, folder)
        objective.modules.eval()
        recipe.save(objective, chosen, model)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)  # half a model, which was not there before
        raise
    return recipe.sheet(objective, data, model)


@torch.no_grad()
def load(modules: nn.Module, weights: dict[str, Tensor], folder: Path) -> None:
    """Put the rebuilt weights in the place of those that are trained."""
    trained = {name: p for name, p in modules.named_parameters() if p.requires_grad}
    shapes = {name: weight.shape for name, weight in weights.items()}
    if shapes != {name: parameter.shape for name, parameter in trained.items()}:
        raise TrainingError(f"the snapshots in {folder} are of another recipe than the one named")
    for name, parameter in trained.items():
        parameter.copy_(weights[name])
