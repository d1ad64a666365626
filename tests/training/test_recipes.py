"""The table of recipes, and the seeds' experiments at toy size from pictures to sheet."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import limner
from limner.checkpoints import ModelFolder
from limner.data.captions import class_records
from limner.data.records import PictureSet, Record
from limner.diffusion.prediction import Epsilon, V
from limner.diffusion.process import DiscreteDiffusion, RectifiedFlow
from limner.errors import DataError, TrainingError
from limner.generators import finish
from limner.models.discriminator import DiscriminatorConfig
from limner.models.dit import DiT
from limner.models.presets import AUTOENCODER_TINY
from limner.models.upscaler import UpscalerConfig
from limner.training.loop import LoopConfig
from limner.training.objectives.upscaling import Patches
from limner.training.recipes import RECIPES, AdversaryRecipe
from limner.training.recipes.base import one_of_each, title
from limner.training.recipes.clip import matrix_sheet, sample_captions
from limner.training.run import train
from limner.training.whitening import whiten

LOOP = LoopConfig(steps=2, batch=4, learning_rate=1e-3, precision="fp32")
CLASSES = ("coat", "ankle boot", "bag")


def clothes(channels=1, size=8):
    chance = torch.Generator().manual_seed(0)
    pictures = torch.randint(0, 256, (9, channels, size, size), generator=chance).to(torch.uint8)
    return PictureSet(
        pictures=pictures, records=class_records([0, 1, 2] * 3, CLASSES, held_out=False)
    )


def small(name, **changes):
    return replace(RECIPES[name], loop=LOOP, **changes)


def run(recipe, data, folder, base=None):
    return finish(train(recipe, data, folder, base=base), lambda progress: None)


def tiny_dit(name, **fields):
    row = RECIPES[name]
    config = replace(row.config, width=16, depth=1, heads=2, time_width=16, size=(8, 8), **fields)
    return small(name, config=config, sampling=replace(row.sampling, size=(8, 8), steps=2))


@pytest.fixture(scope="module")
def towers(tmp_path_factory):
    """The folder of a CLIP on captions, and its similarity matrix."""
    row = RECIPES["fashion-clip"]
    text = replace(row.text, width=16, heads=2, layers=1, mlp_width=16)
    vision = replace(row.vision, image_size=8, width=16, heads=2, layers=1, mlp_width=16)
    folder = tmp_path_factory.mktemp("clip")
    sheet = run(small("fashion-clip", text=text, vision=vision), clothes(), folder)
    return folder / "model", sheet


def test_the_notebooks_model_has_the_notebooks_size():
    notebook, classes = RECIPES["notebook-dit"], RECIPES["notebook-dit-classes"]
    count = [sum(p.numel() for p in DiT(r.config).parameters()) for r in (notebook, classes)]
    # the notebook's class table has ten rows of the time's width and one for "no class"
    assert count == [18_145_072, 12_379_440]
    loop = notebook.loop
    assert (loop.learning_rate, loop.weight_decay, loop.batch) == (1e-4, 0.01, 64)
    assert loop.steps == 30 * (50_000 // 64)
    assert (notebook.sampling.steps, notebook.sampling.guidance) == (50, 7.5)
    assert notebook.told.dropout == 0.1


def test_a_similarity_matrix_is_a_sheet_of_tiles(towers):
    _, sheet = towers
    assert sheet.columns == 4
    assert sheet.labels[4] == "coat"
    assert all(-1 <= float(label) <= 1 for label in sheet.labels[5:8])
    assert len(sheet.pictures) == 16


def test_the_most_alike_are_the_lightest():
    values = torch.tensor([[0.9, -0.1], [0.4, 0.4]])
    sheet = matrix_sheet(values, ["a", "b"], torch.zeros(2, 4, 2, 2))
    tiles = sheet.pictures[[4, 5, 7, 8]]
    assert tiles[:, 0, 0, 0].tolist() == pytest.approx([1.0, -1.0, 0.0, 0.0])
    assert torch.all(tiles[:, 3] == 1.0)


def test_the_text_conditional_dit_paints_from_frozen_text(towers, tmp_path):
    base, _ = towers
    recipe = tiny_dit("notebook-dit-fashion", context_width=16)
    sheet = run(recipe, clothes(), tmp_path, base)
    assert sheet.labels == CLASSES
    assert sheet.pictures.shape == (3, 1, 8, 8)
    before, after = (ModelFolder(f).load("text_encoder") for f in (base, tmp_path / "model"))
    assert all(
        torch.equal(a, b) for a, b in zip(before.parameters(), after.parameters(), strict=True)
    )
    result = limner.load(tmp_path / "model", device="cpu").generate("a photo of a coat", seed=0)
    assert result.images[0].size == (8, 8)
    assert result.request.guidance == 7.5


@pytest.mark.parametrize(
    ("name", "labels"), [("fashion-dit", None), ("fashion-dit-classes", CLASSES)]
)
def test_a_dit_without_text_needs_nothing_beforehand(name, labels, tmp_path):
    sheet = run(tiny_dit(name), clothes(), tmp_path)
    assert sheet.labels == labels
    assert torch.isfinite(sheet.pictures).all()
    model = ModelFolder(tmp_path / "model")
    assert model.has("transformer")
    words = model.load_settings()[3]
    assert (None if words is None else words.concepts) == labels


def test_a_ddpm_unet_is_trained_on_epsilon(tmp_path):
    row = RECIPES["fashion-ddpm"]
    config = replace(row.config, channels=(8, 8), attention_depth=(0, 1), heads=2, norm_groups=4)
    recipe = small("fashion-ddpm", config=config, sampling=replace(row.sampling, steps=3))
    sheet = run(recipe, clothes(), tmp_path)
    assert torch.isfinite(sheet.pictures).all()
    process, prediction, _, _ = ModelFolder(tmp_path / "model").load_settings()
    assert isinstance(process, DiscreteDiffusion)
    assert isinstance(prediction, Epsilon)


def test_two_numbers_become_a_plane(tmp_path):
    row = RECIPES["fashion-plane"]
    config = replace(row.config, channels=(8, 8, 8, 8))
    sheet = run(small("fashion-plane", config=config), clothes(), tmp_path)
    assert sheet.pictures.shape == (144, 1, 8, 8)
    space = ModelFolder(tmp_path / "model").load("vae").space
    assert (space.channels, space.stride) == (2, 8)


def test_masks_are_learned_from_transparency(tmp_path):
    config = replace(RECIPES["emoji-masks"].config, channels=(8, 8), attention_depth=(0, 0))
    sheet = run(small("emoji-masks", config=config), clothes(channels=4), tmp_path)
    assert sheet.pictures.shape == (24, 3, 8, 8)
    assert sheet.columns == 8
    assert ModelFolder(tmp_path / "model").has("unet")


def test_an_upscaler_is_learned_from_what_is_not_held_out(tmp_path):
    recipe = small(
        "emoji-upscaler",
        config=UpscalerConfig(width=8, depth=1, time_width=8),
        patches=Patches(side=8),
    )
    data = clothes(channels=4, size=16)
    held_out = tuple(replace(record, held_out=record.picture > 5) for record in data.records)
    data = replace(data, records=held_out)
    assert len(recipe.choose(data)) == 6
    sheet = run(recipe, data, tmp_path)
    assert sheet.columns == 3
    assert sheet.pictures.shape == (9, 4, 8, 8)
    model = ModelFolder(tmp_path / "model")
    assert model.load("upscaler").config == recipe.config
    process, prediction, sampling, _ = model.load_settings()
    assert (process, prediction, sampling) == (RectifiedFlow(), V(), recipe.sampling)


def test_an_autoencoder_may_have_an_adversary_and_white_latents(tmp_path):
    adversary = AdversaryRecipe(
        discriminator=DiscriminatorConfig(in_channels=4, channels=(8,), norm_groups=4), start=1
    )
    recipe = small(
        "emoji-autoencoder", config=AUTOENCODER_TINY, adversary=adversary, whitening=whiten
    )
    data = clothes(channels=4, size=16)
    losses = [set(progress.losses) for progress in train(recipe, data, tmp_path)]
    assert ["discriminator" in each for each in losses] == [False, True]
    model = ModelFolder(tmp_path / "model").load("vae")
    assert model.space.scale == 1.0
    with torch.no_grad():
        latents = model.encode(data.to_float(range(9))).mean
    flat = latents.movedim(1, 0).flatten(1)
    torch.testing.assert_close(torch.cov(flat), torch.eye(4), atol=1e-3, rtol=0)


def test_parts_that_do_not_fit_are_named(towers, tmp_path):
    with pytest.raises(TrainingError, match="tokens have width 16; this denoiser takes 8"):
        run(tiny_dit("notebook-dit-fashion", context_width=8), clothes(), tmp_path, towers[0])
    with pytest.raises(TrainingError, match="pictures have 3 channels; this denoiser takes 1"):
        run(tiny_dit("fashion-dit"), clothes(channels=3), tmp_path)


def test_pictures_that_are_not_there_are_asked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("LIMNER_CACHE", str(tmp_path))
    with pytest.raises(DataError, match=r"no data_batch_1\.bin; the published"):
        RECIPES["notebook-dit"].source()
    with pytest.raises(DataError, match="`limner data emoji --size 64` builds it"):
        RECIPES["emoji-masks"].source()


def test_written_captions_are_read_once_for_the_vocabulary():
    assert len(sample_captions(clothes())) == 4 * len(CLASSES)


def test_one_of_each_concept_and_its_title():
    records = clothes().records
    assert one_of_each(clothes(), 2) == [0, 1]
    assert title(records[1]) == "ankle boot"
    assert title(Record(picture=0, concept="", captions=("my cat",))) == "my cat"


def test_every_recipe_has_its_page():
    pages = (Path(__file__).parents[2] / "recipes").glob("*.md")
    told = "\n".join(page.read_text("utf-8") for page in pages if page.name != "README.md")
    assert [name for name in RECIPES if not re.search(rf"{name}(?![\w-])", told)] == []
