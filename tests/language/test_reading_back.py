"""Whatever is written is read back as the same scene."""

from __future__ import annotations

import random

import pytest

from limner.language import Ground, Relation, Scene, Size, Thing, Vocabulary, write
from limner.language.english import COLOURS, GROUNDS
from limner.language.read import Reader
from limner.language.scene import PLAIN
from limner.language.words import Kind

WORDS = Vocabulary(
    concepts={
        "cat": ("cat", "kitty"),
        "automobile": ("car", "automobile"),
        "mouse": ("mouse",),
        "box": ("box", "package"),
        "fish": ("fish",),
        "grapes": ("grapes", "bunch of grapes"),
        "jack-o-lantern": ("pumpkin", "jack-o-lantern"),
        "slice of pizza": ("pizza", "slice of pizza"),
        "snowman": ("snowman",),
        "face with tears of joy": ("laughing face", "face with tears of joy"),
        "orange": ("orange", "tangerine"),
        "hat": ("hat", "top hat"),
        "woman's sandal": ("sandal", "woman's sandal"),
    },
    styles={"3d": ("3d",), "flat": ("flat",), "noto": ("noto",)},
)
READER = Reader(WORDS)


def drawn(chance: random.Random) -> Scene:
    """Any scene that can be said."""
    number = chance.choice((1, 1, 2, 2, 3, 4))
    own = chance.random() < 0.1 and number > 1
    things = tuple(_thing(chance) for _ in range(number))
    if own:
        styles = chance.sample(sorted(WORDS.styles), 2)
        things = tuple(
            Thing(
                concept=t.concept, count=t.count, colour=t.colour, size=t.size, style=styles[i % 2]
            )
            for i, t in enumerate(things)
        )
    joins = tuple(chance.choice(list(Relation)) for _ in range(number - 1))
    ground = None
    if chance.random() < 0.4:
        place = chance.choice([PLAIN, *GROUNDS])
        colour = chance.choice(list(COLOURS)) if place == PLAIN else ""
        ground = Ground(place=place, colour=colour)
    style = chance.choice(("", *WORDS.styles)) if not own else ""
    return Scene(things=things, joins=joins, ground=ground, style=style)


def _thing(chance: random.Random) -> Thing:
    concept = chance.choice(list(WORDS.concepts))
    count = chance.choice((1, 1, 1, 2, 3, 4, 12, 37, None))
    return Thing(
        concept=concept,
        count=1 if concept == "grapes" and count is None else count,  # of grapes a bunch is one
        colour=chance.choice(("", *COLOURS)),
        size=chance.choice(list(Size)),
    )


@pytest.mark.parametrize("seed", range(8))
def test_what_was_written_is_read_back(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(500):
        scene = drawn(chance)
        text = write(scene, chance, WORDS)
        reading = READER.read(text)
        assert reading.scene == scene, text
        assert not reading.unknown, text
        for word in reading.words:
            assert text[word.start : word.stop] == word.text
        assert not any(word.kind is Kind.UNKNOWN for word in reading.words)
