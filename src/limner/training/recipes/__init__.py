"""What `limner train` can train: one row a recipe, by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from limner.checkpoints import ModelFolder
from limner.errors import TrainingError
from limner.training.recipes.autoencoder import AdversaryRecipe, AutoencoderRecipe
from limner.training.recipes.bakeoff import BAKEOFF_RECIPES
from limner.training.recipes.base import Recipe, Source
from limner.training.recipes.clip import ClipRecipe
from limner.training.recipes.conditions import (
    ByClass,
    ByNothing,
    ByText,
    ConditionRecipe,
    encode_unpadded,
)
from limner.training.recipes.denoiser import DenoiserRecipe
from limner.training.recipes.emoji import EMOJI_DENOISER, EMOJI_RECIPES, EMOJI_SAMPLING
from limner.training.recipes.everyday import EVERYDAY_RECIPES
from limner.training.recipes.masks import MaskRecipe
from limner.training.recipes.seeds import SEED_RECIPES
from limner.training.recipes.upscaler import UpscalerRecipe

__all__ = [
    "EMOJI_DENOISER",
    "EMOJI_SAMPLING",
    "RECIPES",
    "AdversaryRecipe",
    "AutoencoderRecipe",
    "ByClass",
    "ByNothing",
    "ByText",
    "ClipRecipe",
    "ConditionRecipe",
    "DenoiserRecipe",
    "MaskRecipe",
    "Recipe",
    "Source",
    "UpscalerRecipe",
    "adjusted",
    "encode_unpadded",
    "missing_parts",
    "recipe_named",
]

RECIPES: dict[str, Recipe] = {
    **EMOJI_RECIPES,
    **EVERYDAY_RECIPES,
    **BAKEOFF_RECIPES,
    **SEED_RECIPES,
}


def recipe_named(name: str) -> Recipe:
    """The recipe of that name, else TrainingError."""
    if name not in RECIPES:
        raise TrainingError(f"recipe {name!r} is unknown: one of {', '.join(RECIPES)} is right")
    return RECIPES[name]


def adjusted(
    recipe: Recipe,
    *,
    steps: int | None = None,
    batch: int | None = None,
    seed: int | None = None,
    concepts: int | None = None,
    **loop: Any,
) -> Recipe:
    """The recipe with other numbers where they are given; TrainingError where one has no place.

    loop: other fields of its `LoopConfig`.
    """
    given = {"steps": steps, "batch": batch, "seed": seed, **loop}
    changes: dict[str, Any] = {name: n for name, n in given.items() if n is not None}
    row: Any = recipe
    row = replace(row, loop=replace(row.loop, **changes))
    if concepts is None:
        return row
    if not hasattr(row, "concepts"):
        raise TrainingError("this recipe learns from all pictures: leave --concepts out")
    return replace(row, concepts=concepts)


def missing_parts(recipe: Recipe, model: ModelFolder) -> Sequence[str]:
    """The parts that the recipe needs and the folder has not."""
    return [part for part in recipe.needs if not model.has(part)]
