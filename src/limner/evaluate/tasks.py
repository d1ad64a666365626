"""Six tasks of composition: a thing, two, several, in a colour, in a place, each in its own colour.

A picture is right where the things that its sentence names are found in it: connected parts of what
is opaque, named by a judge, coloured by their main part, placed by their centres.
Source: Ghosh et al. 2023, "GenEval: An Object-Focused Framework for Evaluating Text-to-Image
Alignment"; here in the world that a painter knows, and, but for the first task, of combinations
that no training draws.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from itertools import combinations
from statistics import fmean
from typing import TypeVar

import torch
from jaxtyping import UInt8
from torch import Tensor

from limner.data.colours import Colour, colour_of
from limner.data.composition import Composition, Piece, compose
from limner.data.pixels import to_bytes, to_model_range
from limner.data.placing import Spot, place_apart, place_pair
from limner.data.records import Record
from limner.data.withheld import Pair, Withheld
from limner.data.world import World
from limner.errors import UsageError
from limner.evaluate.composition import enlarged
from limner.evaluate.judge import Judge
from limner.evaluate.parts import parts_of
from limner.language.captions import canonical
from limner.language.scene import Relation, Scene, Size, Thing

Option = TypeVar("Option")

COUNTS = (2, 3, 4)
SIDES = (Relation.LEFT, Relation.RIGHT, Relation.ABOVE, Relation.BELOW)
BATCH = 64  # pictures that are cut at once
ALONG = 0.5  # least cosine between the way to a thing and where it is said to be (GenEval)


class Task(Enum):
    """What is asked for, under GenEval's names."""

    SINGLE = "single object"
    TWO = "two objects"
    COUNTING = "counting"
    COLOURS = "colours"
    POSITION = "position"
    ATTRIBUTION = "colour attribution"


@dataclass(frozen=True, kw_only=True)
class TaskPrompt:
    """A scene that is asked for. concepts: what the set calls each of its things."""

    task: Task
    scene: Scene
    concepts: tuple[str, ...]

    @property
    def prompt(self) -> str:
        """The plain sentence: "a red apple and a blue cat"."""
        return canonical(self.scene)


@dataclass(frozen=True, kw_only=True)
class Found:
    """A thing that was found. place: its centre, x to the right and y down, in pixels."""

    concept: str
    colour: Colour | None
    place: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class TaskScores:
    """tasks: of each task that was asked for, the part of its pictures that are right."""

    pictures: int
    tasks: Mapping[Task, float]

    @property
    def mean(self) -> float:
        """Of the tasks, whatever number of pictures each has."""
        return fmean(self.tasks.values())

    def line(self, name: str) -> str:
        told = "  ".join(f"{task.value} {part:.1%}" for task, part in self.tasks.items())
        return f"{name:<22}{self.pictures:>6} pictures  mean {self.mean:.1%}  {told}"


def things_asked_for(world: World, judge: Judge) -> dict[str, Record]:
    """A drawing of each thing that may have any colour, is in one piece and known to the judge.

    What lies there in pieces ("sparkles") could not be counted; known is what the judge names
    rightly as it is drawn.
    """
    drawn: dict[str, Record] = {}
    for record in world.data.records:
        if record.concept in world.plain:
            drawn.setdefault(record.concept, record)
    pictures = {name: world.data.pictures[record.picture] for name, record in drawn.items()}
    whole = [name for name, picture in pictures.items() if len(parts_of(picture)) == 1]
    if not whole:
        return {}
    alone = torch.stack([enlarged(pictures[name], judge.config.size) for name in whole])
    as_named = zip(whole, named(alone, judge, whole), strict=True)
    return {name: drawn[name] for name, called in as_named if called == name}


def task_prompts(
    names: Mapping[str, str], count: int, seed: int = 0, *, withheld: Withheld | None = None
) -> list[TaskPrompt]:
    """At most so many scenes of each task, of combinations that are withheld.

    names: the things, concept -> a name that says no colour. UsageError for fewer than two things,
    or a count below 1.
    """
    if len(names) < 2 or count < 1:
        raise UsageError(f"{count} prompts a task, of {len(names)} things: 1 and 2 at least")
    kept, chance, concepts = withheld or Withheld(), random.Random(seed), sorted(names)
    pairs = [p for p in combinations(concepts, 2) if kept.has(Pair.CONCEPT, *p)]
    counted = [(c, n) for c in concepts for n in COUNTS if kept.has(Pair.COUNT, c, n)]
    coloured = [(c, k) for c in concepts for k in Colour if kept.has(Pair.COLOUR, c, k.value)]

    def some(options: Sequence[Option]) -> list[Option]:
        return chance.sample(options, min(count, len(options)))

    def either_way() -> list[tuple[str, str]]:
        return [both if chance.random() < 0.5 else both[::-1] for both in some(pairs)]

    def two_colours() -> list[Colour]:
        return chance.sample(list(Colour), 2)

    ask, beside = partial(_asked, names), (Relation.AND,)
    return [
        *(ask(Task.SINGLE, [c]) for c in some(concepts)),
        *(ask(Task.TWO, both, beside) for both in either_way()),
        *(ask(Task.COUNTING, [c], count=n) for c, n in some(counted)),
        *(ask(Task.COLOURS, [c], colours=[colour]) for c, colour in some(coloured)),
        *(ask(Task.POSITION, both, (chance.choice(SIDES),)) for both in either_way()),
        *(ask(Task.ATTRIBUTION, both, beside, colours=two_colours()) for both in either_way()),
    ]


