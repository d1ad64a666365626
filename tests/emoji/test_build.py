"""The table of words, made from a world of three emoji."""

from __future__ import annotations

from limner.emoji.build import descriptions, translations

LABELS = {"🐈": "cat", "🎩": "top hat", "👒": "woman's hat"}
ENGLISH = {
    "cat": frozenset("🐈"),
    "top hat": frozenset("🎩"),
    "hat": frozenset("🎩👒"),
    "woman's hat": frozenset("👒"),
}


def test_a_name_is_its_emoji_and_a_keyword_what_is_said_of_the_same_ones() -> None:
    spoken = {
        "🐈": ("katze", ("tier",)),
        "🎩": ("zylinder", ("hut", "tier")),
        "👒": ("damenhut", ("hut", "tier")),
    }
    found = translations(spoken, LABELS, ENGLISH)
    assert found["katze"] == "cat"
    assert found["zylinder"] == "top hat"
    assert found["hut"] == "hat"
    assert found["tier"] == "hat"  # of three, two have it: more than LEAST


def test_what_has_little_in_common_has_no_translation() -> None:
    spoken = {"🐈": ("katze", ("ding",)), "🎩": ("zylinder", ("ding",)), "👒": ("hut", ("ding",))}
    english = {"cat": frozenset("🐈"), "top hat": frozenset("🎩")}
    assert "ding" not in translations(spoken, LABELS, english)


def test_a_description_is_said_of_people_and_faces_alone() -> None:
    spoken = {
        "😀": ("grinsen", ("froh", "gelb")),
        "👵": ("alte frau", ("froh", "grinsen", "oma")),
        "🐈": ("katze", ("gelb",)),
    }
    assert descriptions(spoken, {"😀", "👵"}) == {"froh", "oma"}
