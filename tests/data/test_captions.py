from __future__ import annotations

import random
from collections import Counter

import pytest
import torch

from limner.data.captions import (
    canonical,
    caption,
    class_records,
    known_words,
    photo_captions,
    style_caption,
    unknown_words,
)
from limner.data.records import Record
from limner.language.english import with_article

APPLE = Record(
    picture=0,
    concept="red apple",
    style="3d",
    names=("red apple", "ruby pome"),
    keywords=("fruit", "healthy", "orchard", "pie"),
)
BARE = Record(picture=1, concept="owl")
WRITTEN = Record(picture=2, concept="", captions=("a view of the sea", "waves"))


def many(record: Record, count: int = 2000) -> list[str]:
    chance = random.Random(0)
    return [caption(record, chance) for _ in range(count)]


def test_every_caption_names_the_picture() -> None:
    words = (*APPLE.names, *APPLE.keywords)
    assert all(any(word in text for word in words) for text in many(APPLE))
    assert all("owl" in text for text in many(BARE, 200))


def test_captions_are_of_many_kinds() -> None:
    texts = Counter(many(APPLE))
    for expected in ("a red apple, 3d", "3d red apple", "a 3d red apple", "ruby pome in 3d style"):
        assert texts[expected] > 0
    assert len(texts) > 500
    assert any(text.startswith("a sticker of a") for text in texts)
    keywords = [frozenset(text.split()) & {*APPLE.keywords} for text in texts]
    assert {len(used) for used in keywords} == {0, 1, 2, 3}


def test_one_in_ten_is_without_a_style() -> None:
    share = sum("3d" not in text for text in many(APPLE)) / 2000
    assert 0.08 < share < 0.12  # three standard deviations of 2,000 draws


def test_keywords_alone_now_and_then() -> None:
    share = sum(not any(name in text for name in APPLE.names) for text in many(APPLE)) / 2000
    assert 0.08 < share < 0.12


def test_the_generator_decides() -> None:
    for first, second in (
        (random.Random(5), random.Random(5)),
        (torch.Generator().manual_seed(5), torch.Generator().manual_seed(5)),
    ):
        texts = [caption(APPLE, first) for _ in range(50)]
        assert texts == [caption(APPLE, second) for _ in range(50)]
        assert len(set(texts)) > 20


def test_written_captions_are_kept_as_they_are() -> None:
    assert set(many(WRITTEN, 100)) == set(WRITTEN.captions)
    assert canonical(WRITTEN) == "a view of the sea"


def test_canonical() -> None:
    assert canonical(APPLE) == "a red apple, 3d"
    assert canonical(BARE) == "an owl"


@pytest.mark.parametrize(
    "words",
    [
        "a red apple",
        "an umbrella",
        "a unicorn",
        "a euro banknote",
        "an x-ray",
        "an hourglass done",
        "a 1st place medal",
        "an 8 ball",
        "grapes",
        "french fries",
        "glasses",
        "bird's nests with eggs",
        "a glass of milk",
        "a bus",
        "an octopus",
        "a dress",
        "a bowl with spoons",
    ],
)
def test_articles(words: str) -> None:
    bare = words.removeprefix("an ").removeprefix("a ")
    assert with_article(bare) == words


def test_class_records_are_captioned_photographs() -> None:
    assert photo_captions("airplane")[0] == "a photo of an airplane"
    assert photo_captions("trousers")[0] == "a photo of trousers"
    records = class_records([1, 0], ("cat", "owl"), held_out=True)
    assert [row.concept for row in records] == ["owl", "cat"]
    assert [row.picture for row in records] == [0, 1]
    assert [canonical(row) for row in records] == ["a photo of an owl", "a photo of a cat"]
    assert all(row.held_out for row in records)


def test_known_and_unknown_words() -> None:
    known = known_words([APPLE, BARE, WRITTEN])
    assert known["concepts"] == ("red apple", "owl")
    assert known["styles"] == ("3d",)
    assert known["names"] == ("red apple", "ruby pome")
    assert known["captions"] == ("a view of the sea", "waves")
    prompt = "Two red apples and an OWL in 3d style, by Vermeer; 7 owls, healthy Vermeer"
    assert unknown_words(prompt, known) == ("two", "by", "vermeer")
    assert unknown_words("", known) == ()


def test_a_style_alone_is_said_in_several_ways():
    chance = random.Random(0)
    said = {style_caption("3d", chance) for _ in range(200)}
    assert said == {"3d", "in 3d style", "3d style", "a 3d emoji", "an emoji in 3d style"}
    assert "an emojione emoji" in {style_caption("emojione", chance) for _ in range(200)}
