"""Layouts keep every relation, and boxes do not touch where they must not."""

from __future__ import annotations

import random
from collections import Counter
from itertools import combinations

import pytest

from limner.language import Relation, Scene, Size, Thing
from limner.language.layout import APART, MOST, ROOM, Box, Layout, holds, lay_out, touch

NEVER_APART = tuple(relation for relation in Relation if relation not in APART)


def drawn(chance: random.Random) -> Scene:
    """Any scene of up to four kinds of things."""
    number = chance.choice((1, 2, 2, 3, 3, 4))
    things = tuple(
        Thing(
            concept=f"thing {index}",
            count=chance.choice((1, 1, 1, 1, 2, 3, 4, None)),
            size=chance.choice(list(Size)),
        )
        for index in range(number)
    )
    joins = tuple(chance.choice(list(Relation)) for _ in range(number - 1))
    return Scene(things=things, joins=joins)


def check(scene: Scene, layout: Layout) -> None:
    for box in layout.boxes:
        assert -1e-9 <= box.x <= box.right <= 1 + 1e-9, scene
        assert -1e-9 <= box.y <= box.bottom <= 1 + 1e-9, scene
        assert box.width * layout.size[0] > 4, scene  # pixels, of up to 16 things
    assert [box.order for box in layout.boxes] == list(range(len(layout.boxes)))
    assert all(ROOM <= side <= MOST and side % 64 == 0 for side in layout.size)
    for first, relation, second in scene.placed:
        assert holds(relation, layout.of(first), layout.of(second)), (scene, relation)
    for index, thing in enumerate(scene.things):
        own = layout.of(index)
        assert len(own) == thing.count if thing.count else 2 <= len(own) <= 4
        assert not any(touch(*pair) for pair in combinations(own, 2)), scene
    for first, second in combinations(range(len(scene.things)), 2):
        if not piled(scene, first, second):
            assert not any(
                touch(one, other) for one in layout.of(first) for other in layout.of(second)
            ), scene


def piled(scene: Scene, first: int, second: int) -> bool:
    """Whether relations that overlap lead from one thing to the other."""
    reached = {first}
    for _ in scene.things:
        for one, relation, other in scene.placed:
            if relation in NEVER_APART and reached & {one, other}:
                reached |= {one, other}
    return second in reached


@pytest.mark.parametrize("first", range(0, 10_000, 1_000))
def test_relations_hold_and_boxes_keep_apart(first: int) -> None:
    for seed in range(first, first + 1_000):
        scene = drawn(random.Random(seed))
        check(scene, lay_out(scene, seed))


def test_seeds_vary_and_repeat() -> None:
    scene = Scene(
        things=(Thing(concept="cat", count=None), Thing(concept="dog")), joins=(Relation.LEFT,)
    )
    assert lay_out(scene, 3) == lay_out(scene, 3)
    layouts = [lay_out(scene, seed) for seed in range(50)]
    assert len({layout.boxes for layout in layouts}) == 50
    assert Counter(len(layout.of(0)) for layout in layouts).keys() == {2, 3, 4}


def test_one_thing_has_its_own_room() -> None:
    layout = lay_out(Scene(things=(Thing(concept="cat"),)))
    assert layout.size == (128, 128)
    assert len(layout.boxes) == 1
    assert lay_out(Scene(things=())).boxes == ()


def test_sizes_are_seen() -> None:
    things = (Thing(concept="mouse", size=Size.SMALL), Thing(concept="elephant", size=Size.BIG))
    for seed in range(100):
        layout = lay_out(Scene(things=things, joins=(Relation.AND,)), seed)
        [mouse], [elephant] = layout.of(0), layout.of(1)
        assert elephant.height > 1.9 * mouse.height


@pytest.mark.parametrize("relation", list(Relation))
def test_what_holds_is_not_what_does_not(relation: Relation) -> None:
    """No relation but "and", which says no place, holds of a layout of its opposite."""
    left = Box(x=0.0, y=0.0, width=0.3, height=0.3, order=0)
    right = Box(x=0.6, y=0.0, width=0.3, height=0.3, order=1)
    expected = relation in (Relation.LEFT, Relation.AND, Relation.WITH)
    assert holds(relation, [left], [right]) is expected
