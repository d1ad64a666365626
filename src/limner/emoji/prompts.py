"""From what a sentence says to what the model is given: its own words, and what to tell of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import filterfalse

from limner.checkpoints import Words
from limner.data.everyday_world import WHOLE
from limner.emoji.names import names_of
from limner.emoji.tables import OTHER_STYLES, OWN_COLOURS
from limner.emoji.understanding import Understanding
from limner.language import Relation, Scene, Size, Thing, canonical
from limner.language.captions import plain_ground
from limner.language.english import says_colour, with_article
from limner.language.scene import MOST_THINGS, PLAIN, Ground
from limner.language.words import Kind
from limner.pipeline.language import Reading
from limner.pipeline.request import BESIDE, STACKED

SEVERAL = 3  # painted where no number is said
SURE = 2  # parts of a picture that the model was taught to keep apart
POOR = 0.5  # part of a concept's pictures that are right, below which it is told
UPRIGHT = (Relation.ABOVE, Relation.BELOW, Relation.ON, Relation.UNDER, Relation.IN)
LAST_FIRST = (Relation.RIGHT, Relation.BELOW, Relation.UNDER)
# Which are painted as what: the layouts that there are know no depth.
INSTEAD = {
    Relation.IN_FRONT: "beside",
    Relation.BEHIND: "beside",
    Relation.IN: "above",
}
WORN = ("top hat", "crown", "graduation cap")  # above whoever has them


def painted(words: Words, found: Understanding, *, whole: bool, style: str = "") -> Reading:
    """The reading of a prompt with at least one thing that the model has.

    whole: one text for all of the picture. style: the one that is painted where none is said.
    """
    words = replace(words, plain_style=style)
    scene = fitted(found.scene)
    parts, how = laid_out(scene)
    layout: str | None = how
    texts = [_text(words, scene, thing) for thing in parts]
    if whole or len(texts) == 1:
        shared = scene.style or words.plain_style
        last = f", {shared}" if shared and len(texts) > 1 else ""
        texts = [" and ".join(each.removesuffix(last) for each in texts) + last]
        layout = None
    notes = (*_read_as(words, found, scene, layout), *_not_painted(words, found, scene))
    return Reading(prompt=" AND ".join(texts), layout=layout, notes=notes)


def fitted(scene: Scene) -> Scene:
    """The scene with at most MOST_THINGS things, of which each has a number."""
    things, room = list[Thing](), MOST_THINGS
    for index, thing in enumerate(scene.things[:MOST_THINGS]):
        others = min(len(scene.things), MOST_THINGS) - index - 1  # one of each at least
        count = min(SEVERAL if thing.count is None else thing.count, room - others)
        things.append(replace(thing, count=count))
        room -= count
    return replace(scene, things=tuple(things), joins=scene.joins[: max(0, len(things) - 1)])


def laid_out(scene: Scene) -> tuple[list[Thing], str]:
    """Single things in the order of the parts, and how the parts lie.

    The first relation that says a place decides how they lie.
    """
    said = next((r for _, r, _ in _relations(scene) if r is not Relation.AND), Relation.AND)
    upright = said in UPRIGHT
    order = list(range(len(scene.things)))
    for first, relation, second in _relations(scene):
        if (relation in UPRIGHT) != upright:
            continue
        before, after = (second, first) if relation in LAST_FIRST else (first, second)
        if relation is not Relation.AND and order.index(before) > order.index(after):
            order.remove(before)
            order.insert(order.index(after), before)
    parts = [
        replace(scene.things[index], count=1)
        for index in order
        for _ in range(scene.things[index].count or 1)
    ]
    return parts, STACKED if upright else BESIDE


def _relations(scene: Scene) -> Iterator[tuple[int, Relation, int]]:
    """What is said of the things' places; a hat is above whoever has it."""
    for first, relation, second in scene.placed:
        worn = relation is Relation.WITH and scene.things[second].concept in WORN
        if worn:
            yield second, Relation.ABOVE, first
        else:
            yield first, Relation.AND if relation is Relation.WITH else relation, second


def _text(words: Words, scene: Scene, thing: Thing) -> str:
    """ "a blue cat, 3d": what of a thing the model can be told."""
    colour = thing.colour if thing.colour in words.colours else ""
    if (thing.concept, colour) in OWN_COLOURS:
        colour = ""
    name = f"{colour} {_colourless(words, thing.concept)}" if colour else thing.concept
    placed = with_article(name)
    if scene.ground and _has_ground(words, scene.ground) and thing.concept not in WHOLE:
        placed = f"{placed} {plain_ground(scene.ground)}"
    style = thing.style or scene.style or words.plain_style
    return ", ".join(filter(None, (placed, style)))


