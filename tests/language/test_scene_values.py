from __future__ import annotations

import pytest

from limner.language import Relation, Scene, Thing

CAT, DOG, TABLE = (Thing(concept=name) for name in ("cat", "dog", "table"))
AND, ON, WITH, LEFT = Relation.AND, Relation.ON, Relation.WITH, Relation.LEFT


@pytest.mark.parametrize(
    ("joins", "placed"),
    [
        ((AND, ON), ((0, AND, 1), (0, ON, 2), (1, ON, 2))),
        ((WITH, ON), ((0, WITH, 1), (0, ON, 2))),
        ((ON, AND), ((0, ON, 1), (1, AND, 2))),
        ((LEFT, ON), ((0, LEFT, 1), (1, ON, 2))),
    ],
)
def test_relations_are_said_of_what_stands_before(
    joins: tuple[Relation, ...], placed: tuple[tuple[int, Relation, int], ...]
) -> None:
    assert Scene(things=(CAT, DOG, TABLE), joins=joins).placed == placed


def test_wrong_scenes_are_refused() -> None:
    with pytest.raises(ValueError, match="one fewer"):
        Scene(things=(CAT, DOG))
    with pytest.raises(ValueError, match="0 of 'cat'"):
        Thing(concept="cat", count=0)
