from __future__ import annotations

import pytest

from limner.data.concepts import choose_concepts, everyday
from limner.data.records import Record
from limner.errors import UsageError

ROWS = [
    ("grinning face", "smileys-emotion"),
    ("grinning cat", "smileys-emotion"),
    ("woman pilot", "people-body"),
    ("cat face", "animals-nature"),
    ("cat", "animals-nature"),
    ("two-hump camel", "animals-nature"),
    ("dog", "animals-nature"),
    ("red apple", "food-drink"),
    ("pizza", "food-drink"),
    ("oncoming taxi", "travel-places"),
    ("one o'clock", "travel-places"),
    ("taxi", "travel-places"),
    ("up arrow", "symbols"),
]
RECORDS = [
    Record(picture=0, concept=concept, style=style, group=group)
    for concept, group in ROWS
    for style in ("3d", "noto")
    if (concept, style) != ("pizza", "noto")
]
EVERYDAY = ("grinning face", "cat face", "cat", "two-hump camel", "dog", "red apple", "taxi")


def test_everyday_concepts_in_order() -> None:
    assert everyday(RECORDS) == EVERYDAY


def test_all_of_them() -> None:
    assert choose_concepts(RECORDS, 7) == EVERYDAY


@pytest.mark.parametrize("seed", range(5))
def test_spread_evenly_with_the_plainest_name(seed: int) -> None:
    chosen = choose_concepts(RECORDS, 3, seed)
    assert chosen == choose_concepts(RECORDS, 3, seed)
    assert chosen[0] in EVERYDAY[:2]
    assert chosen[1] == "cat"
    assert chosen[2] in ("dog", "taxi")


def test_kept_concepts_are_among_them() -> None:
    for seed in range(5):
        chosen = choose_concepts(RECORDS, 3, seed, keep=("two-hump camel", "cat face"))
        assert {"two-hump camel", "cat face"} < set(chosen)
        assert len(chosen) == 3
    assert choose_concepts(RECORDS, 1, keep=("dog",)) == ("dog",)


@pytest.mark.parametrize(
    ("count", "keep"), [(0, ()), (8, ()), (1, ("cat", "dog")), (3, ("pizza",))]
)
def test_impossible_choices(count: int, keep: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        choose_concepts(RECORDS, count, keep=keep)
