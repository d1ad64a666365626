"""The pictures that a recipe learns from: those that it names, or others as it takes them."""

from __future__ import annotations

from pathlib import Path

from limner.checkpoints import ModelFolder
from limner.checkpoints.clip import is_published, load_clip
from limner.data.records import PictureSet
from limner.training.recipes.base import Emoji, Recipe
from limner.training.recipes.clip import ClipRecipe, begun


def pictures_for(recipe: Recipe, base: Path | None) -> PictureSet:
    """The pictures that a recipe names; emoji as large as the base paints, where it keeps to that.

    DataError if they are not there.
    """
    source = recipe.source
    if isinstance(source, Emoji):
        source = Emoji(_size_for(recipe, base))
    return source()


def form_for(recipe: Recipe, base: Path | None) -> tuple[int, int]:
    """Pixels along a side, and channels, that pictures of a user are brought to.

    Those of the base's parts that the recipe goes on from, else of the pictures that it names.
    """
    if isinstance(recipe, ClipRecipe) and base is not None:
        if is_published(base):
            vision = load_clip(base).clip.vision.config
            return vision.image_size, vision.channels
        if begun(ModelFolder(base)):
            vision = ModelFolder(base).config("image_encoder")
            return vision.image_size, vision.channels
    return _size_for(recipe, base), _channels_for(recipe, base)


def _size_for(recipe: Recipe, base: Path | None) -> int:
    if base is not None and "scheduler" in recipe.needs and ModelFolder(base).has("scheduler"):
        return ModelFolder(base).load_settings()[2].size[0]
    return recipe.source.size


def _channels_for(recipe: Recipe, base: Path | None) -> int:
    if base is not None and "vae" in recipe.needs and ModelFolder(base).has("vae"):
        channels: int = ModelFolder(base).config("vae").in_channels
        return channels
    return recipe.source.channels
