"""A painter that goes on with a world's words, colours and grounds, and keeps what it knows."""

import random
from collections import Counter
from dataclasses import replace

import pytest
import torch
from small_trainings import that_knows

from limner.checkpoints import ModelFolder, Words
from limner.cli.progress import finish
from limner.data.everyday_words import EverydayWords
from limner.data.everyday_world import everyday_world, vocabulary
from limner.data.records import PictureSet, Record
from limner.data.withheld import Withheld
from limner.data.world import WorldConfig
from limner.diffusion.prediction import name_of
from limner.errors import TrainingError
from limner.language.captions import canonical
from limner.training.loop import LoopConfig
from limner.training.recipes import RECIPES, ByText
from limner.training.recipes.world_widening import Repeats, Teller, Telling
from limner.training.run import train

LOOP = LoopConfig(steps=2, batch=4, learning_rate=1e-3, precision="fp32", ema=(6.94,))
WORLD = WorldConfig(
    size=16, alone=1.0, grounded=0.25, full=(1.0, 0.3), withheld=Withheld(share=0.0)
)
NAMES = {
    "red apple": ("apple", "red apple"),
    "cat": ("cat", "kitten"),
    "automobile": ("car", "automobile"),
    "cloud with rain": ("rain cloud", "cloud with rain"),
    "polo": ("polo",),
}
FIRST = ("red apple",)


def things() -> PictureSet:
    chance = torch.Generator().manual_seed(0)
    cells = [(name, style) for name in NAMES for style in ("3d", "flat")]
    pictures = torch.randint(0, 256, (len(cells), 4, 16, 16), generator=chance).to(torch.uint8)
    pictures[:, 3] = 255
    records = [
        Record(
            picture=i, concept=name, style=style, group="objects", names=(name, "moggy"),
            held_out=(name, style) == ("cat", "flat"),
        )
        for i, (name, style) in enumerate(cells)
    ]  # fmt: skip
    return PictureSet(pictures=pictures, records=tuple(records))


def everyday() -> EverydayWords:
    return EverydayWords(names=NAMES, first=FIRST, held_out={"cat": ("moggy",)})


@pytest.fixture
def taught(tiny_model, tmp_path):
    """A folder that knows cats."""
    known = Words(
        concepts=("cat",), styles=("3d", "flat"), language="emoji", plain_style="3d",
        lexicon={"moggy": "cat"},
    )  # fmt: skip
    return that_knows(tiny_model, tmp_path / "taught", known)


@pytest.fixture
def recipe(taught, tmp_path):
    everyday().save(tmp_path)
    fields = {
        "loop": LOOP, "config": taught.config("unet"), "world": WORLD, "words": tmp_path,
        "pool": 6, "also": ("automobile",),
        "repeats": Repeats(known=1, known_plain=2, more=3, more_plain=5),
    }  # fmt: skip
    return replace(RECIPES["emoji-everyday"], **fields)


def test_it_draws_what_it_knows_and_what_comes_first_and_never_what_is_held_out(recipe, taught):
    data = recipe.choose(things())
    drawn = recipe._repeated(data, taught)
    times = Counter((record.concept, record.style) for record in drawn.records)
    assert times == {
        ("cat", "3d"): 2,
        ("red apple", "3d"): 5,
        ("red apple", "flat"): 3,
        ("automobile", "3d"): 5,
        ("automobile", "flat"): 3,
    }


def test_every_word_is_drawn_that_anybody_types(recipe, taught):
    keycap = [replace(record, concept="keycap 1") for record in things().records[:2]]
    data = replace(things(), records=(*things().records, *keycap))
    often = replace(recipe, every=True)
    drawn = often._repeated(often.choose(data), taught).records
    assert {record.concept for record in drawn} == {*NAMES}


def test_what_is_mostly_painted_wrongly_is_drawn_oftener(recipe, taught):
    process, prediction, sampling, known = taught.load_settings()
    for accuracy, times in ((0.4, 7), (0.5, 2)):
        told = replace(known, accuracy={"cat": accuracy})
        taught.save_settings(process, name_of(prediction), sampling, told)
        often = replace(recipe, repeats=replace(recipe.repeats, poor=6, poor_plain=7))
        drawn = often._repeated(often.choose(things()), taught).records
        assert sum(record.concept == "cat" for record in drawn) == times


