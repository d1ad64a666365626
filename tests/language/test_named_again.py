"""What stands for things that were named, and what is said of them later."""

from __future__ import annotations

import pytest

from limner.language import Vocabulary, canonical
from limner.language.read import Reader

WORDS = Vocabulary(
    concepts={"cat": ("cat",), "dog": ("dog",), "tree": ("tree",), "orange": ("orange",)}
)


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(WORDS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a cat and a dog. The dog is brown.", "a cat and a brown dog"),
        ("a cat and a dog. The cat is brown and the dog is red.", "a brown cat and a red dog"),
        ("a cat and a dog, the cat on the left", "a cat left of a dog"),
        ("a cat and a dog, the dog on the left", "a cat right of a dog"),
        ("a tree. Under the tree there is a dog.", "a dog under a tree"),
        ("a black cat and the white cat", "a black cat and a white cat"),
        ("the cat and the dog", "a cat and a dog"),
        ("the two cats and the cat", "two cats"),
    ],
)
def test_what_was_named_is_no_second_thing(text: str, said: str, reader: Reader) -> None:
    assert canonical(reader.read(text).scene) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a black cat and a white one", "a black cat and a white cat"),
        ("a dog next to another", "a dog and a dog"),
        ("one black cat, another one white", "a black cat and a white cat"),
        ("two red cats and one green", "two red cats and a green cat"),
        ("three red cats and two blue ones", "three red cats and two blue cats"),
        ("two cats, a black one and a white one", "a black cat and a white cat"),
        ("two cats, one big and one small", "a big cat and a small cat"),
        ("another cat", "a cat"),
    ],
)
def test_one_more_of_what_was_named(text: str, said: str, reader: Reader) -> None:
    reading = reader.read(text)
    assert (canonical(reading.scene), reading.unknown, reading.unused) == (said, (), ())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a cat, behind her a dog", "a dog behind a cat"),
        ("a cat on a dog, on top of that a tree", "a cat on a dog under a tree"),
        ("a cat behind her dog", "a cat behind a dog"),
    ],
)
def test_words_that_point_after_a_place(text: str, said: str, reader: Reader) -> None:
    assert canonical(reader.read(text).scene) == said


@pytest.mark.parametrize(
    ("text", "said", "unknown"),
    [
        ("a cat on a hilt, a tree", "a cat and a tree", ("hilt",)),
        ("a cat in a suit feeding dog", "a cat and a dog", ("suit", "feeding")),
        ("a cat on a bench and a dog", "a cat and a dog", ("bench",)),
        ("a cat on a wooden tree", "a cat on a tree", ("wooden",)),
    ],
)
def test_a_place_at_something_unknown_is_of_nothing_else(
    text: str, said: str, unknown: tuple[str, ...], reader: Reader
) -> None:
    reading = reader.read(text)
    assert (canonical(reading.scene), reading.unknown) == (said, unknown)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("an orange and white cat", "an orange cat"),
        ("the cat is orange", "an orange cat"),
        ("two cats, one orange and one black", "an orange cat and a black cat"),
        ("an orange and a cat", "an orange and a cat"),
        ("a cat eats an orange", "a cat with an orange"),
    ],
)
def test_orange_is_a_colour_among_colours(text: str, said: str, reader: Reader) -> None:
    assert canonical(reader.read(text).scene) == said
