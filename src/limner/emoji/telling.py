"""What to tell a person of how a sentence was read, and of what in it is not painted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from limner.checkpoints import Words
from limner.data.everyday_world import WHOLE
from limner.emoji.collage import drawn_ground
from limner.emoji.names import in_words
from limner.emoji.sorts import SORTS
from limner.emoji.tables import OTHER_STYLES, PAIRS
from limner.emoji.taught import has_colour, has_ground
from limner.emoji.understanding import Understanding
from limner.language import Relation, Scene, Size, Thing, canonical
from limner.language.captions import plain_ground
from limner.language.english import COLOURS
from limner.language.words import Kind
from limner.pipeline.request import BESIDE, COLLAGE

SEVERAL = 3  # painted where no number is said
SURE = 2  # parts of a picture that the model was taught to keep apart
# Which are painted as what: the layouts that there are know no depth.
INSTEAD = {
    Relation.IN_FRONT: "beside",
    Relation.BEHIND: "beside",
    Relation.IN: "above",
}


def counts(scene: Scene) -> list[int]:
    """How many of each thing are painted: where no number is said, as many as those who have them.

    So two cats with hats have two; shoes are a pair.
    """
    owners = {second: first for first, r, second in scene.placed if r is Relation.WITH}
    several = (scene.things[owners.get(i, i)].count or 1 for i in range(len(scene.things)))
    return [
        thing.count or (own if own > 1 else 2 if thing.concept in PAIRS else SEVERAL)
        for thing, own in zip(scene.things, several, strict=True)
    ]


def read_as(words: Words, found: Understanding, scene: Scene, layout: str | None) -> Iterator[str]:
    """What was read, where that is more than the words themselves."""
    kinds = {w.text.casefold(): w.meaning for w in found.reading.words if w.kind_of}
    how = [f"{word}: {known}" for word, known in found.corrected.items()]
    how += [f"{word}: a kind of {in_words(concept)}" for word, concept in kinds.items()]
    sorts = {w.text.casefold(): None for w in found.reading.words if w.meaning in SORTS}
    how += [f"{word}: for example" for word in sorts]
    how += [found.language] if found.language else []
    if layout == COLLAGE:
        how += _laid(words, scene)
    elif layout is not None:
        how.append("side by side" if layout == BESIDE else "one above the other")
    if how:
        seen = scene if layout == COLLAGE else _seen(words, scene)
        yield f"read as: {canonical(_in_words(seen))} ({'; '.join(how)})"


def _in_words(scene: Scene) -> Scene:
    things = (replace(t, concept=_said(t)) for t in scene.things)
    return replace(scene, things=tuple(things))


def _said(thing: Thing) -> str:
    """Its name, without the colour in it where another one is said."""
    words = in_words(thing.concept).split()
    return " ".join(w for w in words if not thing.colour or w not in COLOURS)


def _laid(words: Words, scene: Scene) -> Iterator[str]:
    """What is done for a collage beside painting."""
    if sum(thing.count or 1 for thing in scene.things) > 1:
        yield "each painted by itself"
    if not all(has_colour(words, thing) for thing in scene.things):
        yield "colours turned afterwards"
    if drawn_ground(words, scene) is not None:
        yield "the ground drawn"


def _seen(words: Words, scene: Scene) -> Scene:
    """The scene without colours and sizes that are told as not painted: each is told once."""
    things = (
        replace(thing, colour="" if not has_colour(words, thing) else thing.colour, size=Size.PLAIN)
        for thing in scene.things
    )
    return replace(scene, things=tuple(things))


def not_painted(
    words: Words, found: Understanding, scene: Scene, layout: str | None
) -> Iterator[str]:
    """One line of all that was said and is not painted; one for each thing painted badly."""
    told = list(_left_out(words, found, scene, collage=layout == COLLAGE))
    if told:
        yield f"not painted: {'; '.join(told)}"
    for concept in dict.fromkeys(thing.concept for thing in scene.things):
        if words.mostly_wrong(concept):
            said, right = in_words(concept), words.accuracy[concept]
            yield f"mostly painted wrongly: {said!r} ({right:.0%} right)"


def _left_out(words: Words, found: Understanding, scene: Scene, *, collage: bool) -> Iterator[str]:
    yield from missing_words(words, found)
    yield from _missing_ground(words, found, scene, drawn=collage)
    yield from _too_many(found.scene, scene)
    if not collage:
        yield from _needs_collage(words, scene)


def _needs_collage(words: Words, scene: Scene) -> Iterator[str]:
    """What is painted in a collage alone."""
    for thing in scene.things:
        if not has_colour(words, thing):
            yield f"the colour {thing.colour!r} of {in_words(thing.concept)!r}"
        if thing.size is not Size.PLAIN:
            yield f"the size {thing.size.value!r} of {in_words(thing.concept)!r}"
    parts = sum(thing.count or 1 for thing in scene.things)
    if parts > SURE:
        yield f"{parts} things apart (more than {SURE} in a row may run together)"
    for relation in dict.fromkeys(relation for _, relation, _ in scene.placed):
        if relation in INSTEAD:
            yield f"{relation.value!r} (painted {INSTEAD[relation]})"


def _missing_ground(
    words: Words, found: Understanding, scene: Scene, *, drawn: bool
) -> Iterator[str]:
    """Why what is said to lie behind the things is not painted."""
    ground = found.scene.ground
    if ground is None:
        return
    texts = (word.text for word in found.reading.words if word.kind is Kind.GROUND)
    said = next(texts, plain_ground(ground))
    whole = [thing.concept for thing in scene.things if thing.concept in WHOLE]
    if whole:
        yield f"{said!r} ({whole[0]!r} is a whole picture by itself)"
    elif not drawn and not has_ground(words, ground):
        yield f"{said!r} ({'not among its grounds' if words.grounds else 'no grounds'})"


def missing_words(words: Words, found: Understanding) -> Iterator[str]:
    """What no word of the model's says: unknown words, what is to be absent, what is written."""
    others = [word for word in found.missing if word.casefold() not in OTHER_STYLES]
    if others:
        yield f"{', '.join(map(repr, others))} (not known)"
    yield from beside_words(words, found)


def beside_words(words: Words, found: Understanding) -> Iterator[str]:
    """Of what no word of the model's says all but the names of things."""
    styles = [word for word in found.missing if word.casefold() in OTHER_STYLES]
    if styles:
        yield f"{', '.join(map(repr, styles))} (its styles are {', '.join(words.styles)})"
    if found.undyed:
        yield f"{', '.join(map(repr, found.undyed))} (people are painted as they are)"
    if found.reading.unused:
        yield f"{', '.join(map(repr, found.reading.unused))} (the first that is said counts)"
    if found.reading.modifiers:
        yield f"{', '.join(map(repr, found.reading.modifiers))} (said of another thing)"
    if found.reading.negated:
        negated = ", ".join(map(repr, found.reading.negated))
        yield f"{negated} (what is not wanted is for the negative prompt)"
    if found.reading.writing:
        yield f"{', '.join(map(repr, found.reading.writing))} (it writes no text)"


def _too_many(asked: Scene, scene: Scene) -> Iterator[str]:
    number, most = sum(counts(asked)), sum(thing.count or 1 for thing in scene.things)
    if number > most:
        yield f"{number} things: {most} at most are painted"
