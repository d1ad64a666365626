"""What concepts are called, which come first, and which words no caption has."""

from __future__ import annotations

import pytest

from limner.data import everyday_words as module
from limner.data.everyday_words import EverydayWords, everyday_words
from limner.data.find_synonyms import KIND, SAME
from limner.data.records import Record
from limner.data.synonyms import Synonyms
from limner.errors import DataError

RECORDS = [
    Record(picture=number, concept=concept, style="flat", names=(concept, *more), group="objects")
    for number, (concept, *more) in enumerate(
        [("automobile",), ("dog", "doggo"), ("red apple",), ("teddy bear",), ("gear wheel",)]
    )
]
CALLED = {
    "automobile": ("car", "automobile"),
    "dog": ("puppy", "dog"),
    "red apple": ("apple", "red apple"),
    "teddy bear": ("teddy", "teddy bear"),
    "gear wheel": ("gear wheel",),
}
SYNONYMS = Synonyms(
    training={"automobile": ("motorcar", "jeep"), "dog": ("corgi",)},
    held_out={"dog": ("mutt", "puppy"), "red apple": ("pippin",), "automobile": ("roadster",)},
    sources={"motorcar": SAME, "jeep": KIND, "corgi": KIND},
)
SIGNS = {"🚗": "automobile", "🐕": "dog"}


def made(**others) -> EverydayWords:
    return everyday_words(RECORDS, CALLED, SIGNS, SYNONYMS, **others)


def test_plainest_name_comes_first_and_the_character_last():
    names = made().names
    assert names["automobile"] == ("car", "automobile", "motorcar", "🚗")
    assert names["dog"] == ("dog", "puppy", "doggo", "🐕")
    assert names["red apple"] == ("apple", "red apple")
    assert names["teddy bear"] == ("teddy bear", "teddy")


def test_kinds_of_a_thing_are_no_names_of_it():
    spoken = {name for names in made().names.values() for name in names}
    assert spoken.isdisjoint({"jeep", "corgi"})


def test_what_people_say_is_never_held_out_and_what_is_held_out_is_never_said():
    words = made()
    held_out = {word for several in words.held_out.values() for word in several}
    assert held_out == {"mutt", "pippin", "roadster"}
    assert held_out.isdisjoint(name for names in words.names.values() for name in names)


def test_name_that_is_held_out_elsewhere_goes(monkeypatch):
    monkeypatch.setattr(module, "HELD_OUT", 3)
    clash = Synonyms(training={}, held_out={"dog": ("doggo",)}, sources={})
    words = everyday_words(RECORDS, CALLED, SIGNS, clash)
    assert "doggo" not in words.names["dog"]


def test_held_out_words_follow_the_seed(monkeypatch):
    monkeypatch.setattr(module, "HELD_OUT", 1)
    chosen = {str(made(seed=seed).held_out) for seed in range(12)}
    assert len(chosen) == 3
    assert made(seed=2).held_out == made(seed=2).held_out


def test_measured_concepts_come_first_then_named_ones():
    assert made(measured=["gear wheel"], count=2).first == ("automobile", "gear wheel")
    assert made(count=2).first == ("automobile", "dog")


def test_words_are_read_as_they_were_written(tmp_path):
    words = made()
    words.save(tmp_path)
    assert EverydayWords.load(tmp_path) == words


@pytest.mark.parametrize("text", [None, "{", '{"names": {}}', "[]"])
def test_missing_or_broken_words_say_what_makes_them(tmp_path, text):
    if text is not None:
        (tmp_path / "everyday.json").write_text(text)
    with pytest.raises(DataError, match=r"`limner data everyday` makes them"):
        EverydayWords.load(tmp_path)
