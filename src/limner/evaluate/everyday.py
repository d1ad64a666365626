"""What people ask for: everyday nouns without a style, and things in basic colours."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import UInt8
from torch import Tensor

from limner.data.colours import Colour, colour_of
from limner.data.pixels import to_model_range
from limner.data.withheld import Pair, Withheld
from limner.errors import UsageError
from limner.evaluate.judge import Judge
from limner.language.english import with_article


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A name of a concept as somebody types it, in a colour or as it is."""

    name: str
    concept: str
    colour: Colour | None = None

    @property
    def prompt(self) -> str:
        """ "a car", "a blue cat"."""
        words = self.name if self.colour is None else f"{self.colour.value} {self.name}"
        return with_article(words)


@dataclass(frozen=True, kw_only=True)
class EverydayScores:
    """pictures: how many. concept, colour, both: parts of 1 that show what was asked for.

    colour, both: None where no colour was.
    """

    pictures: int
    concept: float
    colour: float | None = None
    both: float | None = None

    def line(self, name: str) -> str:
        told = f"{name:<26}{self.pictures:>6} pictures  concept {self.concept:6.1%}"
        if self.colour is None or self.both is None:
            return told
        return f"{told}  colour {self.colour:6.1%}  both {self.both:6.1%}"


def nouns_wanted(nouns: Sequence[tuple[str, str]], count: int, seed: int = 0) -> list[Wanted]:
    """At most so many of (noun, concept), by the seed."""
    chosen = random.Random(seed).sample(list(nouns), min(count, len(nouns)))
    return [Wanted(name=noun, concept=concept) for noun, concept in chosen]


def colours_wanted(
    names: Mapping[str, str],
    count: int,
    seed: int = 0,
    *,
    withheld: Withheld | None = None,
    held_out: bool,
) -> list[Wanted]:
    """At most so many things in a colour, of those that trainings draw or of those withheld.

    names: what may be turned to a colour: concept -> a name that says none.
    """
    kept = withheld or Withheld()
    pairs = [
        (concept, colour)
        for concept in sorted(names)
        for colour in Colour
        if kept.has(Pair.COLOUR, concept, colour.value) == held_out
    ]
    chosen = random.Random(seed).sample(pairs, min(count, len(pairs)))
    return [Wanted(name=names[c], concept=c, colour=colour) for c, colour in chosen]


def judge_everyday(
    pictures: UInt8[Tensor, "B 4 S S"], wanted: Sequence[Wanted], judge: Judge
) -> EverydayScores:
    """The concept by the judge, the colour by the pixels' main hue.

    UsageError where there are no pictures, where some want a colour and some none, or where the
    judge does not know a concept.
    """
    coloured = [each.colour is not None for each in wanted]
    if not wanted or len(pictures) != len(wanted) or any(coloured) != all(coloured):
        raise UsageError(
            f"{len(pictures)} pictures of {len(wanted)} wanted, {sum(coloured)} in a colour: one "
            "each is right, all in a colour or none"
        )
    meant, _ = judge.labels([each.concept for each in wanted], ())
    named = judge.see(pictures).concepts.argmax(1).cpu() == meant
    if not any(coloured):
        return EverydayScores(pictures=len(wanted), concept=_part(named))
    turned = torch.tensor(
        [
            colour_of(to_model_range(picture)) is each.colour
            for picture, each in zip(pictures, wanted, strict=True)
        ]
    )
    return EverydayScores(
        pictures=len(wanted),
        concept=_part(named),
        colour=_part(turned),
        both=_part(named & turned),
    )


def _part(hits: Tensor) -> float:
    return hits.float().mean().item()
