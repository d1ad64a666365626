"""Scenes to captions, in the many ways in which people say the same.

Whatever `write` writes, `read.read` reads back as the same scene.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar, runtime_checkable

from limner.language.english import (
    COLOURS,
    GROUNDS,
    LIGHTS,
    NUMBERS,
    OPENINGS,
    PLAIN_GROUNDS,
    PRAISE,
    QUALITIES,
    RELATIONS,
    REQUESTS,
    SEVERAL,
    SIZES,
    STYLE_AFTER,
    in_colour,
    plural,
    with_article,
)
from limner.language.scene import PLAIN, Ground, Relation, Scene, Size, Thing
from limner.language.vocabulary import Names, Vocabulary

Option = TypeVar("Option")

STYLE_FIRST = 0.3
OPENED = 0.25
REQUESTED = 0.05
PRAISED = 0.15
QUALIFIED = 0.1
WITHOUT_ARTICLE = 0.15
DEFINITE = 0.1
SENTENCE = 0.05  # a capital letter first and a full stop last
EVERYDAY = 0.5  # share of the plainest name among several


@runtime_checkable
class Chance(Protocol):
    """What draws: `random.Random` is one."""

    def random(self) -> float:
        """A number in [0, 1)."""
        ...


def write(scene: Scene, chance: Chance, vocabulary: Vocabulary | None = None) -> str:
    """One caption of a scene, by chance, which says all of the scene and nothing false.

    Determiners, numbers, sizes, colours, names, praise, the ground and the style stand where
    people put them; names are those of the vocabulary. What is not to be said is taken out of the
    scene first: `replace(scene, style="")`.
    """
    words = vocabulary or Vocabulary()
    style_first = scene.style != "" and chance.random() < STYLE_FIRST
    style = _named(scene.style, words.styles, chance)
    opened = chance.random() < OPENED
    before = style if style_first and not opened and len(scene.things) == 1 else ""
    things = [_thing(thing, chance, words, before) for thing in scene.things]
    text = _joined(things, scene.joins, chance)
    if scene.ground is not None:
        text = f"{text} {_ground(scene.ground, chance)}".strip()
    if opened or (style_first and not before):
        text = f"{_opening(style if style_first else '', chance)} {text}"
    if scene.style and not style_first:
        text = pick(STYLE_AFTER, chance).format(text, style)
    return _dressed(text, chance)


def canonical(scene: Scene) -> str:
    """The plain caption, always the same: "two small red apples on a table, 3d"."""
    things = [_plain(thing) for thing in scene.things]
    text = things[0] if things else ""
    for relation, thing in zip(scene.joins, things[1:], strict=True):
        text = f"{text} {relation.value} {thing}"
    if scene.ground is not None:
        text = f"{text} {plain_ground(scene.ground)}".strip()
    return ", ".join(filter(None, (text, scene.style)))


def plain_ground(ground: Ground) -> str:
    """The ground's plain phrase: "on the beach", "on a blue background"."""
    if ground.place == PLAIN:
        return in_colour(PLAIN_GROUNDS[0], ground.colour)
    where, _, place = GROUNDS[ground.place][0].partition(" ")
    where = "over" if ground.over and place else where
    return " ".join(filter(None, (where, place, LIGHTS.get(ground.light))))


def pick(options: Sequence[Option], chance: Chance) -> Option:
    """One of the options, all alike likely."""
    return options[int(chance.random() * len(options))]


def _plain(thing: Thing) -> str:
    words = " ".join(filter(None, (thing.size.value, thing.colour, thing.style, thing.concept)))
    if thing.count == 1:
        return with_article(words)
    number = SEVERAL[0] if thing.count is None else _number(thing.count)[0]
    return f"{number} {plural(words)}"


def _thing(thing: Thing, chance: Chance, words: Vocabulary, style: str) -> str:
    name = _named(thing.concept, words.concepts, chance)
    several = plural(name)
    said = [
        pick(PRAISE, chance) if chance.random() < PRAISED else "",
        "" if thing.size is Size.PLAIN else pick(SIZES[thing.size], chance),
        _named(thing.colour, COLOURS, chance),
        style or _named(thing.style, words.styles, chance),
        several if thing.count != 1 else name,
    ]
    bare = several != name  # the form says how many: a pair of sunglasses is one
    return _determined(" ".join(filter(None, said)), thing.count, chance, bare=bare)


def _determined(words: str, count: int | None, chance: Chance, *, bare: bool) -> str:
    """The words after an article, a number or nothing."""
    draw = chance.random()
    if count is None:
        return words if bare and draw < 0.5 else f"{pick(SEVERAL, chance)} {words}"
    if count > 1:
        numbers = _number(count)
        return f"{pick(numbers if bare else numbers[:2], chance)} {words}"
    if draw < DEFINITE:
        return f"the {words}"
    if draw < DEFINITE + WITHOUT_ARTICLE:
        return words
    return with_article(words)


def _number(count: int) -> tuple[str, ...]:
    return NUMBERS.get(count, (str(count),))


def _joined(things: Sequence[str], joins: Sequence[Relation], chance: Chance) -> str:
    text = things[0] if things else ""
    for index, relation in enumerate(joins):
        listed = relation is Relation.AND and joins[index + 1 : index + 2] == (Relation.AND,)
        word = "," if listed and chance.random() < 0.8 else f" {pick(RELATIONS[relation], chance)}"
        text = f"{text}{word} {things[index + 1]}"
    return text


def _ground(ground: Ground, chance: Chance) -> str:
    if ground.place == PLAIN:
        return in_colour(pick(PLAIN_GROUNDS, chance), _named(ground.colour, COLOURS, chance))
    return pick(GROUNDS[ground.place], chance)


def _opening(style: str, chance: Chance) -> str:
    words = " ".join(pick(OPENINGS, chance).format(style).split()).removeprefix("a ")
    return with_article(words)


def _dressed(text: str, chance: Chance) -> str:
    """The text after a request, before words of praise, or as a sentence; mostly as it is."""
    if chance.random() < REQUESTED:
        text = f"{pick(REQUESTS, chance)} {text}"
    if chance.random() < QUALIFIED:
        text = f"{text}, {pick(QUALITIES, chance)}"
    if chance.random() < SENTENCE:
        text = f"{text[:1].upper()}{text[1:]}."
    return text


def _named(key: str, names: Names, chance: Chance) -> str:
    options = names.get(key, (key,))
    return options[0] if chance.random() < EVERYDAY else pick(options, chance)
