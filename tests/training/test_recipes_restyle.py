"""The recipe of restyling: what is told, what is learned, and what stays as it is."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from limner.checkpoints import ModelFolder
from limner.data.records import PictureSet, Record
from limner.errors import CheckpointError, TrainingError
from limner.generators import finish
from limner.models.content import ContentEncoder
from limner.training.batches import Batches
from limner.training.draws import Draws
from limner.training.loop import LoopConfig, Trainer
from limner.training.objectives.restyling import Shares
from limner.training.recipes import RECIPES
from limner.training.run import train

LOOP = LoopConfig(steps=25, batch=8, learning_rate=1e-2, precision="fp32", ema=(6.94,))
STYLES = ("3d", "flat", "noto")
CONCEPTS = ("red apple", "blue cat", "green dog")  # the model knows the first two
FROZEN = ("unet", "text_encoder", "vae")


def pictures():
    """Plain discs: their colour is the concept's, their ground the style's."""
    rows = torch.arange(16)
    disc = ((rows - 7.5) ** 2)[:, None] + ((rows - 7.5) ** 2)[None] < 30
    made, records = [], []
    for number, concept in enumerate(CONCEPTS):
        for style, name in enumerate(STYLES):
            colour = torch.tensor([90, 90, 90, 255])
            colour[number] = 250
            ground = torch.full((4,), 60 * style)
            made.append(torch.where(disc, colour[:, None, None], ground[:, None, None]))
            held_out = (concept, name) == ("blue cat", "noto")
            records.append(
                Record(picture=len(records), concept=concept, style=name, held_out=held_out)
            )
    records.append(Record(picture=0, concept="seen once", style="3d"))
    return PictureSet(pictures=torch.stack(made).to(torch.uint8), records=tuple(records))


def recipe(**changes):
    return replace(RECIPES["emoji-restyle"], **{"loop": LOOP, **changes})


def objective(model, **changes):
    row = recipe(**changes)
    return row.objective(row.choose(pictures()), model)


@pytest.fixture
def model(tiny_model, tmp_path):
    """The folder of a training to be: the tiny model's parts are read from where they are."""
    folder = tmp_path / "model"
    folder.symlink_to(tiny_model)
    return ModelFolder(folder)


def test_only_seen_cells_of_concepts_in_two_styles_are_learned_from():
    chosen = recipe().choose(pictures())
    assert len(chosen) == 8
    assert not any(record.held_out for record in chosen.records)
    with pytest.raises(TrainingError, match="concepts in two styles"):
        recipe().choose(pictures().select(lambda record: record.style == "3d"))


def test_the_content_is_the_concept_in_another_style(model):
    condition = objective(model).condition
    records = condition.data.records
    chances = Draws(5, range(400)).chances()
    for number, chance in enumerate(chances):
        target, drawn = records[number % 8], condition._drawn(number % 8, chance)
        content = records[drawn.content]
        assert content.concept == target.concept
        assert content.style != target.style


def test_what_is_told_has_its_shares(model):
    condition = objective(model).condition
    drawn = [
        condition._drawn(n % 8, chance) for n, chance in enumerate(Draws(6, range(4000)).chances())
    ]
    assert sum(each.words != "" for each in drawn) / 4000 == pytest.approx(0.9, abs=0.02)
    assert sum(each.said == "" for each in drawn) / 4000 == pytest.approx(0.05, abs=0.015)
    assert sum(each.kept for each in drawn) / 4000 == pytest.approx(0.9, abs=0.02)
    captions = [each.said for each in drawn if each.said]
    assert len(captions) / 4000 == pytest.approx(0.2 * 5 / 8, abs=0.02)
    assert any("apple" in text for text in captions)
    assert not any("dog" in text for text in captions)
    assert {"3d", "in flat style", "a noto emoji"} <= {each.words for each in drawn}