def _colourless(words: Words, concept: str) -> str:
    """The concept, or of one whose name says a colour another name: a blue apple."""
    names = (concept, *names_of(words.concepts).get(concept, ())) if says_colour(concept) else ()
    return next(filterfalse(says_colour, names), concept)


def _has_ground(words: Words, ground: Ground) -> bool:
    """Whether the model was taught what is behind the things; a plain one with its colour."""
    if ground.place == PLAIN:
        return bool(words.grounds) and ground.colour in words.colours
    return ground.place in words.grounds


def _read_as(words: Words, found: Understanding, scene: Scene, layout: str | None) -> Iterator[str]:
    """What was read, where that is more than the words themselves."""
    kinds = {w.text.casefold(): w.meaning for w in found.reading.words if w.kind_of}
    how = [f"{word}: {known}" for word, known in found.corrected.items()]
    how += [f"{word}: a kind of {concept}" for word, concept in kinds.items()]
    how += [found.language] if found.language else []
    if layout is not None:
        how.append("side by side" if layout == BESIDE else "one above the other")
    if how:
        yield f"read as: {canonical(_seen(words, scene))} ({'; '.join(how)})"


def _seen(words: Words, scene: Scene) -> Scene:
    """The scene without colours and sizes that are told as not painted: each is told once."""
    things = (
        replace(thing, colour="" if _unpainted(words, thing) else thing.colour, size=Size.PLAIN)
        for thing in scene.things
    )
    return replace(scene, things=tuple(things))


def _unpainted(words: Words, thing: Thing) -> bool:
    """Whether a thing has a colour that the model was not taught, and that is not its own."""
    own = (thing.concept, thing.colour) in OWN_COLOURS or thing.colour in thing.concept
    return bool(thing.colour) and not own and thing.colour not in words.colours


def _not_painted(words: Words, found: Understanding, scene: Scene) -> Iterator[str]:
    """One line of all that was said and is not painted; one of what is painted badly."""
    told = list(_left_out(words, found, scene))
    if told:
        yield f"not painted: {'; '.join(told)}"
    poor = [t.concept for t in scene.things if words.accuracy.get(t.concept, 1.0) < POOR]
    if poor:
        rates = (f"{concept!r} ({words.accuracy[concept]:.0%} right)" for concept in poor)
        yield f"mostly painted wrongly: {', '.join(dict.fromkeys(rates))}"


def _left_out(words: Words, found: Understanding, scene: Scene) -> Iterator[str]:
    yield from missing_words(words, found)
    for thing in scene.things:
        if _unpainted(words, thing):
            yield f"the colour {thing.colour!r} of {thing.concept!r}"
        if thing.size is not Size.PLAIN:
            yield f"the size {thing.size.value!r} of {thing.concept!r}"
    yield from _missing_ground(words, found, scene)
    yield from _too_many(found.scene, scene)
    parts = sum(thing.count or 1 for thing in scene.things)
    if parts > SURE:
        yield f"{parts} things apart (more than {SURE} in a row may run together)"
    for relation in dict.fromkeys(relation for _, relation, _ in scene.placed):
        if relation in INSTEAD:
            yield f"{relation.value!r} (painted {INSTEAD[relation]})"


def _missing_ground(words: Words, found: Understanding, scene: Scene) -> Iterator[str]:
    """Why what is said to lie behind the things is not painted."""
    ground = found.scene.ground
    if ground is None:
        return
    said = next(w.text for w in found.reading.words if w.kind is Kind.GROUND)
    whole = [thing.concept for thing in scene.things if thing.concept in WHOLE]
    if not _has_ground(words, ground):
        yield f"{said!r} ({'not among its grounds' if words.grounds else 'no grounds'})"
    elif whole:
        yield f"{said!r} ({whole[0]!r} is a whole picture by itself)"


def missing_words(words: Words, found: Understanding) -> Iterator[str]:
    """What no word of the model's says: unknown words, what is to be absent, what is written."""
    styles = [word for word in found.missing if word.casefold() in OTHER_STYLES]
    others = [word for word in found.missing if word not in styles]
    if others:
        yield f"{', '.join(map(repr, others))} (not known)"
    if styles:
        yield f"{', '.join(map(repr, styles))} (its styles are {', '.join(words.styles)})"
    if found.reading.negated:
        negated = ", ".join(map(repr, found.reading.negated))
        yield f"{negated} (what is not wanted is for the negative prompt)"
    if found.reading.writing:
        yield f"{', '.join(map(repr, found.reading.writing))} (it writes no text)"


def _too_many(asked: Scene, scene: Scene) -> Iterator[str]:
    counts: Sequence[int] = [SEVERAL if t.count is None else t.count for t in asked.things]
    if sum(counts) > MOST_THINGS:
        yield f"{sum(counts)} things: {sum(t.count or 1 for t in scene.things)} at most are painted"