def _asked(
    names: Mapping[str, str],
    task: Task,
    concepts: Sequence[str],
    joins: tuple[Relation, ...] = (),
    *,
    count: int = 1,
    colours: Sequence[Colour] = (),
) -> TaskPrompt:
    """A scene of these things; those in a colour under the names that say none."""
    if colours:
        things = [
            Thing(concept=names[concept], count=count, colour=colour.value)
            for concept, colour in zip(concepts, colours, strict=True)
        ]
    else:
        things = [Thing(concept=concept, count=count) for concept in concepts]
    scene = Scene(things=tuple(things), joins=joins)
    return TaskPrompt(task=task, scene=scene, concepts=tuple(concepts))


def true_picture(
    asked: TaskPrompt, world: World, drawn: Mapping[str, Record], chance: random.Random
) -> UInt8[Tensor, "4 S S"]:
    """The scene composed of real drawings, each as large as it is drawn or nearly: S is twice that.

    What a judge says of these is the most that it can say of what is painted.
    """
    records = [drawn[concept] for concept in asked.concepts]
    spots = _places(asked.scene, records, world, chance)
    things = asked.scene.things
    owners = list(range(len(things))) if len(things) > 1 else [0] * len(spots)
    size = 2 * world.data.size
    pieces = tuple(
        Piece(
            record=records[owner],
            box=spot.pixels(size),
            colour=Colour(things[owner].colour) if things[owner].colour else None,
        )
        for owner, spot in zip(owners, spots, strict=True)
    )
    return to_bytes(compose(Composition(pieces=pieces, size=size), world.data).pixels)


def judge_tasks(
    pictures: Sequence[UInt8[Tensor, "4 H W"]],
    asked: Sequence[TaskPrompt],
    judge: Judge,
    names: Sequence[str],
) -> TaskScores:
    """Which pictures show what was asked for; each of its own size.

    names: the concepts that a thing can be taken for. UsageError where there are no pictures.
    """
    if not asked or len(pictures) != len(asked):
        raise UsageError(f"{len(pictures)} pictures of {len(asked)} prompts: one each is right")
    found = [
        things
        for start in range(0, len(pictures), BATCH)
        for things in things_in(pictures[start : start + BATCH], judge, names)
    ]
    right: dict[Task, list[bool]] = {}
    for each, things in zip(asked, found, strict=True):
        right.setdefault(each.task, []).append(is_right(each, things))
    return TaskScores(pictures=len(asked), tasks={task: fmean(r) for task, r in right.items()})


def things_in(
    pictures: Sequence[UInt8[Tensor, "4 H W"]], judge: Judge, names: Sequence[str]
) -> list[list[Found]]:
    """What is found in each picture."""
    parts = [parts_of(picture) for picture in pictures]
    alone = [
        picture * where for picture, some in zip(pictures, parts, strict=True) for where in some
    ]
    if not alone:
        return [[] for _ in pictures]
    large = torch.stack([enlarged(part, judge.config.size) for part in alone])
    things = [
        Found(concept=name, colour=colour_of(to_model_range(part)), place=_centre(part))
        for part, name in zip(alone, named(large, judge, names), strict=True)
    ]
    rest = iter(things)
    return [[next(rest) for _ in some] for some in parts]


def named(pictures: UInt8[Tensor, "B 4 S S"], judge: Judge, names: Sequence[str]) -> list[str]:
    """Which of these concepts each picture is most like; UsageError where it cannot name one."""
    known, _ = judge.labels(names, ())
    return [names[place] for place in judge.see(pictures).concepts[:, known].argmax(1).tolist()]


def is_right(asked: TaskPrompt, found: Sequence[Found]) -> bool:
    """Whether everything that is asked for was found, and of what is counted no more.

    Things that nobody asked for are no fault, as in GenEval.
    """
    of = [[thing for thing in found if thing.concept == concept] for concept in asked.concepts]
    things = asked.scene.things
    if asked.task is Task.COUNTING:
        return len(of[0]) == things[0].count
    if asked.task is Task.POSITION:
        (relation,) = asked.scene.joins
        return any(lies(one, relation, other) for one in of[0] for other in of[1])
    return all(
        any(not thing.colour or each.colour is Colour(thing.colour) for each in same)
        for thing, same in zip(things, of, strict=True)
    )


def lies(one: Found, relation: Relation, other: Found) -> bool:
    """Whether one is left of the other, right of it, above it or below it."""
    x, y = one.place[0] - other.place[0], one.place[1] - other.place[1]
    apart = {Relation.LEFT: -x, Relation.RIGHT: x, Relation.ABOVE: -y, Relation.BELOW: y}
    return apart[relation] > ALONG * (x**2 + y**2) ** 0.5


def _places(
    scene: Scene, records: Sequence[Record], world: World, chance: random.Random
) -> list[Spot]:
    if len(records) == 2:
        one, two = map(world.extent, records)
        return list(place_pair(scene.joins[0], (Size.PLAIN, Size.PLAIN), (one, two), chance))
    count = scene.things[0].count or 1
    return [Spot(left=0.25, top=0.25, side=0.5)] if count == 1 else place_apart(count, chance)


def _centre(part: UInt8[Tensor, "4 H W"]) -> tuple[float, float]:
    """The middle of the box that holds a part."""
    rows, columns = ((part[3] > 0).any(axis).nonzero()[:, 0].tolist() for axis in (1, 0))
    return (columns[0] + columns[-1]) / 2, (rows[0] + rows[-1]) / 2
