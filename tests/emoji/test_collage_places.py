"""Where things of a collage stand, what is worn among them."""

from __future__ import annotations

import pytest

from limner.checkpoints import Words
from limner.emoji.collage import arranged
from limner.emoji.prompts import fitted
from limner.emoji.understanding import Understander
from limner.language.layout import Box, touch


@pytest.fixture(scope="module")
def understander(shipped: Words) -> Understander:
    return Understander(shipped)


def places(text: str, understander: Understander) -> dict[str, list[Box]]:
    """The boxes of each concept, in parts of the canvas."""
    scene = fitted(understander.understand(text).scene, 12)
    found: dict[str, list[Box]] = {thing.concept: [] for thing in scene.things}
    for box in arranged(understander.words, scene).boxes:
        found[scene.things[box.thing].concept].append(box)
    return found


def is_on(hat: Box, head: Box) -> bool:
    middle = hat.x + hat.width / 2
    return head.x < middle < head.right and hat.y < head.y < hat.bottom < head.y + head.height / 2


@pytest.mark.parametrize(
    "text",
    [
        "a cat with a top hat",
        "a cat with a top hat and a dog",
        "a cat with a top hat on a bed",
        "a dog and a cat with a top hat",
        "a bird above a cat with a top hat",
        "a cat with a top hat in a package",
        "a cat with a top hat under a deciduous tree",
        "a cat with a top hat on the beach",
        "a cat with a soccer ball and a top hat",
        "a cat with a soccer ball, a fish and a top hat on a bed",
    ],
)
def test_a_hat_is_on_the_head_of_whoever_wears_it(text: str, understander: Understander) -> None:
    found = places(text, understander)
    ((hat,), (cat,)) = found["top hat"], found["cat"]
    assert is_on(hat, cat)
    assert hat.width == pytest.approx(cat.width)


def test_a_hat_that_nobody_has_is_on_no_head(understander: Understander) -> None:
    for text in ("a cat and a top hat", "a cat with a fish on a bed and a top hat"):
        found = places(text, understander)
        ((hat,), (cat,)) = found["top hat"], found["cat"]
        assert not is_on(hat, cat)


def test_others_stand_where_they_stood_without_the_hat(understander: Understander) -> None:
    found = places("a cat with a top hat and a dog", understander)
    ((cat,), (dog,)) = found["cat"], found["dog"]
    assert cat.bottom == pytest.approx(dog.bottom)
    found = places("a cat with a top hat on a bed", understander)
    ((cat,), (bed,)) = found["cat"], found["bed"]
    assert cat.y + cat.height / 2 < bed.y < cat.bottom < bed.bottom
    found = places("a bird above a cat with a top hat", understander)
    ((bird,), (hat,)) = found["bird"], found["top hat"]
    assert not touch(bird, hat)


def test_each_of_several_has_a_hat(understander: Understander) -> None:
    found = places("two cats with hats", understander)
    for hat, cat in zip(found["top hat"], found["cat"], strict=True):
        assert is_on(hat, cat)
    lower, upper = places("a cat with two hats", understander)["top hat"]
    assert upper.y < lower.y
    assert upper.x == lower.x


def test_several_without_a_number_are_as_many_as_have_them(understander: Understander) -> None:
    counts = [
        [thing.count for thing in fitted(understander.understand(text).scene, 12).things]
        for text in ("two dogs with balls", "a dog with balls", "dogs with balls")
    ]
    assert counts == [[2, 2], [1, 3], [3, 3]]
