"""The six tasks: what is asked for, what is found, and what is right."""

import random
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from limner.data.colours import Colour
from limner.data.records import PictureSet, Record
from limner.data.withheld import Pair, Withheld
from limner.data.world import World
from limner.errors import UsageError
from limner.evaluate.judge import Judge, JudgeConfig
from limner.evaluate.tasks import (
    Found,
    Task,
    TaskPrompt,
    is_right,
    judge_tasks,
    lies,
    named,
    task_prompts,
    things_asked_for,
    true_picture,
)
from limner.language.read import Reader
from limner.language.scene import Relation, Scene, Thing
from limner.language.vocabulary import Vocabulary

# Each is known by its shape: how much of the box round it is painted.
SHAPES = {"ball": 0.79, "cross": 0.36, "box": 1.0}
NAMES = {name: name for name in SHAPES}
ALL = Withheld(share=1.0)


def drawing(name: str) -> torch.Tensor:
    """An orange thing of 48 pixels in the middle of 64."""
    y, x = torch.meshgrid(torch.arange(64) - 31.5, torch.arange(64) - 31.5, indexing="ij")
    where = {
        "ball": x**2 + y**2 < 24**2,
        "cross": ((x.abs() < 5) | (y.abs() < 5)) & (x.abs() < 24) & (y.abs() < 24),
        "box": (x.abs() < 24) & (y.abs() < 24),
        "dots": (x.abs() > 12) & (x.abs() < 24) & (y.abs() < 24),
    }[name]
    colour = torch.tensor([230, 120, 20, 255], dtype=torch.uint8)[:, None, None]
    return colour * where.to(torch.uint8)


class ByShape(Judge):
    """Names a picture by the painted part of the box round what is painted."""

    def __init__(self) -> None:
        super().__init__(
            JudgeConfig(concepts=("sun", *SHAPES), styles=("3d",), channels=(8,), size=64)
        )

    def see(self, pictures, batch=256):
        painted = (pictures[:, 3] > 127).float()
        rows, columns = painted.amax(2).sum(1), painted.amax(1).sum(1)
        share = painted.sum((1, 2)) / (rows * columns)
        away = (share[:, None] - torch.tensor([0.0, *SHAPES.values()])).abs()
        return SimpleNamespace(concepts=-away)


@pytest.fixture(scope="module")
def world():
    names = [*SHAPES, "dots"]
    rows = tuple(Record(picture=i, concept=n, style="3d") for i, n in enumerate(names))
    return World(PictureSet(pictures=torch.stack([*map(drawing, names)]), records=rows))


def asked_for(task, things, *joins, concepts=None):
    names = tuple(thing.concept for thing in things) if concepts is None else concepts
    return TaskPrompt(task=task, scene=Scene(things=things, joins=joins), concepts=names)


def found(concept, x=0.0, y=0.0, colour=Colour.RED):
    return Found(concept=concept, colour=colour, place=(float(x), float(y)))


def test_what_lies_in_pieces_is_not_asked_for(world):
    assert list(things_asked_for(world, ByShape())) == ["ball", "cross", "box"]


def test_every_task_has_its_prompts_of_withheld_combinations():
    kept, names = Withheld(share=0.3, seed=4), {f"thing{n}": f"thing{n}" for n in range(30)}
    asked = task_prompts(names, 12, withheld=kept)
    assert Counter(each.task for each in asked) == dict.fromkeys(Task, 12)
    for each in asked:
        things = each.scene.things
        if each.task is Task.COUNTING:
            assert kept.has(Pair.COUNT, each.concepts[0], things[0].count)
        elif each.task is Task.COLOURS:
            assert kept.has(Pair.COLOUR, each.concepts[0], things[0].colour)
        elif each.task is not Task.SINGLE:
            assert kept.has(Pair.CONCEPT, *each.concepts)
        if each.task is Task.ATTRIBUTION:
            assert things[0].colour != things[1].colour
    assert len({each.prompt for each in asked if each.task is Task.TWO}) == 12
    assert asked == task_prompts(names, 12, withheld=kept)
    assert asked != task_prompts(names, 12, 1, withheld=kept)


