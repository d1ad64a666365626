"""What of the emoji is asked for, and what may be done to each."""

from __future__ import annotations

import pytest
from things import things

from limner.data.everyday_words import EverydayWords
from limner.data.everyday_world import UNTYPED, WHOLE, colourable, everyday_world, vocabulary
from limner.data.records import PictureSet, Record


@pytest.mark.parametrize(
    "concept",
    [
        *("pause button", "keycap: 3", "three o'clock", "one-thirty", "leo", "up-left arrow"),
        *("ab button blood type", "restroom", "white small square", "person running: facing right"),
    ],
)
def test_nobody_types(concept):
    assert UNTYPED.fullmatch(concept)


@pytest.mark.parametrize(
    "concept",
    [
        *("cat", "mushroom", "broom", "bow and arrow", "heart with arrow", "red circle"),
        *("person running", "clapper board", "star", "lion", "crab", "warning"),
    ],
)
def test_people_type(concept):
    assert not UNTYPED.fullmatch(concept)


def records(*concepts: tuple[str, str]) -> PictureSet:
    drawn = things()
    rows = [Record(picture=i, concept=c, group=g) for i, (c, g) in enumerate(concepts)]
    return PictureSet(pictures=drawn.pictures, records=tuple(rows))


def test_colours_are_for_things_and_their_names_say_none():
    data = records(
        ("red apple", "food-drink"),
        ("dog", "animals-nature"),
        ("green book", "objects"),
        ("baby", "people-body"),
        ("ghost", "smileys-emotion"),
        ("sunset", "travel-places"),
        ("pause button", "symbols"),
    )
    words = EverydayWords(names={"red apple": ("apple", "red apple")}, first=(), held_out={})
    world = everyday_world(data, words=words)
    assert world.plain == {"red apple": "apple", "dog": "dog", "ghost": "ghost"}
    assert "pause button" not in world.data.concepts
    assert "sunset" in world.whole
    assert not colourable(Record(picture=0, concept="sunset", group="travel-places"))
    assert world.whole == WHOLE


def test_captions_are_written_with_the_names_of_the_words():
    words = EverydayWords(names={"automobile": ("car", "🚗")}, first=(), held_out={})
    assert vocabulary(words).concepts["automobile"] == ("car", "🚗")
