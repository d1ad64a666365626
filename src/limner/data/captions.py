"""Captions: what a picture is called, in the many ways that somebody might ask for it."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

import torch

from limner.data.records import Record
from limner.data.synonyms import Synonyms
from limner.language.english import STYLE_AFTER, with_article

Chance = random.Random | torch.Generator
Option = TypeVar("Option")

STYLE_DROPOUT = 0.1
KEYWORDS_ALONE = 0.1
KEYWORDS_BESIDE = 0.4
MOST_KEYWORDS = 3

PHOTO_TEMPLATES = ("a photo of {}", "a picture of {}", "an image of {}", "{}")
OPENINGS = ("", "", "", "", "a picture of ", "an icon of ", "a sticker of ", "an emoji of ")
STYLE_ALONE = ("{}", "{}", "in {} style", "{} style", "a {} emoji", "an emoji in {} style")
TEMPLATE_WORDS = frozenset(
    {"a", "an", "the", "of", "in", "on", "and", "with", "style", "picture", "icon", "sticker"}
    | {"emoji", "photo", "image"}
)


def caption(record: Record, chance: Chance, synonyms: Synonyms | None = None) -> str:
    """One caption of the picture, by chance.

    A record with written captions gives one of them. Otherwise the name stands alone or with up to
    three keywords before or after it, now and then keywords stand without a name, and the style
    word comes first or last or, one time in ten, not at all.

    synonyms: other words that now and then stand for the name (`data.synonyms`).
    """
    if record.captions:
        return pick(record.captions, chance)
    style = record.style if uniform(chance) >= STYLE_DROPOUT else ""
    words, is_name = _subject(record, chance, synonyms)
    style_first = style != "" and uniform(chance) < 0.5
    if style_first:
        words = f"{style} {words}"
    if is_name and uniform(chance) < 0.5:
        words = pick(OPENINGS, chance) + with_article(words)
    if style and not style_first:
        words = pick(STYLE_AFTER, chance).format(words, style)
    return words


def canonical(record: Record) -> str:
    """The plain caption, always the same: "a red apple, 3d"."""
    if record.captions:
        return record.captions[0]
    name = with_article(record.concept)
    return f"{name}, {record.style}" if record.style else name


def style_caption(style: str, chance: Chance) -> str:
    """The style alone, of whatever it may be: "3d", "in 3d style", "a 3d emoji"."""
    form = pick(STYLE_ALONE, chance)
    words = form.format(style)
    return with_article(words[2:]) if form.startswith("a {}") else words


def photo_captions(name: str) -> tuple[str, ...]:
    """Captions for a class of photographs: "a photo of an airplane" and its like, plain last."""
    return tuple(template.format(with_article(name)) for template in PHOTO_TEMPLATES)


def class_records(
    labels: Sequence[int], classes: Sequence[str], *, held_out: bool
) -> tuple[Record, ...]:
    """One record a labelled photograph, in order, with captions made from its class name."""
    captions = [photo_captions(name) for name in classes]
    return tuple(
        Record(
            picture=index,
            concept=classes[label],
            names=(classes[label],),
            held_out=held_out,
            captions=captions[label],
        )
        for index, label in enumerate(labels)
    )


def known_words(records: Sequence[Record]) -> dict[str, tuple[str, ...]]:
    """What a model trained on these records has read.

    Keys: "concepts" and "styles" in their order; "names", "keywords" and "captions" sorted.
    """
    return {
        "concepts": tuple(dict.fromkeys(row.concept for row in records if row.concept)),
        "styles": tuple(dict.fromkeys(row.style for row in records if row.style)),
        "names": tuple(sorted({name for row in records for name in row.names})),
        "keywords": tuple(sorted({word for row in records for word in row.keywords})),
        "captions": tuple(sorted({text for row in records for text in row.captions})),
    }


def unknown_words(text: str, known: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The words of a text that none of the known ones has, once each, in the order of the text.

    A plural counts as known if its singular is.
    """
    read = {word for phrases in known.values() for phrase in phrases for word in _words(phrase)}
    read |= TEMPLATE_WORDS
    missing = dict.fromkeys(
        word
        for word in _words(text)
        if word not in read and word.removesuffix("s") not in read and not word.isdigit()
    )
    return tuple(missing)


def content_words(text: str) -> tuple[str, ...]:
    """The words of a text that are not of the templates ("a", "picture", "of")."""
    return tuple(word for word in _words(text) if word not in TEMPLATE_WORDS)


def name_of(record: Record, chance: Chance, synonyms: Synonyms | None = None) -> str:
    """One of the names of what the picture shows, or a synonym where there are any."""
    others = () if synonyms is None else synonyms.training.get(record.concept, ())
    if synonyms is not None and others and uniform(chance) < synonyms.share:
        return pick(others, chance)
    return pick(record.names, chance) if record.names else record.concept


def uniform(chance: Chance) -> float:
    """A number in [0, 1) from either kind of generator."""
    if isinstance(chance, torch.Generator):
        return torch.rand((), generator=chance, device=chance.device).item()
    return chance.random()


def pick(options: Sequence[Option], chance: Chance) -> Option:
    """One of the options, all alike likely."""
    return options[int(uniform(chance) * len(options))]


def _subject(record: Record, chance: Chance, synonyms: Synonyms | None) -> tuple[str, bool]:
    """The words for the thing itself, and whether its name comes first among them."""
    keywords = _shuffled(record.keywords, chance)[: 1 + int(uniform(chance) * MOST_KEYWORDS)]
    name = name_of(record, chance, synonyms)
    kind = uniform(chance)
    if keywords and kind < KEYWORDS_ALONE:
        return " ".join(keywords), False
    if not keywords or kind >= KEYWORDS_ALONE + KEYWORDS_BESIDE:
        return name, True
    joint = pick((" ", ", "), chance)
    if uniform(chance) < 0.5:
        return joint.join([name, *keywords]), True
    return joint.join([*keywords, name]), False


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_][^\W_'\-]*(?:['\-][^\W_]+)*", text.lower())


def _shuffled(words: Sequence[str], chance: Chance) -> list[str]:
    return [word for _, word in sorted((uniform(chance), word) for word in words)]
