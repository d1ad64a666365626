"""A text tower that learns words of a dictionary by the names that it knows."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from small_trainings import that_knows

from limner.checkpoints import ModelFolder, Words
from limner.cli.progress import finish
from limner.data.everyday_words import EverydayWords
from limner.data.records import PictureSet
from limner.data.wordnet import Sense, WordNet
from limner.diffusion.prediction import name_of
from limner.errors import TrainingError
from limner.text.encode import TextEncoder
from limner.training.draws import Draws
from limner.training.loop import LoopConfig
from limner.training.objectives.meanings import (
    KEPT,
    NAMED,
    OFTEN,
    TEMPERATURE,
    Frame,
    MeaningObjective,
)
from limner.training.recipes import meanings
from limner.training.recipes.base import Pictures
from limner.training.recipes.conditions import PAD
from limner.training.recipes.meanings import MEANINGS, MeaningRecipe, captions_of
from limner.training.run import train
from limner.training.saving import STATE

ANIMAL = 5
SENSES = {
    1: Sense(words=("mutt",), field=ANIMAL, kinds=(), gloss="a bad dog"),
    2: Sense(words=("tabby",), field=ANIMAL, kinds=(), gloss="a striped cat"),
    3: Sense(words=("thing",), field=ANIMAL, kinds=(), gloss="anything"),
}
NET = WordNet(senses=SENSES, of_word={s.words[0]: (n,) for n, s in SENSES.items()}, uses={})
NEAR = {
    "dog": (1.0, 0.0), "red cat": (0.0, 1.0), "a bad dog": (1.0, 0.0),
    "a striped cat": (0.0, 1.0), "anything": (-1.0, 0.0),
}  # fmt: skip
LOOP = LoopConfig(steps=30, batch=4, learning_rate=3e-3, precision="fp32", ema=(6.94,))


@pytest.fixture
def folder(tiny_model, tmp_path):
    """The tiny model, which knows a dog and a red cat."""
    known = Words(concepts=("dog", "red cat"), styles=("3d",))
    return that_knows(tiny_model, tmp_path / "taught", known)


@pytest.fixture
def encoder(folder):
    tower = folder.load("text_encoder")
    return TextEncoder(folder.load_tokenizer(tower=tower.config), tower, pad_mask=PAD)


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    names = {"dog": ("dog", "🐶"), "red cat": ("red cat",)}
    EverydayWords(names=names, first=(), held_out={}).save(tmp_path)
    reader = SimpleNamespace(vectors=lambda texts: torch.tensor([NEAR[text] for text in texts]))
    monkeypatch.setattr(meanings, "load_sentence_encoder", lambda path: reader)
    return MeaningRecipe(
        source=NOTHING, words=tmp_path, loop=LOOP, sentences=tmp_path, dictionary=lambda: NET
    )


def nothing() -> PictureSet:
    return PictureSet(pictures=torch.zeros(1, 4, 2, 2, dtype=torch.uint8), records=())


NOTHING = Pictures(read=nothing, size=2, channels=4)


def objective(encoder, words, captions=("a {}, 3d",)):
    return MeaningObjective(encoder, words, ["dog", "red cat"], captions)


def losses(made, count=1):
    with torch.no_grad():
        found = made.loss(torch.arange(count), Draws(0, range(count)))
    return {name: float(value) for name, value in found.items()}


def test_a_name_is_its_own_meaning_before_training(encoder):
    found = losses(objective(encoder, {"dog": "dog"}))
    assert found["kept"] == found["read"] == 0.0
    assert found["alone"] == pytest.approx(0.0, abs=1e-9)


def test_an_unknown_word_is_not(encoder):
    found = losses(objective(encoder, {"mutt": "dog"}))
    assert found["kept"] == 0.0
    assert found["read"] > 0.01
    assert found["alone"] > 0.01


@torch.no_grad()
def test_words_said_alone_are_told_apart_by_how_far_their_states_are(encoder):
    made = objective(encoder, {"mutt": "dog", "tab": "red cat"})
    one, two = (encoder([f"a {word}"]).context[0] for word in ("mutt", "tab"))
    dog, cat = (encoder([f"a {name}"]).context[0] for name in ("dog", "red cat"))

    def ends(states, word):
        last = len(encoder.tokenizer.encode(f"a {word}"))  # after BOS
        return states[last : last + 2].flatten()

    known = torch.stack([ends(dog, "dog"), ends(cat, "red cat")])
    said = torch.stack([ends(one, "mutt"), ends(two, "tab")])
    odds = -(said[:, None] - known).square().mean(dim=2) / TEMPERATURE
    named = -odds.log_softmax(dim=1).diagonal().mean()
    found = losses(made, 2)
    assert found["named"] == pytest.approx(float(named), rel=1e-4)
    assert found["alone"] == pytest.approx(float((said - known).square().mean()), rel=1e-4)


def test_the_total_weighs_the_losses(encoder):
    found = losses(objective(encoder, {"mutt": "dog"}))
    parts = NAMED * found["named"] + found["alone"] + found["read"] + KEPT * found["kept"]
    assert found["total"] == pytest.approx(parts)


@pytest.mark.parametrize(
    ("new", "known", "wanted"),
    [
        ("x", "dog", [0, 1, 2, 3, 4]),
        ("x y", "dog", [0, 1, 2, 2, 3]),
        ("x", "red dog", [0, 1, 3, 4, 5]),
        ("x y", "red dog", [0, 1, 2, 3, 4]),
        ("x y z", "red dog", [0, 1, 2, 2, 3]),
    ],
)
def test_tokens_of_a_word_stand_for_those_of_its_name(encoder, new, known, wanted):
    pieces = encoder.tokenizer
    short = SimpleNamespace(encode=str.split, length=pieces.length)
    made = objective(encoder, {"mutt": "dog"})
    made.encoder = SimpleNamespace(tokenizer=short)
    places = made._places(Frame(before="a ", after=" , 3d"), known, new, 8)
    assert places[: len(wanted)].tolist() == wanted
    assert int(places.max()) < 8


def test_every_name_is_among_the_words_as_itself(encoder):
    made = objective(encoder, {"mutt": "dog"})
    for name in made.names:
        assert made.meanings.count((name, name)) == OFTEN
    assert made.count == 1 + OFTEN * len(made.names)


def test_no_word_is_refused(encoder):
    with pytest.raises(TrainingError, match="no word to learn"):
        objective(encoder, {})


def test_captions_have_colours_styles_and_another_thing():
    known = Words(concepts=("dog",), styles=("3d", "flat"))
    found = captions_of(known)
    assert {"{}", "a {}, flat", "a blue {}, 3d", "a {} and a {other}"} <= {*found}
    assert all(caption.count("{}") == 1 for caption in found)


def test_words_are_learned_and_names_kept(recipe, folder, tmp_path):
    finish(train(recipe, nothing(), tmp_path / "run", base=folder.path))
    assert json.loads((tmp_path / "run" / MEANINGS).read_text("utf-8"))["meanings"] == {
        "mutt": "dog",
        "tabby": "red cat",
    }
    learned = ModelFolder(tmp_path / "run/model")

    def far(model, words):
        tower = model.load("text_encoder").float().eval()
        teacher = folder.load("text_encoder").float().eval()
        tokenizer = model.load_tokenizer(tower=tower.config)
        made = objective(TextEncoder(tokenizer, tower, pad_mask=PAD), words)
        made.modules["teacher"].load_state_dict(teacher.state_dict())
        return losses(made, len(words))

    words = {"mutt": "dog", "tabby": "red cat"}
    before, after = far(folder, words), far(learned, words)
    assert after["read"] < 0.5 * before["read"]
    assert after["kept"] < 0.2 * before["read"]
    assert torch.equal(
        ModelFolder(tmp_path / "run/model").load("unet").conv_in.weight,
        folder.load("unet").conv_in.weight,
    )


def test_a_training_that_goes_on_after_its_end_keeps_its_teacher(recipe, folder, tmp_path):
    finish(train(recipe, nothing(), tmp_path / "run", base=folder.path))
    longer = replace(recipe, loop=replace(LOOP, steps=32))
    finish(train(longer, nothing(), tmp_path / "run", resume=True))
    was = folder.load("text_encoder").state_dict()
    kept = torch.load(tmp_path / "run" / STATE, weights_only=True)["modules"]
    assert all(torch.equal(kept[f"teacher.{name}"], value) for name, value in was.items())
    learned = ModelFolder(tmp_path / "run/model").load("text_encoder").state_dict()
    assert not all(torch.equal(learned[name], value) for name, value in was.items())


def test_meanings_are_found_once(recipe, folder, tmp_path):
    model = ModelFolder(folder.path.rename(tmp_path / "model"))
    first = recipe.objective(nothing(), model)
    again = replace(recipe, dictionary=lambda: pytest.fail("asked twice"))
    assert again.objective(nothing(), model).meanings == first.meanings
    every = replace(recipe, least=-1.0).objective(nothing(), model)
    assert len(every.meanings) == len(first.meanings) + 1  # "thing", of other numbers: anew


def test_a_model_that_knows_no_words_is_refused(recipe, folder):
    process, prediction, sampling, _ = folder.load_settings()
    folder.save_settings(process, name_of(prediction), sampling, None)
    with pytest.raises(TrainingError, match="does not say what it knows"):
        recipe.objective(nothing(), folder)
