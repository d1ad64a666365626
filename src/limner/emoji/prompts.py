"""From what a sentence says to what the model is given: its words, and where they are painted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from limner.checkpoints import Words
from limner.emoji.collage import MOST_LAID, arranged, is_needed
from limner.emoji.taught import has_colour, text_of, worn
from limner.emoji.telling import counts, not_painted, read_as
from limner.emoji.understanding import Understanding
from limner.language import Relation, Scene, Thing, canonical
from limner.language.scene import MOST_THINGS
from limner.pipeline.language import Reading
from limner.pipeline.regions import Region
from limner.pipeline.request import BESIDE, COLLAGE, STACKED

UPRIGHT = (Relation.ABOVE, Relation.BELOW, Relation.ON, Relation.UNDER, Relation.IN)
LAST_FIRST = (Relation.RIGHT, Relation.BELOW, Relation.UNDER)


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How a prompt is painted. whole: as one text for all of the picture. collages: whether what
    the model cannot paint at once may be laid together. style: where none is said."""

    whole: bool = False
    collages: bool = True
    style: str = ""


def painted(words: Words, found: Understanding, manner: Manner) -> Reading:
    """The reading of a prompt with at least one thing that the model has."""
    words = replace(words, plain_style=manner.style)
    if manner.collages and not manner.whole:
        scene = fitted(found.scene, MOST_LAID)
        if is_needed(words, scene):
            return _collage(words, found, scene)
    scene = fitted(found.scene)
    parts, how = laid_out(scene)
    layout: str | None = how
    texts = [text_of(words, scene, thing) for thing in parts]
    if manner.whole or len(texts) == 1:
        shared = scene.style or words.plain_style
        last = f", {shared}" if shared and len(texts) > 1 else ""
        texts = [" and ".join(each.removesuffix(last) for each in texts) + last]
        layout = None
    notes = (
        *read_as(words, found, scene, layout),
        *not_painted(words, found, scene, layout),
    )
    return Reading(prompt=" AND ".join(texts), layout=layout, notes=notes)


def _collage(words: Words, found: Understanding, scene: Scene) -> Reading:
    """Each thing by itself, in its place."""
    where = arranged(words, scene)
    alone = replace(scene, ground=None) if where.ground is not None else scene
    regions = []
    for box in where.boxes:
        thing = replace(scene.things[box.thing], count=1)
        regions.append(
            Region(
                text=text_of(words, alone, thing),
                box=(box.x, box.y, box.width, box.height),
                colour=None if has_colour(words, thing) else thing.colour,
            )
        )
    notes = (*read_as(words, found, scene, COLLAGE), *not_painted(words, found, scene, COLLAGE))
    return Reading(
        prompt=canonical(replace(scene, style=scene.style or words.plain_style)),
        layout=COLLAGE,
        regions=tuple(regions),
        canvas=where.canvas,
        ground=where.ground,
        notes=notes,
    )


def fitted(scene: Scene, most: int = MOST_THINGS) -> Scene:
    """The scene with at most so many things, of which each has a number."""
    things, room = list[Thing](), most
    asked = counts(scene)
    for index, thing in enumerate(scene.things[:most]):
        others = min(len(scene.things), most) - index - 1  # one of each at least
        count = min(asked[index], room - others)
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
    on = worn(scene)
    for first, relation, second in scene.placed:
        if second in on:
            yield second, Relation.ABOVE, on[second]
        else:
            yield first, Relation.AND if relation is Relation.WITH else relation, second
