"""What is withheld from every training."""

from __future__ import annotations

import pytest

from limner.data.withheld import Pair, Withheld
from limner.errors import UsageError

CONCEPTS = [f"thing {number}" for number in range(60)]
COLOURS = ["red", "blue", "green"]


def test_share_is_what_is_withheld():
    pairs = Withheld(share=0.1).listed(Pair.CONCEPT, CONCEPTS, [])
    assert 0.07 < len(pairs) / (60 * 59 / 2) < 0.13
    assert Withheld(share=0.0).listed(Pair.COLOUR, CONCEPTS, COLOURS) == []
    assert len(Withheld(share=1.0).listed(Pair.COLOUR, CONCEPTS, COLOURS)) == 180


def test_two_concepts_are_withheld_either_way_round_and_none_from_itself():
    withheld = Withheld(share=0.5)
    for one in CONCEPTS[:20]:
        assert not withheld.has(Pair.CONCEPT, one, one)
        for two in CONCEPTS[:20]:
            assert withheld.has(Pair.CONCEPT, one, two) == withheld.has(Pair.CONCEPT, two, one)


def test_fewer_concepts_are_withheld_alike_and_seeds_and_kinds_differ():
    withheld = Withheld(share=0.3)
    all_of_them = withheld.listed(Pair.COLOUR, CONCEPTS, COLOURS)
    some = withheld.listed(Pair.COLOUR, CONCEPTS[:10], COLOURS)
    assert set(some) < set(all_of_them)
    assert all_of_them != Withheld(share=0.3, seed=1).listed(Pair.COLOUR, CONCEPTS, COLOURS)
    assert all_of_them != withheld.listed(Pair.GROUND, CONCEPTS, COLOURS)


def test_choice_stays_what_was_written_down():
    withheld = Withheld()
    colours = [
        "red",
        "orange",
        "yellow",
        "green",
        "blue",
        "purple",
        "pink",
        "brown",
        "black",
        "white",
        "grey",
    ]
    found = withheld.listed(Pair.COLOUR, ["automobile", "cat", "dog", "house"], colours)
    assert found == [
        "automobile, red",
        "automobile, black",
        "cat, red",
        "cat, brown",
        "house, brown",
    ]


def test_impossible_share_is_refused():
    with pytest.raises(UsageError, match=r"share 1\.5"):
        Withheld(share=1.5)
