"""The file of words that `limner.emoji.build` makes, read as far as a sentence needs it."""

from __future__ import annotations

import json
import unicodedata
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

WORDS_FILE = Path(__file__).parent / "words.zip"

# The most spoken languages of the world (Ethnologue 2025) that CLDR has names of the emoji in, and
# Italian, whose small words are known too.
LANGUAGES = {
    "zh": "Chinese",
    "hi": "Hindi",
    "es": "Spanish",
    "ar": "Arabic",
    "fr": "French",
    "bn": "Bengali",
    "pt": "Portuguese",
    "ru": "Russian",
    "id": "Indonesian",
    "ur": "Urdu",
    "de": "German",
    "ja": "Japanese",
    "pcm": "Nigerian Pidgin",
    "mr": "Marathi",
    "vi": "Vietnamese",
    "te": "Telugu",
    "ha": "Hausa",
    "tr": "Turkish",
    "pa": "Punjabi",
    "sw": "Swahili",
    "it": "Italian",
}
SCRIPTS = {  # the first word of a character's Unicode name -> languages that are written so
    "CJK": ("zh", "ja"),
    "HIRAGANA": ("ja",),
    "KATAKANA": ("ja",),
    "DEVANAGARI": ("hi", "mr"),
    "ARABIC": ("ar", "ur"),
    "BENGALI": ("bn",),
    "CYRILLIC": ("ru",),
    "TELUGU": ("te",),
    "GURMUKHI": ("pa",),
}
LATIN = ("de", "fr", "es", "pt", "it", "id", "vi", "tr", "sw", "ha", "pcm")


@cache
def characters() -> dict[str, str]:
    """Emoji character, without variation selectors -> label."""
    return _read("characters")


@cache
def translations(language: str) -> dict[str, str]:
    """Words of a language, in lower case -> English names of things."""
    return _read(language)


@cache
def descriptions(language: str) -> frozenset[str]:
    """Those of a language's words that are said of people and faces, and are no name of one."""
    return frozenset(_read(f"{language}-descriptions"))


@cache
def english_words() -> frozenset[str]:
    """Words that are right as they are spelt."""
    return frozenset(_read("english"))


def languages_of(text: str) -> tuple[str, ...]:
    """The languages that a text's letters are written in: all of them, or where none has all, some.

    Japanese where there is kana among the ideographs.
    """
    found = dict[tuple[str, ...], None]()
    for character in filter(str.isalpha, text):
        script = unicodedata.name(character, "").split(" ", 1)[0].split("-", 1)[0]
        found[LATIN if script == "LATIN" else SCRIPTS.get(script, ())] = None
    some = dict.fromkeys(language for written in found for language in written)
    every = tuple(each for each in some if all(each in written for written in found))
    return every or tuple(some)


def _read(name: str) -> Any:
    with zipfile.ZipFile(WORDS_FILE) as archive:
        return json.loads(archive.read(f"{name}.json"))
