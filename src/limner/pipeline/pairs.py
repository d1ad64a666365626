"""Prompts that ask for two things beside each other, which the shipped pairs model paints."""

from __future__ import annotations

import re

from limner.checkpoints import Words
from limner.pipeline.words import meant

TAIL = r"(?P<tail>,.*| in [^,]+ style| \w+ style)?"  # what is said of both
ASKED = (  # (what a prompt may look like, how it is said with the left thing first)
    (rf"(?P<left>.+?) (?:to the |on the )?left of (?P<right>[^,]+?){TAIL}", None),
    (
        rf"(?P<right>.+?) (?:to the |on the )?right of (?P<left>[^,]+?){TAIL}",
        "{left} left of {right}{tail}",
    ),
    (rf"(?P<left>.+?) on the left and (?P<right>[^,]+?) on the right{TAIL}", None),
    (
        rf"(?P<right>.+?) on the right and (?P<left>[^,]+?) on the left{TAIL}",
        "{left} on the left and {right} on the right{tail}",
    ),
    (rf"(?P<left>.+?) and (?P<right>[^,]+?){TAIL}", None),
)


def side_by_side(prompt: str, words: Words) -> str | None:
    """The prompt with its left thing first, or None where it does not ask for two things beside.

    Both must be known: concepts of the model, or words of its lexicon; of "and" the first is on
    the left. "a cat right of a dog, 3d" becomes "a dog left of a cat, 3d".
    """
    text = " ".join(prompt.split())
    for pattern, said in ASKED:
        match = re.fullmatch(pattern, text)
        if match is None:
            continue
        parts = {name: part or "" for name, part in match.groupdict().items()}
        whole = text.removesuffix(parts["tail"])
        if not (_known(parts["left"], words) and _known(parts["right"], words)):
            return None
        if any(concept in whole for concept in words.concepts if " and " in concept):
            return None  # "knife and fork" is one thing
        return prompt if said is None else said.format(**parts)
    return None


def _known(text: str, words: Words) -> bool:
    """Whether a concept stands in the text, by its name or by a word of the lexicon."""
    padded = f" {meant(text, words.lexicon)[0].lower()} "
    return any(f" {concept} " in padded for concept in words.concepts)
