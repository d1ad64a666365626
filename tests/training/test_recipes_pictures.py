"""The pictures of a recipe: its own, and the form that others are brought to."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from limner.checkpoints import ModelFolder
from limner.checkpoints.clip import WholeClip, load_clip, save_clip
from limner.data.records import PictureSet, Record
from limner.models.clip import Clip, ClipConfig, TextTowerConfig, VisionTowerConfig
from limner.text.tokenizer import Tokenizer
from limner.training.recipes import (
    RECIPES,
    AutoencoderRecipe,
    ClipRecipe,
    DenoiserRecipe,
    Recipe,
    UpscalerRecipe,
    base,
)
from limner.training.recipes.pictures import form_for, pictures_for
from limner.training.recipes.world import WorldDenoiserRecipe


def blank(size: int) -> PictureSet:
    pictures = torch.zeros(1, 4, size, size, dtype=torch.uint8)
    return PictureSet(pictures=pictures, records=(Record(picture=0, concept="cat"),))


def test_emoji_are_as_large_as_the_model_that_they_teach_paints(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "load_emoji", blank)
    goes_on, anew = RECIPES["emoji-pairs"], RECIPES["emoji-autoencoder"]
    assert pictures_for(goes_on, tiny_model).size == 16
    assert pictures_for(goes_on, None).size == 64
    assert pictures_for(goes_on, tmp_path / "not yet there").size == 64
    assert pictures_for(anew, tiny_model).size == 64


def taken(recipe: Recipe) -> tuple[int | None, int | None]:
    """Pixels along a side, and channels, as far as a recipe's networks say."""
    if isinstance(recipe, ClipRecipe):
        return recipe.vision.image_size, recipe.vision.channels
    if isinstance(recipe, DenoiserRecipe):
        return recipe.sampling.size[0], recipe.config.in_channels if recipe.pixels else None
    if isinstance(recipe, WorldDenoiserRecipe):
        return recipe.world.size, 4
    if isinstance(recipe, AutoencoderRecipe):
        return None if recipe.world is None else recipe.world.size, recipe.config.in_channels
    return None, recipe.config.channels if isinstance(recipe, UpscalerRecipe) else None


@pytest.mark.parametrize("name", RECIPES)
def test_pictures_of_a_recipe_have_the_form_that_its_networks_take(name: str) -> None:
    size, channels = form_for(RECIPES[name], None)
    wanted = taken(RECIPES[name])
    assert wanted[0] in (None, size)
    assert wanted[1] in (None, channels)
    assert form_for(RECIPES[name], Path("not yet there")) == (size, channels)


@pytest.mark.parametrize("name", ["emoji-few-steps", "emoji-wide", "emoji-restyle"])
def test_pictures_have_the_form_of_the_model_that_is_gone_on_from(
    name: str, tiny_model: Path
) -> None:
    channels = ModelFolder(tiny_model).config("vae").in_channels
    assert form_for(RECIPES[name], tiny_model) == (16, channels)


def test_a_denoiser_on_another_models_autoencoder_keeps_its_own_size(tiny_model: Path) -> None:
    channels = ModelFolder(tiny_model).config("vae").in_channels
    assert form_for(RECIPES["emoji128-unet"], tiny_model) == (128, channels)


def test_pictures_have_the_form_of_the_clip_that_is_gone_on_from(tmp_path: Path) -> None:
    text = TextTowerConfig(width=16, layers=1, heads=1, mlp_width=16, projection_width=12)
    vision = VisionTowerConfig(
        image_size=24, patch=8, width=16, layers=1, heads=1, mlp_width=16, projection_width=12
    )
    clip = Clip.from_config(ClipConfig(text=text, vision=vision)).eval()
    whole = WholeClip(clip=clip, tokenizer=Tokenizer.clip(length=77), normalisation=None)
    save_clip(whole, tmp_path / "folder")
    assert form_for(RECIPES["emoji-clip"], tmp_path / "folder") == (24, 3)
    state = {
        n.split(".", 1)[-1]: t for n, t in load_clip(tmp_path / "folder").clip.state_dict().items()
    }
    file = tmp_path / "clip.safetensors"
    save_file(state | {"logit_scale": torch.tensor(3.0)}, file)
    assert form_for(RECIPES["emoji-clip"], file) == (24, 3)
    assert form_for(RECIPES["emoji-autoencoder"], file) == (64, 4)
