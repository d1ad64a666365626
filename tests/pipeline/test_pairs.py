"""Which prompts ask for two things beside each other, and how they are turned round."""

import pytest

from limner.checkpoints import Words
from limner.pipeline.pairs import side_by_side

WORDS = Words(
    concepts=("cat", "dog", "red apple", "knife and fork", "smiling face with horns"),
    styles=("3d", "noto"),
    lexicon={"poodle": "dog"},
)


@pytest.mark.parametrize(
    "prompt",
    [
        "a cat left of a dog",
        "a cat to the left of a dog, 3d",
        "a cat on the left and a red apple on the right in noto style",
        "a cat and a dog, 3d",
        "3d, a cat and a poodle",
    ],
)
def test_what_has_its_left_thing_first_stays(prompt):
    assert side_by_side(prompt, WORDS) == prompt


@pytest.mark.parametrize(
    ("prompt", "turned"),
    [
        ("a cat right of a dog", "a dog left of a cat"),
        ("a cat to the right of a red apple, 3d", "a red apple left of a cat, 3d"),
        ("a cat on the right of a dog in 3d style", "a dog left of a cat in 3d style"),
        (
            "a cat on the right and a dog on the left, noto",
            "a dog on the left and a cat on the right, noto",
        ),
    ],
)
def test_what_has_its_right_thing_first_is_turned_round(prompt, turned):
    assert side_by_side(prompt, WORDS) == turned


@pytest.mark.parametrize(
    "prompt",
    [
        "a red apple, 3d",
        "a knife and fork",
        "a knife and fork, 3d",
        "a smiling face with horns",
        "a cat left of a lighthouse",
        "a cat and its shadow",
        "a cat above a dog",
        "a concatenation and a dogma",
        "",
    ],
)
def test_what_asks_for_no_two_known_things_is_none(prompt):
    assert side_by_side(prompt, WORDS) is None
