"""The recipes from pictures to a model that paints, on a few tiny pictures."""

from dataclasses import replace

import pytest
import torch

import limner
from limner.checkpoints import ModelFolder
from limner.checkpoints.conditions import encoder_of
from limner.data.latents import cached_latents
from limner.data.records import PictureSet, Record
from limner.errors import TrainingError
from limner.models.clip import TextTowerConfig, VisionTowerConfig
from limner.models.dit import DiTConfig
from limner.models.presets import AUTOENCODER_TINY, UNET_TINY
from limner.training.loop import LoopConfig
from limner.training.recipes import RECIPES, adjusted, encode_unpadded, recipe_named
from limner.training.run import train

LOOP = LoopConfig(steps=3, batch=4, learning_rate=1e-3, precision="fp32")
TEXT = TextTowerConfig(
    vocabulary_size=600, end=599, length=12, width=24, layers=1, heads=2, mlp_width=32,
    projection_width=16,
)  # fmt: skip
VISION = VisionTowerConfig(
    image_size=16, patch=8, channels=4, width=24, layers=1, heads=2, mlp_width=32,
    projection_width=16,
)  # fmt: skip
SMALL = {
    "emoji-autoencoder": replace(RECIPES["emoji-autoencoder"], loop=LOOP, config=AUTOENCODER_TINY),
    "emoji-clip": replace(
        RECIPES["emoji-clip"], loop=LOOP, text=TEXT, vision=VISION, vocabulary=600, concepts=None
    ),
    "emoji-unet": replace(
        RECIPES["emoji-unet"], loop=LOOP, config=UNET_TINY, concepts=None,
        sampling=replace(RECIPES["emoji-unet"].sampling, size=(16, 16), steps=2),
    ),
    "emoji-dit": replace(
        RECIPES["emoji-dit"], loop=LOOP, concepts=None,
        config=DiTConfig(width=16, depth=1, heads=2, context_width=24, size=(8, 8)),
        sampling=replace(RECIPES["emoji-dit"].sampling, size=(16, 16), steps=2),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def data():
    chance = torch.Generator().manual_seed(0)
    pictures = torch.randint(0, 256, (12, 4, 16, 16), generator=chance).to(torch.uint8)
    names = ["red apple", "blue cat", "green tree", "old house"]
    records = [
        Record(
            picture=i, concept=names[i // 3], style=("3d", "noto", "flat")[i % 3],
            names=(names[i // 3],), keywords=("thing",), held_out=i == 11,
        )
        for i in range(12)
    ]  # fmt: skip
    return PictureSet(pictures=pictures, records=tuple(records))


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """The folders of the four trainings, each built on the ones before."""
    root = tmp_path_factory.mktemp("runs")
    base = None
    for name in ("emoji-autoencoder", "emoji-clip", "emoji-unet"):
        list(train(SMALL[name], data, root / name, base=base))
        base = root / name / "model"
    list(train(SMALL["emoji-dit"], data, root / "emoji-dit", base=root / "emoji-clip" / "model"))
    return root


@pytest.mark.parametrize("name", ["emoji-unet", "emoji-dit"])
def test_the_recipes_make_a_model_that_paints(trained, name):
    painter = limner.load(trained / name / "model", device="cpu")
    result = painter.generate("a red apple, 3d", seed=1)
    assert result.images[0].size == (16, 16)
    assert painter.words.concepts == ("red apple", "blue cat", "green tree", "old house")
    assert "thing" in painter.words.others


def encoded_already(pixels):
    raise AssertionError("the training has kept its latents")


def test_latents_are_normalised_for_the_denoiser(trained, data):
    autoencoder = ModelFolder(trained / "emoji-unet" / "model").load("vae")
    kept = trained / "emoji-unet" / "latents"
    raw = cached_latents(kept, encoded_already, data.seen, encoder=autoencoder)
    latents = autoencoder.config.space.normalise(raw)
    assert len(latents) == len(data.seen)
    torch.testing.assert_close(latents.mean((0, 2, 3)), torch.zeros(4), atol=1e-4, rtol=0)
    torch.testing.assert_close(latents.std((0, 2, 3)), torch.ones(4), atol=1e-3, rtol=0)


def test_the_text_tower_is_trained_along_and_the_autoencoder_is_not(trained):
    before, after = (ModelFolder(trained / n / "model") for n in ("emoji-clip", "emoji-unet"))
    towers = [f.load("text_encoder").state_dict() for f in (before, after)]
    assert any(not torch.equal(towers[0][name], towers[1][name]) for name in towers[0])
    decoders = [f.load("vae").state_dict() for f in (before, after)]
    assert all(torch.equal(decoders[0][name], decoders[1][name]) for name in decoders[0])


def test_stopping_a_training_saves_and_resuming_gives_the_same_model(trained, data, tmp_path):
    base = trained / "emoji-clip" / "model"
    run = train(SMALL["emoji-unet"], data, tmp_path / "run", base=base)
    next(run)
    with pytest.raises(TrainingError, match="is being trained in by another process"):
        list(train(SMALL["emoji-unet"], data, tmp_path / "run", base=base))
    run.close()
    with pytest.raises(TrainingError, match="already holds a training"):
        list(train(SMALL["emoji-unet"], data, tmp_path / "run", base=base))
    steps = [p.step for p in train(SMALL["emoji-unet"], data, tmp_path / "run", resume=True)]
    assert steps == [2, 3]
    ours = ModelFolder(tmp_path / "run" / "model").load("unet").state_dict()
    theirs = ModelFolder(trained / "emoji-unet" / "model").load("unet").state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_padding_that_no_caption_needs_changes_nothing(trained):
    parts = limner.load(trained / "emoji-unet" / "model", device="cpu").parts
    encoder, captions = encoder_of(parts), ["a red apple, 3d", "cat"]
    whole, cut = encoder(captions), encode_unpadded(encoder, captions)
    length = cut.context.shape[1]
    assert length < whole.context.shape[1]
    assert not whole.mask[:, length:].any()
    torch.testing.assert_close(cut.context[cut.mask], whole.context[whole.mask])


def test_captioned_pictures_of_ones_own_are_data_too(trained, data, tmp_path):
    records = [Record(picture=i, concept="", captions=(f"my cat {i}",)) for i in range(6)]
    own = PictureSet(pictures=data.pictures[:6], records=tuple(records))
    recipe = replace(SMALL["emoji-unet"], concepts=400)
    list(train(recipe, own, tmp_path / "run", base=trained / "emoji-clip" / "model"))
    painter = limner.load(tmp_path / "run" / "model", device="cpu")
    assert painter.words.concepts == ()
    assert painter.generate("my cat", seed=0).warnings == ()
    assert painter.generate("a dog", seed=0).warnings


def test_a_part_that_is_missing_is_named(data, tmp_path):
    with pytest.raises(TrainingError, match="needs a model folder with vae, tokenizer"):
        list(train(SMALL["emoji-unet"], data, tmp_path / "run"))


def test_numbers_of_a_recipe_can_be_changed():
    assert adjusted(RECIPES["emoji-unet"], steps=5, concepts=60).loop.steps == 5
    with pytest.raises(TrainingError, match="leave --concepts out"):
        adjusted(RECIPES["emoji-autoencoder"], concepts=60)
    with pytest.raises(TrainingError, match="recipe 'x' is unknown: one of emoji-autoencoder"):
        recipe_named("x")
