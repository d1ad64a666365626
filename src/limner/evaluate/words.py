"""Words that no caption had: does the painter reach the nearest meaning?"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from limner.data.captions import content_words
from limner.errors import UsageError
from limner.evaluate.judge import Judge
from limner.evaluate.metrics import top_k_hits
from limner.language.english import with_article


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A word in place of a concept's name, in one of the styles."""

    concept: str
    word: str
    style: str

    @property
    def prompt(self) -> str:
        return f"{with_article(self.word)}, {self.style}"


@dataclass(frozen=True, kw_only=True)
class WordScores:
    """pictures: how many. top1, top5: parts in which the judge names the concept that is meant."""

    pictures: int
    top1: float
    top5: float

    def line(self, name: str) -> str:
        return (
            f"{name:<22}{self.pictures:>6} pictures  "
            f"meant, first guess {self.top1:6.1%}  first five {self.top5:6.1%}"
        )


def choose_words(
    words: Mapping[str, Sequence[str]],
    styles: Sequence[str],
    *,
    known: Collection[str],
    count: int,
    seed: int = 0,
) -> list[Asked]:
    """At most so many words, each in one style by chance.

    words: concept -> words that could stand for it. known: what the painter has read; a word with a
    part that is in there is left out, so that what is measured is new to it.
    """
    read = {part for text in known for part in content_words(text)}
    new = [
        (concept, word)
        for concept, some in words.items()
        for word in some
        if not read & set(content_words(word))
    ]
    chance = random.Random(seed)
    chosen = chance.sample(new, min(count, len(new)))
    return [Asked(concept=c, word=w, style=chance.choice(list(styles))) for c, w in chosen]


def judge_words(pictures: Tensor, asked: Sequence[Asked], judge: Judge) -> WordScores:
    """What the judge says of (B, 4, S, S) bytes.

    UsageError where there are none, or where the judge does not know a concept.
    """
    if not asked or len(pictures) != len(asked):
        raise UsageError(f"{len(pictures)} pictures of {len(asked)} words: one each is right")
    meant, _ = judge.labels([each.concept for each in asked], ())
    seen = judge.see(pictures).concepts.cpu()
    hits = [top_k_hits(seen, meant, k).float().mean().item() for k in (1, 5)]
    return WordScores(pictures=len(asked), top1=hits[0], top5=hits[1])
