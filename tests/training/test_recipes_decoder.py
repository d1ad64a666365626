"""The recipe of a better decoder: what it is shown, what it learns, and what stays as it is."""

from dataclasses import replace

import pytest
import torch

import limner
from limner.checkpoints import ModelFolder
from limner.data.records import PictureSet, Record
from limner.generators import finish
from limner.models.autoencoder import Autoencoder
from limner.models.presets import AUTOENCODER_TINY
from limner.training.draws import Draws
from limner.training.loop import LoopConfig
from limner.training.objectives.autoencoder import gradient_difference
from limner.training.objectives.decoding import DecoderObjective
from limner.training.recipes import RECIPES
from limner.training.recipes.autoencoder import normalised_latents
from limner.training.recipes.decoder import TINY
from limner.training.run import train

LOOP = LoopConfig(steps=100, batch=8, learning_rate=1e-2, precision="fp32", ema=(6.94,))
CONCEPTS = ("red apple", "blue cat", "green dog")  # the model knows the first two


def things():
    chance = torch.Generator().manual_seed(0)
    colours = torch.randint(0, 256, (3, 4, 1, 1), generator=chance).to(torch.uint8)
    records = [Record(picture=i, concept=name, style="3d") for i, name in enumerate(CONCEPTS)]
    return PictureSet(pictures=colours.expand(3, 4, 16, 16).clone(), records=tuple(records))


def recipe(**changes):
    return replace(RECIPES["emoji-decoder"], **{"loop": LOOP, "copies": 2, "steps": 3, **changes})


@pytest.fixture
def model(tiny_model, tmp_path):
    """The folder of a training to be: the tiny model's parts are read from where they are."""
    folder = tmp_path / "model"
    folder.symlink_to(tiny_model)
    return ModelFolder(folder)


def weights(module):
    return torch.cat([p.flatten() for p in module.parameters()])


@torch.no_grad()
def error(autoencoder):
    pixels = things().to_float(range(3))
    return (autoencoder.decode(autoencoder.encode(pixels).mode()) - pixels).abs().mean()


def test_it_learns_from_all_pictures_and_from_what_the_model_paints_of_its_own(model):
    made = recipe().objective(things(), model)
    assert [*made.pictures] == [0, 1, 2, 0, 1, 0, 1]
    assert torch.equal(made.latents[:3], normalised_latents(things(), model))
    painter = limner.load(model.path)
    for item, (prompt, seed) in enumerate(
        [("a red apple, 3d", 0), ("a blue cat, 3d", 1), ("a red apple, 3d", 2)]
    ):
        painted = painter.generate(prompt, seed=seed, steps=3).latents
        torch.testing.assert_close(made.latents[3 + item], painted[0], atol=1e-4, rtol=1e-4)


def test_what_was_painted_once_is_read_again_and_painted_anew_by_other_settings(model):
    first = recipe().objective(things(), model)
    kept = (model.path.parent / "painted" / "all.latents.npy").stat().st_mtime_ns
    again = recipe().objective(things(), model)
    assert (model.path.parent / "painted" / "all.latents.npy").stat().st_mtime_ns == kept
    assert torch.equal(first.latents, again.latents)
    other = recipe(steps=2).objective(things(), model)
    assert not torch.equal(first.latents[3:], other.latents[3:])


def test_the_same_pictures_under_other_words_are_painted_anew(model):
    recipe().objective(things(), model)
    flat = replace(things(), records=tuple(replace(r, style="") for r in things().records))
    painted = recipe().objective(flat, model).latents[3]
    expected = limner.load(model.path).generate("a red apple", seed=0, steps=3).latents[0]
    torch.testing.assert_close(painted, expected, atol=1e-4, rtol=1e-4)


