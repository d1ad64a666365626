"""Prompts that ask for two things beside or above each other: the text and layout for them."""

from __future__ import annotations

import re

from limner.checkpoints import Words
from limner.pipeline.request import BESIDE, STACKED
from limner.pipeline.words import meant

TAIL = r"(?P<tail>,.*| in [^,]+ style| \w+ style)?"  # what is said of both
FIRST, SECOND = r"(?P<first>.+?)", r"(?P<second>[^,]+?)"
ASKED = (  # (what a prompt may look like, the layout, whether the thing named last comes first)
    (rf"{FIRST} (?:to the |on the )?left of {SECOND}{TAIL}", BESIDE, False),
    (rf"{FIRST} (?:to the |on the )?right of {SECOND}{TAIL}", BESIDE, True),
    (rf"{FIRST} on the left and {SECOND} on the right{TAIL}", BESIDE, False),
    (rf"{FIRST} on the right and {SECOND} on the left{TAIL}", BESIDE, True),
    (rf"{FIRST} (?:above|over|on top of) {SECOND}{TAIL}", STACKED, False),
    (rf"{FIRST} (?:below|under|beneath) {SECOND}{TAIL}", STACKED, True),
    (rf"{FIRST} and {SECOND}{TAIL}", BESIDE, False),
)


def pair_asked(prompt: str, words: Words) -> tuple[str, str] | None:
    """(prompt, layout) of two known things, or None where the prompt does not ask for two.

    "a cat right of a dog, 3d" gives ("a dog, 3d AND a cat, 3d", "beside"): one text a thing, in
    the order of the parts, each with what is said of both. Known are concepts of the model and
    words of its lexicon; of "and" the first thing is on the left.
    """
    text = " ".join(prompt.split())
    for pattern, layout, last_first in ASKED:
        match = re.fullmatch(pattern, text)
        if match is None:
            continue
        first, second, tail = match["first"], match["second"], match["tail"] or ""
        whole = text.removesuffix(tail)
        one_thing = any(f"{c} " in f"{whole} " for c in words.concepts if " and " in c)
        if one_thing or not (_known(first, words) and _known(second, words)):
            return None
        things = (second, first) if last_first else (first, second)
        return " AND ".join(thing + tail for thing in things), layout
    return None


def _known(text: str, words: Words) -> bool:
    """Whether a concept stands in the text, by its name or by a word of the lexicon."""
    padded = f" {meant(text, words.lexicon)[0].lower()} "
    return any(f" {concept} " in padded for concept in words.concepts)
