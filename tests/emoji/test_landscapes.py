"""Places that are named as things, and grounds that nothing known is on."""

from __future__ import annotations

import random

import pytest

from limner.checkpoints import Words
from limner.emoji.landscapes import COMPOSED, PICTURED, STANDING
from limner.emoji.language import EmojiLanguage
from limner.emoji.understanding import Understander
from limner.language import Ground, canonical
from limner.language.english import COLOURS, DRAWN, GROUNDS


@pytest.fixture(scope="module")
def understander(shipped: Words) -> Understander:
    return Understander(shipped)


@pytest.mark.parametrize(
    ("sentence", "said", "missing"),
    [
        # alone: with what stands there
        ("a jungle", "three palm trees in the forest", []),
        ("a lake", "a national park", []),
        ("a lake at night", "a sailboat in the sea at night", []),
        ("the sea at sunset", "a sailboat in the sea at sunset", []),
        ("at night", "a crescent moon at night", []),
        ("underwater", "a tropical fish underwater", []),
        ("it is snowing", "an evergreen tree in the snow", []),
        ("a city at night", "a night with stars", []),
        ("a knight standing in a field", "a deciduous tree on the grass", ["knight"]),
        # where it is said to lie elsewhere it is told, if what stands there does not make it
        ("a forest in winter", "three evergreen trees in the snow", []),
        ("a table in a garden", "a tulip in a garden", ["table"]),
        ("a lake in the forest", "an evergreen tree in the forest", ["lake"]),
        ("a small table with a cake", "a birthday cake on a table", ["small"]),
        ("a lighthouse at sunset", "a sunset", ["lighthouse"]),
        ("a spire in the fog", "an evergreen tree in the fog", ["spire"]),
        ("a bench in a park", "a deciduous tree on the grass", ["bench"]),
        # with others: behind them
        ("a garden full of flowers", "a bouquet in a garden", []),
        ("a kitchen with a table and chairs", "some chairs in a room", ["table"]),
        ("cars on streets", "some automobiles on the street", []),
        ("starry night over a lake", "a sailboat in the sea at night", []),
        ("a dog in front of a lake", "a dog on the beach", []),
        ("a table and four chairs", "four chairs", ["table"]),
        ("people sitting around a table", "some people", ["table"]),
        ("a red cityscape and a cat", "a red cityscape and a cat", []),
        (
            "a misty mountain lake at dawn, pine trees",
            "some evergreen trees in the fog at sunset",
            ["mountain lake (national park)"],
        ),
        # weather, before a thing or by itself
        ("foggy", "a foggy", []),
        ("a snowy village at night", "houses in the snow at night", []),
        ("two red snowy owls", "two red owls in the snow", []),
    ],
)
def test_places(understander: Understander, sentence: str, said: str, missing: list[str]) -> None:
    found = understander.understand(sentence)
    assert canonical(found.scene) == said
    assert [*found.missing] == missing


def test_what_stands_there_is_known(shipped: Words) -> None:
    grounds = {place.ground.place for place in (*COMPOSED.values(), *PICTURED.values())}
    assert grounds <= {*GROUNDS}
    assert {*STANDING} <= {*GROUNDS}
    stand = (*STANDING.values(), *(place.standing for place in COMPOSED.values()))
    assert {*stand, *PICTURED} <= {*shipped.concepts}


@pytest.mark.parametrize("light", ["", " at night", " at sunset"])
def test_every_ground_can_be_drawn(shipped: Words, light: str) -> None:
    language = EmojiLanguage(shipped)
    for phrases in GROUNDS.values():
        reading = language.read(f"a cat {phrases[0]}{light}")
        assert reading.ground in DRAWN


def test_what_is_over_a_place_is_above_it(shipped: Words) -> None:
    language = EmojiLanguage(shipped)
    over, within = (language.read(f"a helicopter {w} the city").regions[0] for w in ("over", "in"))
    assert over.box is not None
    assert within.box is not None
    assert over.box[1] < within.box[1]


def test_a_ground_may_be_over(shipped: Words) -> None:
    ground = (
        Understander(shipped).understand("an airplane over the mountains at sunset").scene.ground
    )
    assert ground == Ground(place="mountains", light="sunset", over=True)


WORDS = (
    *("a", "the", "two", "not", "without", "with", "and", ",", "in", "on", "under", "over", "by"),
    *(
        "cat",
        "crown",
        "queen",
        "red",
        "big",
        "snowy",
        "dark",
        "xyzzy",
        "running",
        "for my",
        "ночью",
    ),
    *("forest", "lake", "beaches", "table", "sunset", "moon", "garden", "at night", "in the rain"),
    *("in a forest", "on the table", "on the moon", "bowl of", "blonde hair", "happy", "лес"),
    *("ночью", "猫"),
)


def test_any_words_in_any_order_are_read(shipped: Words) -> None:
    language, chance = EmojiLanguage(shipped), random.Random(3)
    for _ in range(400):
        reading = language.read(" ".join(chance.choices(WORDS, k=chance.randint(1, 10))))
        assert reading.ground is None or reading.ground in (*DRAWN, *COLOURS)
        for region in reading.regions:
            assert region.box is not None
            assert all(-1e-6 <= value <= 1 + 1e-6 for value in region.box)