def test_the_decoder_learns_what_was_meant_and_all_else_stays(tiny_model, tmp_path):
    made = ModelFolder(tmp_path / "model")
    sheet = finish(train(recipe(), things(), tmp_path, base=tiny_model), lambda progress: None)
    old, new = (ModelFolder(folder) for folder in (tiny_model, made.path))
    before, after = old.load("vae"), new.load("vae")
    for part in ("encoder", "quant_conv"):
        assert torch.equal(weights(getattr(before, part)), weights(getattr(after, part)))
    assert not torch.equal(weights(before.decoder), weights(after.decoder))
    for part in ("unet", "text_encoder"):
        assert torch.equal(weights(old.load(part)), weights(new.load(part)))
    assert before.config == after.config
    assert old.load_settings() == new.load_settings()
    assert error(after) < 0.7 * error(before)
    assert sheet.pictures.shape == (6, 4, 16, 16)


def test_a_tiny_decoder_learns_the_latents_and_is_painted_with(tiny_model, tmp_path):
    row = replace(RECIPES["emoji-tiny-decoder"], loop=LOOP, steps=3, width=8, blocks=1)
    sheet = finish(train(row, things(), tmp_path, base=tiny_model), lambda progress: None)
    made = tmp_path / "model"
    for part in ("unet", "text_encoder", "vae"):
        old, new = (ModelFolder(folder).load(part) for folder in (tiny_model, made))
        assert torch.equal(weights(old), weights(new))
    painter = limner.load(made, decoder=made / TINY)
    tiny = painter.engine.decoder.tiny
    single = normalised_latents(things(), ModelFolder(tiny_model))
    with torch.no_grad():
        pixels = things().to_float(range(3))
        apart = (tiny(single) - pixels).abs().mean()
    alike = pixels.median(dim=0).values  # the best that tells no latent from another
    assert apart < 0.7 * (alike - pixels).abs().mean()
    result = painter.generate("a red apple", seed=1, steps=2)
    assert result.engine == "eager fp32, tiny decoder"
    assert sheet.pictures.shape == (9, 4, 16, 16)
    assert sheet.columns == 3


def test_the_loss_is_that_of_the_pictures_which_the_latents_stand_for():
    torch.manual_seed(0)
    model = Autoencoder(AUTOENCODER_TINY)
    latents = torch.randn(4, model.config.latent_channels, 8, 8)
    objective = DecoderObjective(model, latents, things(), [2, 2, 0, 1], spread=0.0)
    losses = objective.loss(torch.tensor([1, 2]), Draws(0, range(2)))
    rebuilt = model.decode(model.space.restore(latents[1:3]))
    pixels = things().to_float([2, 0])
    torch.testing.assert_close(losses["pixel"], (rebuilt - pixels).abs().mean())
    both = losses["pixel"] + 0.5 * gradient_difference(rebuilt, pixels)
    torch.testing.assert_close(losses["total"], both)
    noisy = DecoderObjective(model, latents, things(), [2, 2, 0, 1], spread=0.5)
    assert noisy.loss(torch.tensor([1, 2]), Draws(0, range(2)))["pixel"] != losses["pixel"]


def test_a_perceptual_distance_counts_by_its_weight():
    torch.manual_seed(0)
    model = Autoencoder(AUTOENCODER_TINY)
    latents, shown = torch.randn(3, model.config.latent_channels, 8, 8), torch.tensor([1, 2])
    plain = DecoderObjective(model, latents, things(), [2, 0, 1])
    looked = DecoderObjective(
        model, latents, things(), [2, 0, 1], perceptual=torch.nn.L1Loss(), perceptual_weight=0.25
    )
    before, after = (each.loss(shown, Draws(0, range(2))) for each in (plain, looked))
    assert "perceptual" not in before
    torch.testing.assert_close(after["total"], before["total"] + 0.25 * after["perceptual"])
    assert after["perceptual"] > 0


def test_only_the_decoder_gets_gradients(model):
    made = recipe().objective(things(), model)
    made.loss(torch.arange(3), Draws(0, range(3)))["total"].backward()
    for name, weight in made.modules.named_parameters():
        assert (weight.grad is None) == name.startswith(("autoencoder.enc", "autoencoder.quant"))
