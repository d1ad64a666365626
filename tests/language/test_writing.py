from __future__ import annotations

import random

import pytest

from limner.language import Ground, Relation, Scene, Size, Thing, Vocabulary, canonical, write
from limner.language.english import plural, with_article
from limner.language.read import Reader
from limner.language.scene import PLAIN

APPLES = Thing(concept="red apple", count=2, size=Size.SMALL)
CAT = Thing(concept="cat", colour="black")


def test_canonical_is_plain() -> None:
    scene = Scene(things=(APPLES, CAT), joins=(Relation.LEFT,), style="3d")
    assert canonical(scene) == "two small red apples left of a black cat, 3d"
    lone = Scene(things=(CAT,), ground=Ground(place="beach"))
    assert canonical(lone) == "a black cat on the beach"
    ground = Scene(things=(), ground=Ground(place=PLAIN, colour="blue"))
    assert canonical(ground) == "on a blue background"


def test_captions_vary_and_each_says_all() -> None:
    scene = Scene(things=(APPLES, CAT), joins=(Relation.AND,), style="3d")
    chance = random.Random(0)
    said = {write(scene, chance) for _ in range(400)}
    assert len(said) > 300
    for text in map(str.lower, said):
        assert "3d" in text
        assert "red apples" in text
        assert any(word in text for word in ("two", "2", "pair", "couple"))
        assert any(word in text for word in ("small", "little", "tiny"))


def test_names_of_the_vocabulary_are_used() -> None:
    words = Vocabulary(concepts={"cat": ("cat", "kitty")}, styles={"3d": ("3d", "3D")})
    chance = random.Random(0)
    said = " ".join(write(Scene(things=(CAT,), style="3d"), chance, words) for _ in range(50))
    assert "kitty" in said
    assert "3D" in said


@pytest.mark.parametrize(
    ("one", "several"),
    [
        ("cat", "cats"),
        ("box", "boxes"),
        ("berry", "berries"),
        ("monkey", "monkeys"),
        ("mouse", "mice"),
        ("snowman", "snowmen"),
        ("fish", "fish"),
        ("sheep", "sheep"),
        ("grapes", "grapes"),
        ("octopus", "octopuses"),
        ("slice of pizza", "slices of pizza"),
        ("t-shirt", "t-shirts"),
        ("jack-o-lantern", "jack-o-lanterns"),
        ("maple leaf", "maple leaves"),
        ("german", "germans"),
        ("dress", "dresses"),
        ("rhinoceros", "rhinoceroses"),
    ],
)
def test_plurals(one: str, several: str) -> None:
    assert plural(one) == several


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("rhinoceros", "a rhinoceros"),
        ("octopus", "an octopus"),
        ("fleur-de-lis", "a fleur-de-lis"),
        ("table tennis", "a table tennis"),
        ("grapes", "grapes"),
        ("scissors", "scissors"),
    ],
)
def test_what_ends_as_a_plural_and_is_none_has_an_article(name: str, said: str) -> None:
    assert with_article(name) == said


def test_the_ground_has_the_article_that_fits() -> None:
    for colour, said in (("orange", "on an orange background"), ("blue", "on a blue background")):
        scene = Scene(things=(Thing(concept="cat"),), ground=Ground(place=PLAIN, colour=colour))
        assert canonical(scene) == f"a cat {said}"
        assert Reader(Vocabulary(concepts={"cat": ("cat",)})).read(canonical(scene)).scene == scene
