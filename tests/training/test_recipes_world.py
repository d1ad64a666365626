"""The recipes that draw from a world: autoencoder and denoiser, in two steps each."""

from dataclasses import replace

import pytest
import torch

from limner.checkpoints import ModelFolder
from limner.cli.progress import finish
from limner.data.composition import compose
from limner.data.everyday_words import EverydayWords
from limner.data.records import PictureSet, Record
from limner.data.withheld import Withheld
from limner.data.world import WorldConfig
from limner.errors import TrainingError
from limner.models.presets import AUTOENCODER_TINY, UNET_TINY
from limner.models.unet import UNet
from limner.training.draws import Draws
from limner.training.loop import STATE, LoopConfig
from limner.training.recipes import RECIPES, autoencoder
from limner.training.recipes.world import begin_from, is_deeper
from limner.training.run import train

LOOP = LoopConfig(steps=2, batch=4, learning_rate=1e-3, precision="fp32", ema=(6.94,))
WORLD = WorldConfig(size=16, alone=0.5, withheld=Withheld(share=0.0))
CONCEPTS = ("red apple", "cat", "pause button")


def things():
    chance = torch.Generator().manual_seed(0)
    pictures = torch.randint(0, 256, (3, 4, 16, 16), generator=chance).to(torch.uint8)
    pictures[:, 3] = 255
    records = [
        Record(picture=i, concept=name, style="3d", group="animals-nature")
        for i, name in enumerate(CONCEPTS)
    ]
    return PictureSet(pictures=pictures, records=tuple(records))


@pytest.fixture
def words(tmp_path):
    names = {"red apple": ("apple",), "cat": ("cat", "kitten")}
    EverydayWords(names=names, first=("red apple", "cat"), held_out={}).save(tmp_path)
    return tmp_path


def denoiser_recipe(words, model, **changes):
    config = ModelFolder(model).config("unet")
    row = RECIPES["everyday-unet"]
    fields = {"loop": LOOP, "config": config, "world": WORLD, "words": words, "pool": 6}
    return replace(row, **fields | changes)


def run(recipe, folder, base=None, **others):
    finish(train(recipe, things(), folder, base=base, **others), lambda progress: None)
    return ModelFolder(folder / "model")


def test_denoiser_learns_of_a_world_and_says_what_it_was_taught(tiny_model, words, tmp_path):
    made = run(denoiser_recipe(words, tiny_model), tmp_path / "run", tiny_model)
    *_, known = made.load_settings()
    assert known.concepts == ("red apple", "cat")
    assert {"apple", "kitten"} <= set(known.others)
    assert "blue" in known.colours
    assert "beach" in known.grounds
    before = ModelFolder(tiny_model).load("unet").state_dict()
    after = made.load("unet").state_dict()
    assert any(not torch.equal(before[name], after[name]) for name in before)


def test_latents_are_those_of_the_pictures_and_captions_those_of_the_scenes(
    tiny_model, words, tmp_path
):
    recipe = denoiser_recipe(words, tiny_model)
    model = ModelFolder(tiny_model)
    folder = ModelFolder(tmp_path / "model")
    folder.path.mkdir()
    for part in ("vae", "unet", "text_encoder"):
        folder.save(model.load(part))
    folder.save_tokenizer(model.load_tokenizer(tower=model.config("text_encoder")))
    data = recipe.choose(things())
    assert data.concepts == ("red apple", "cat")
    objective = recipe.objective(data, folder)
    assert objective.count == 6
    latents = objective.clean(torch.tensor([4]), Draws(0, range(1)))
    draw = objective.pool.draw(4)
    vae = model.load("vae")
    pixels = compose(draw.composition, data).pixels[None]
    expected = vae.space.normalise(vae.encode(pixels).mean)
    torch.testing.assert_close(latents, expected, atol=5e-3, rtol=1e-2)
    said = objective.condition.caption(4, torch.Generator().manual_seed(0)).lower()
    names = {"red apple": ("apple",), "apple": ("apple",), "cat": ("cat", "kitten")}
    for thing in draw.scene.things:
        assert any(name in said for name in names[thing.concept])


def test_run_that_was_stopped_goes_on_to_the_same_weights(tiny_model, words, tmp_path):
    whole = run(denoiser_recipe(words, tiny_model), tmp_path / "whole", tiny_model)
    one = denoiser_recipe(words, tiny_model, loop=replace(LOOP, save_every=1))
    stops = iter([True])
    half = train(one, things(), tmp_path / "half", base=tiny_model, stop=lambda: next(stops))
    finish(half, lambda progress: None)
    assert torch.load(tmp_path / "half" / STATE, weights_only=False)["step"] == 1
    resumed = run(one, tmp_path / "half", resume=True)
    for name, value in whole.load("unet").state_dict().items():
        assert torch.equal(value, resumed.load("unet").state_dict()[name]), name


def test_network_begins_from_what_fits():
    torch.manual_seed(0)
    small, wide = UNet(UNET_TINY), UNet(replace(UNET_TINY, in_channels=8, out_channels=8))
    before = wide.conv_in.weight.clone()
    names = begin_from(wide, small)
    assert "conv_in.weight" not in names
    assert torch.equal(wide.conv_in.weight, before)
    inner = "mid_block.resnets.0.conv1.weight"
    assert inner in names
    assert torch.equal(wide.state_dict()[inner], small.state_dict()[inner])
    with pytest.raises(TrainingError, match=r"no weight .* fits"):
        begin_from(torch.nn.Linear(2, 2), small)


def test_deeper_is_the_same_unet_with_more_transformer_blocks():
    more = tuple(depth + 1 for depth in UNET_TINY.attention_depth)
    deep = replace(UNET_TINY, attention_depth=more)
    assert is_deeper(deep, UNET_TINY)
    assert not is_deeper(UNET_TINY, deep)
    assert not is_deeper(UNET_TINY, UNET_TINY)
    assert not is_deeper(replace(deep, in_channels=8), UNET_TINY)


def test_autoencoder_learns_of_a_world_and_is_whitened(tmp_path, monkeypatch):
    monkeypatch.setattr(autoencoder, "DRAWN", 16)
    config = replace(AUTOENCODER_TINY, shuffle=2)
    row = replace(
        RECIPES["everyday-autoencoder"],
        loop=LOOP,
        config=config,
        world=replace(WORLD, mirrored=0.5),
        perceptual=None,
    )
    assert row.choose(things()).concepts == ("red apple", "cat")
    made = run(row, tmp_path).load("vae")
    assert made.config.shuffle == 2
    assert made.space.stride == 4
    assert (made.config.scale, made.config.shift) == (1.0, 0.0)


def test_rows_of_the_bakeoff_differ_in_one_thing_each():
    base = RECIPES["everyday-bakeoff-unet"]
    for name in ("shipped-size", "anew", "dit"):
        row = RECIPES[f"everyday-bakeoff-{name}"]
        assert replace(row, config=base.config, begin=base.begin) == base
    draws = base.loop.steps * base.loop.batch
    assert 0.9 * base.pool <= draws <= base.pool