def test_folder_says_what_it_learned_and_keeps_how_it_reads(recipe, taught, tmp_path):
    finish(train(recipe, things(), tmp_path / "run", base=taught.path), lambda progress: None)
    made = ModelFolder(tmp_path / "run" / "model")
    *_, known = made.load_settings()
    assert set(known.concepts) == {"cat", "red apple", "automobile"}
    assert (known.language, known.plain_style) == ("emoji", "3d")
    assert {"kitten", "car", "apple"} <= set(known.others)
    assert "blue" in known.colours
    assert "beach" in known.grounds
    before, after = taught.load("unet").state_dict(), made.load("unet").state_dict()
    assert any(not torch.equal(before[name], after[name]) for name in before)


def test_folder_that_does_not_say_what_it_knows_is_refused(recipe, taught):
    process, prediction, sampling, _ = taught.load_settings()
    taught.save_settings(process, name_of(prediction), sampling, None)
    with pytest.raises(TrainingError, match="does not say what it knows"):
        recipe.objective(recipe.choose(things()), taught)


def captions(how, world, count=400):
    """Draws of a world and what is said of each."""
    words = everyday()
    say = Teller(vocabulary(words), refused=words.refused, plain="3d", how=how)
    chance = random.Random(0)
    draws = [world.draw(i % world.count, chance) for i in range(count)]
    return [(draw, say(draw, chance)) for draw in draws]


@pytest.fixture
def world():
    return everyday_world(things().seen, WORLD, everyday())


def test_plain_captions_are_those_that_the_reader_of_sentences_writes(world):
    spoken = captions(Telling(plainly=1.0, taught=0.0, unsaid=(0.0, 0.0)), world)
    for draw, said in spoken:
        record, scene = draw.composition.pieces[0].record, draw.scene
        coloured = scene.things[0].colour != ""
        named = "apple" if coloured and record.concept == "red apple" else record.concept
        thing = replace(scene.things[0], concept=named)
        assert said == canonical(replace(scene, things=(thing,)))
    coloured = {said for draw, said in spoken if draw.scene.things[0].colour}
    assert any("blue automobile" in said for said in coloured)
    assert any("blue apple" in said for said in coloured)
    assert not any("red red" in said or "blue red" in said for said in coloured)


def test_nothing_says_what_is_held_out(world):
    for how in (Telling(plainly=0.0, taught=1.0), Telling(plainly=0.0, taught=0.0)):
        assert not any("moggy" in said.lower() for _, said in captions(how, world))


def test_pictures_in_the_plain_style_go_without_saying_more_often(world):
    spoken = captions(Telling(unsaid=(0.5, 0.0), taught=0.0), world)
    plain = [said for draw, said in spoken if draw.scene.style == "3d"]
    without = sum("3d" not in said for said in plain) / len(plain)
    assert 0.4 < without < 0.6
    assert all("flat" in said for draw, said in spoken if draw.scene.style == "flat")


def test_thing_by_itself_is_as_large_as_the_canvas_unless_its_size_is_said(world):
    chance = random.Random(0)
    draws = [world.draw(i % world.count, chance) for i in range(400)]
    whole = (0, 0, 16, 16)
    plain = [d for d in draws if d.scene.things[0].size.value == ""]
    assert all(d.composition.pieces[0].box == whole for d in plain if d.scene.ground is None)
    grounded = [d.composition.pieces[0].box == whole for d in plain if d.scene.ground]
    assert 0.1 < sum(grounded) / len(grounded) < 0.6


@pytest.mark.parametrize(("plain", "spoken"), [("3d", True), ("neon", False)])
def test_model_of_pictures_in_the_plain_style_names_what_reads_for_it(plain, spoken):
    told = ByText(language="emoji", plain_style=plain)
    known = told.words(things())
    assert (known.language, known.plain_style) == (("emoji", "3d") if spoken else ("", ""))
    row = RECIPES["emoji-unet"].told
    assert (row.language, row.plain_style) == ("emoji", "3d")
