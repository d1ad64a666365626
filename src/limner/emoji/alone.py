"""What is meant by a word that is said alone: "happy", "good morning", "sports"."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from limner.emoji.aliases import doings
from limner.language.english import STYLE_FORMS, phrases
from limner.language.words import normal

# What is felt, said or celebrated, and what has no look of its own.
SINGLE = {
    "grinning face": "happy|i am happy|smile|smiling",
    "face with tears of joy": "joy|laughing|laughter",
    "crying face": "sad|i am sad|sadness",
    "loudly crying face": "crying",
    "angry face": "angry|anger|rage",
    "red heart": "love|i love you|valentine's day|happy valentine's day",
    "smiling face with heart-eyes": "in love",
    "tired face": "tired|i am tired",
    "sleepy face": "sleepy",
    "sleeping face": "sleep|sleeping|asleep",
    "star-struck": "excited|awesome|amazing",
    "confused face": "confused",
    "flushed face": "embarrassed",
    "astonished face": "shocked|surprised|wow",
    "fearful face": "scared|fear|afraid",
    "hot face": "hot",
    "cold face": "cold|freezing",
    "face with thermometer": "sick|ill",
    "smiling face with sunglasses": "cool",
    "thinking face": "thinking",
    "pleading face": "sorry|i am sorry",
    "ok hand": "ok|okay",
    "thumbs up": "yes|well done|good job",
    "thumbs down": "no",
    "folded hands": "thank you|thanks|please",
    "waving hand": "hello|hi|bye|goodbye|welcome",
    "people hugging": "friends|friendship|best friends",
    "party popper": "party|congratulations|celebration",
    "birthday cake": "birthday|happy birthday",
    "bouquet": "mother's day|happy mother's day|get well soon",
    "jack-o-lantern": "halloween|happy halloween",
    "christmas tree": "christmas|merry christmas",
    "fireworks": "new year|happy new year",
    "turkey": "thanksgiving|happy thanksgiving",
    "rabbit": "easter|happy easter",
    "graduation cap": "graduation",
    "wedding": "marriage",
    "four leaf clover": "luck|good luck",
    "sunrise": "good morning",
    "sunset": "good evening",
    "ice skate": "ice skating",
    "skateboard": "skateboarding",
    "boxing glove": "boxing",
    "horse racing": "horse riding",
    "dove": "peace",
    "trophy": "victory|success|winner",
    "statue of liberty": "freedom|liberty",
    "skull": "death",
    "seedling": "life",
    "deciduous tree": "nature",
    "cherry blossom": "spring|springtime",
    "warning": "danger",
    "light bulb": "idea",
    "hourglass done": "time",
    "wind face": "air",
    "magic wand": "magic",
    "microscope": "science",
    "artist palette": "art",
    "laptop": "technology",
    "globe with meridians": "internet",
    "clapper board": "movie|movies",
    "shopping bags": "shopping",
    "briefcase": "work|business",
    "airplane": "travel|travelling|traveling",
    "beach with umbrella": "vacation|holiday|holidays",
    "sun behind cloud": "weather",
    "sign of the horns": "rock and roll|rock'n'roll",
    "joker": "deck of cards|card game",
    "fork and knife with plate": "dinner|lunch|meal",
}
# What is a sort of things and more: some of them. (`emoji.sorts` has those that are said so within
# sentences too.)
SEVERAL = {
    "red apple|banana|grapes": "fruits|fruit",
    "candy|doughnut|ice cream": "sweets",
    "beer mug|tropical drink": "drinks",
    "lady beetle|honeybee|ant": "insects|bugs",
    "automobile|bus|bicycle": "transport|transportation|traffic",
    "soccer ball|basketball|tennis": "sports|sport",
    "guitar|violin|drum": "instruments",
}
_BEFORE = re.compile(r"(some|the|all|many|various|different|an?) ")


def meanings(names: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """What stands for each such word, of concepts that are known: "candy and doughnut"."""
    found = doings(names)
    for table in (SINGLE, SEVERAL):
        for row, words in table.items():
            concepts = row.split("|")
            if names.keys() >= {*concepts}:
                found |= dict.fromkeys(phrases(words), " and ".join(concepts))
    return found


def as_meant(text: str, meant: Mapping[str, str], styles: Sequence[str]) -> str:
    """The text, or what stands for it where it is such a word, with a style or without."""
    said, comma, style = normal(text.strip(" .!")).partition(",")
    found = meant.get(said) or meant.get(_BEFORE.sub("", said, count=1))
    forms = {form.format(each) for form in STYLE_FORMS for each in styles} if comma else set()
    return (
        text if found is None or (comma and style.strip() not in forms) else found + comma + style
    )
