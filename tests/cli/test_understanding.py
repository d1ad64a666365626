"""What `limner evaluate` says of scenes and of words, on a tiny painter and judge."""

import re
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

import limner
from limner.cli.understanding import everyday_lines, pair_of, scene_lines, task_lines, word_lines
from limner.data.records import PictureSet, Record
from limner.data.scene_words import Relation, Scene
from limner.data.synonyms import Synonyms
from limner.errors import UsageError
from limner.evaluate.judge import Judge, JudgeConfig

CONCEPTS = tuple(f"thing {number}" for number in range(12))


@pytest.fixture
def judge():
    words = {"concepts": CONCEPTS, "styles": ("3d",)}
    return Judge(JudgeConfig(**words, channels=(8, 8), feature_width=8, size=16)).eval()


@pytest.fixture
def real():
    pictures = torch.randint(0, 256, (12, 4, 16, 16)).to(torch.uint8)
    rows = [Record(picture=i, concept=name, style="3d") for i, name in enumerate(CONCEPTS)]
    return PictureSet(pictures=pictures, records=tuple(rows))


@pytest.fixture
def painter(tiny_model):
    painter = limner.load(tiny_model, device="cpu")
    words = replace(painter.words, concepts=CONCEPTS, others=("puppy",))
    return limner.Painter(replace(painter.parts, words=words))


def test_scenes_are_painted_beside_real_ones(painter, judge, real):
    lines = list(scene_lines(painter, judge, real, 3))
    names = ["pairs drawn", "pairs drawn, real", "pairs held out", "pairs held out, real"]
    assert [re.split(r"  +", line)[0] for line in lines] == names
    assert all("3 pictures" in line for line in lines)


class ByBrightness(Judge):
    """Names a picture by how bright its colours are."""

    def see(self, pictures, batch=256):
        bright = pictures[:, 0, 8, 8].float()
        return SimpleNamespace(concepts=-(bright[:, None] - torch.arange(12) * 20).abs())


def test_tasks_are_painted_as_read_and_by_one_text_beside_true_scenes(painter, judge, real):
    bright = (torch.arange(12) * 20).reshape(12, 1, 1, 1).expand(12, 3, 16, 16)
    pictures = torch.cat([bright, torch.full((12, 1, 16, 16), 255)], dim=1).to(torch.uint8)
    things = tuple(replace(record, group="objects") for record in real.records)
    knowing = ByBrightness(judge.config)
    lines = list(task_lines(painter, knowing, PictureSet(pictures=pictures, records=things), 1, 2))
    names = ["tasks, as painted", "tasks, one text", "tasks, true scenes"]
    assert [re.split(r"  +", line)[0] for line in lines] == names
    assert all("pictures" in line and "colour attribution" in line for line in lines)
    assert "single object 100.0%" in lines[2]
    (told,) = task_lines(painter, knowing, real, 1, 2)  # things of no group keep their colours
    assert told.startswith("six tasks: not asked, 0 things of this set are in one piece")


def test_words_that_were_read_are_not_asked_for_as_new(painter, judge, real, tmp_path):
    held_out = {"thing 1": ("hound", "puppy"), "unknown concept": ("else",)}
    words = Synonyms(training={"thing 2": ("mouser",)}, held_out=held_out, sources={})
    words.save(tmp_path / "words.json")
    lines = list(word_lines(painter, judge, real, tmp_path / "words.json", 5))
    assert [re.sub(r"  +", "  ", line).split("  ")[:2] for line in lines] == [
        ["words to train with", "1 pictures"],
        ["words held out", "1 pictures"],
    ]
    nameless = limner.Painter(replace(painter.parts, words=None))
    with pytest.raises(UsageError, match="no list of what it has read"):
        list(word_lines(nameless, judge, real, tmp_path / "words.json", 5))


@pytest.mark.parametrize(
    ("relation", "first", "upright"),
    [
        (Relation.LEFT, "a", False),
        (Relation.RIGHT, "b", False),
        (Relation.ABOVE, "a", True),
        (Relation.BELOW, "b", True),
    ],
)
def test_what_is_left_or_above(relation, first, upright):
    one, two = (Record(picture=0, concept=name) for name in "ab")
    pair = pair_of(Scene(first=one, second=two, relation=relation))
    assert (pair.first, pair.upright) == (first, upright)


def test_nouns_and_colours_are_painted_as_somebody_types_them(painter, judge, real, tmp_path):
    nouns = tmp_path / "nouns.txt"
    nouns.write_text("# one of two is known\n1 thing: thing 1\n2 king: king\n", "utf-8")
    coloured = replace(real, records=tuple(replace(r, group="objects") for r in real.records))
    lines = list(everyday_lines(painter, judge, coloured, nouns, 4))
    assert [re.split(r"  +", line)[:2] for line in lines] == [
        ["everyday nouns", "1 pictures"],
        ["colours drawn", "4 pictures"],
        ["colours held out", "4 pictures"],
    ]
    assert [("colour" in line.split("concept")[1]) for line in lines] == [False, True, True]