def test_what_is_told_goes_to_its_places(model):
    shares = Shares(untold=0.0, captioned=0.0, nothing=0.0, dropped=0.0, opaque=0.0)
    condition = objective(model, shares=shares).condition
    told = condition(torch.arange(8), Draws(1, range(8)))
    assert told["context"].shape == (8, 12, 24)
    assert told["kept"].all()
    silent = objective(model, shares=replace(shares, nothing=1.0, dropped=1.0)).condition
    nothing = silent(torch.arange(8), Draws(1, range(8)))
    assert torch.equal(nothing["context"][0], silent.text([""]).context[0])
    assert torch.equal(nothing["style"], told["style"])
    assert not nothing["kept"].any()


def test_some_contents_have_no_transparency(model):
    shares = Shares(opaque=1.0)
    content = objective(model, shares=shares).condition(torch.arange(8), Draws(1, range(8)))
    assert (content["content"][:, 3] == 1).all()
    plain = objective(model, shares=replace(shares, opaque=0.0)).condition
    assert plain(torch.arange(8), Draws(1, range(8)))["content"][:, 3].min() < 1


def test_a_batch_that_is_cut_has_the_loss_of_the_whole(model):
    made = objective(model)
    whole = Batches(made.count, 8, seed=0).of_step(3)
    parts = [made.loss(part.own, part.draws())["total"] for part in whole.split(2)]
    torch.testing.assert_close(
        torch.stack(parts).mean(), made.loss(whole.own, whole.draws())["total"]
    )


def test_the_loss_falls_on_a_tiny_set(model, tmp_path):
    made = objective(model)
    made.latents = made.latents / made.latents.std()
    with torch.no_grad():  # the tiny model's random output is too faint to be led anywhere
        made.denoiser.unet.conv_norm_out.weight.fill_(1.0)
    rows = range(64)
    same = torch.tensor([row % 8 for row in rows])
    with torch.no_grad():
        before = made.loss(same, Draws(9, rows))["total"]
    for _ in Trainer(made, replace(LOOP, steps=25), tmp_path).run():
        pass
    with torch.no_grad():
        after = made.loss(same, Draws(9, rows))["total"]
    assert after < 0.9 * before


def test_only_what_stands_beside_the_model_changes_and_is_saved(tiny_model, tmp_path):
    row = recipe(loop=replace(LOOP, steps=3))
    sheet = finish(train(row, pictures(), tmp_path, base=tiny_model), lambda progress: None)
    made = ModelFolder(tmp_path / "model")
    for part in FROZEN:
        before, after = (ModelFolder(f).load(part) for f in (tiny_model, made.path))
        for name, weight in before.state_dict().items():
            assert torch.equal(after.state_dict()[name], weight), name
    content = made.load("content_encoder")
    assert isinstance(content, ContentEncoder)
    assert torch.count_nonzero(content.levels[0].conv_out.weight) > 0
    assert made.loras == (made.path / "restyle.safetensors",)
    updates = load_file(made.loras[0])
    assert all(torch.count_nonzero(up) for name, up in updates.items() if "lora_B" in name)
    assert sheet.pictures.shape == (3, 4, 16, 16)
    assert torch.equal(sheet.pictures[-1], pictures().held_out.to_float([0])[0])


def test_a_branch_that_is_there_is_gone_on_from(restyling_model):
    borrowed = ModelFolder(restyling_model)
    before = borrowed.load("content_encoder")
    row = recipe()
    made = row.objective(row.choose(pictures()), borrowed)
    after = made.modules["denoiser"].content_encoder
    assert all(
        torch.equal(a, b) for a, b in zip(before.parameters(), after.parameters(), strict=True)
    )
    assert all(weight.requires_grad for weight in after.parameters())


def test_the_new_parts_are_of_the_models_sizes_and_say_which_file_is_not_theirs(model):
    made = objective(model).modules["denoiser"]
    assert made.content_encoder.config.channels == made.unet.config.channels
    assert made.content_encoder.config.stride == 2
    with pytest.raises(CheckpointError, match="content_encoder"):
        model.load("content_encoder")


def test_shares_outside_0_to_1():
    with pytest.raises(TrainingError, match="dropped is 2"):
        Shares(dropped=2.0)