def test_prompts_say_the_scene_under_names_without_a_colour_where_one_is_said():
    names = {"red apple": "apple", "cat": "cat"}
    asked = task_prompts(names, 4, withheld=ALL)
    spoken = Vocabulary(concepts={"red apple": ("red apple", "apple"), "cat": ("cat",)})
    for each in asked:
        scene = Reader(spoken).read(each.prompt).scene
        assert scene.joins == each.scene.joins
        for thing, meant, concept in zip(
            scene.things, each.scene.things, each.concepts, strict=True
        ):
            assert (thing.count, thing.concept) == (meant.count, concept)
            assert meant.colour in f"{thing.colour} {thing.concept}"  # a red apple is one
            assert not (thing.colour and "red" in meant.concept)


def test_true_scenes_are_right_and_those_of_other_prompts_are_not(world):
    drawn, chance = things_asked_for(world, ByShape()), random.Random(0)
    asked = task_prompts(NAMES, 20, withheld=ALL)
    pictures = [true_picture(each, world, drawn, chance) for each in asked]
    judge, names = ByShape(), list(SHAPES)
    scores = judge_tasks(pictures, asked, judge, names)
    assert dict(scores.tasks) == dict.fromkeys(Task, 1.0)
    assert scores.mean == 1.0
    assert scores.pictures == len(asked)
    assert scores.line("true").split()[:4] == ["true", str(len(asked)), "pictures", "mean"]
    for task in Task:
        own = [index for index, each in enumerate(asked) if each.task is task]
        turned = [pictures[index] for index in own[1:] + own[:1]]
        others = judge_tasks(turned, [asked[index] for index in own], judge, names)
        assert others.tasks[task] < 0.8, task


def test_counting_wants_as_many_and_no_more():
    asked = asked_for(Task.COUNTING, (Thing(concept="cat", count=3),))
    for number in range(6):
        things = [found("cat")] * number + [found("dog")]
        assert is_right(asked, things) == (number == 3)


def test_each_thing_wants_its_own_colour():
    things = (Thing(concept="cat", colour="red"), Thing(concept="dog", colour="blue"))
    asked = asked_for(Task.ATTRIBUTION, things, Relation.AND)
    assert is_right(asked, [found("cat"), found("dog", colour=Colour.BLUE)])
    assert not is_right(asked, [found("cat", colour=Colour.BLUE), found("dog")])
    assert not is_right(asked, [found("cat"), found("dog", colour=None)])
    assert not is_right(asked, [found("cat")])
    two = asked_for(Task.TWO, tuple(replace(t, colour="") for t in things), Relation.AND)
    assert is_right(two, [found("bird"), found("dog"), found("cat", colour=None)])
    assert not is_right(two, [found("dog"), found("dog")])


@pytest.mark.parametrize(
    ("relation", "right"),
    [
        (Relation.LEFT, [(-9, 0), (-9, 9), (-9, -9)]),
        (Relation.RIGHT, [(9, 0), (9, 9), (9, -9)]),
        (Relation.ABOVE, [(0, -9), (9, -9), (-9, -9)]),
        (Relation.BELOW, [(0, 9), (9, 9), (-9, 9)]),
    ],
)
def test_things_are_placed_by_their_centres(relation, right):
    asked = asked_for(Task.POSITION, (Thing(concept="a"), Thing(concept="b")), relation)
    for x in (-9, 0, 9):
        for y in (-9, 0, 9):
            one, other = found("a", 20 + x, 30 + y), found("b", 20, 30)
            assert lies(one, relation, other) == ((x, y) in right)
            assert is_right(asked, [other, one]) == ((x, y) in right)
    assert not is_right(asked, [found("b", 20, 30)])


def test_an_empty_picture_shows_nothing(world):
    asked = task_prompts(NAMES, 1, withheld=ALL)
    nothing = [torch.zeros(4, 16, 24, dtype=torch.uint8)] * len(asked)
    assert judge_tasks(nothing, asked, ByShape(), list(SHAPES)).mean == 0.0


def test_what_cannot_be_asked_or_judged_is_told():
    with pytest.raises(UsageError, match="of 1 things"):
        task_prompts({"cat": "cat"}, 5)
    with pytest.raises(UsageError, match="0 prompts a task"):
        task_prompts(NAMES, 0)
    with pytest.raises(UsageError, match="not trained on 'moon'"):
        named(torch.zeros(1, 4, 64, 64, dtype=torch.uint8), ByShape(), ["ball", "moon"])
    asked = task_prompts(NAMES, 1, withheld=ALL)
    with pytest.raises(UsageError, match="1 pictures of 6 prompts"):
        judge_tasks([torch.zeros(4, 8, 8, dtype=torch.uint8)], asked, ByShape(), list(SHAPES))
