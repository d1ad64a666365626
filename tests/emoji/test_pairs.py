"""Which prompts ask for two things, and what each part of the picture is told."""

import pytest

from limner.checkpoints import Words
from limner.emoji import EmojiLanguage

WORDS = Words(
    concepts=("cat", "dog", "red apple", "knife and fork", "smiling face with horns"),
    styles=("3d", "noto"),
    lexicon={"poodle": "dog"},
)


@pytest.mark.parametrize(
    ("prompt", "said", "layout"),
    [
        ("a cat left of a dog", "a cat AND a dog", "beside"),
        ("a cat to the left of a dog, 3d", "a cat, 3d AND a dog, 3d", "beside"),
        ("a cat right of a dog, 3d", "a dog, 3d AND a cat, 3d", "beside"),
        (
            "a cat on the left and a red apple on the right in noto style",
            "a cat, noto AND a red apple, noto",
            "beside",
        ),
        ("a cat on the right and a dog on the left", "a dog AND a cat", "beside"),
        ("a cat and a dog, 3d", "a cat, 3d AND a dog, 3d", "beside"),
        ("a small poodle above a red apple", "a dog AND a red apple", "stacked"),
        ("a cat on top of a dog", "a cat AND a dog", "stacked"),
        ("a cat under a dog, noto", "a dog, noto AND a cat, noto", "stacked"),
    ],
)
def test_two_known_things_are_a_text_each_in_the_order_of_the_parts(prompt, said, layout):
    reading = EmojiLanguage(WORDS).read(prompt, collages=False)
    assert (reading.prompt, reading.layout) == (said, layout)


@pytest.mark.parametrize(
    "prompt",
    [
        "a red apple, 3d",
        "a knife and fork",
        "a knife and fork, 3d",
        "a smiling face with horns",
        "a cat left of a lighthouse",
        "a cat and its shadow",
        "a concatenation and a dogma",
        "a cat AND a dog",
        "",
    ],
)
def test_what_asks_for_no_two_known_things_is_none(prompt):
    assert EmojiLanguage(WORDS).read(prompt).layout is None
