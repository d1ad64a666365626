from __future__ import annotations

import pytest

from limner.emoji.spelling import distance, is_english, nearest

KNOWN = ("cat", "bear", "boat", "ring", "elephant", "butterfly", "cart", "cats")


@pytest.mark.parametrize(
    ("first", "second", "steps"),
    [
        ("cat", "cat", 0),
        ("catt", "cat", 1),
        ("cta", "cat", 1),
        ("elefant", "elephant", 2),
        ("", "cat", 3),
        ("kitten", "sitting", 3),
    ],
)
def test_distance(first: str, second: str, steps: int) -> None:
    assert distance(first, second) == distance(second, first) == steps


@pytest.mark.parametrize(
    ("word", "known"),
    [
        ("catt", "cat"),
        ("elefant", "elephant"),
        ("buterfly", "butterfly"),
        ("beard", None),  # an English word, and no misspelt bear
        ("boot", None),
        ("king", None),
        ("dat", None),  # too short to say
        ("xyzzy", None),
    ],
)
def test_nearest(word: str, known: str | None) -> None:
    assert nearest(word, KNOWN) == known


def test_english_words_with_endings() -> None:
    assert all(map(is_english, ("mats", "running", "smiled", "berries", "wooden", "king")))
    assert not any(map(is_english, ("hatt", "gitar", "sonne", "hors")))
