"""What of that which is said of things a model was taught, and the words that it is told."""

from __future__ import annotations

from itertools import filterfalse

from limner.checkpoints import Words
from limner.data.everyday_world import WHOLE
from limner.emoji.names import names_of
from limner.emoji.tables import OWN_COLOURS
from limner.language import Scene, Thing
from limner.language.captions import plain_ground
from limner.language.english import says_colour, with_article
from limner.language.scene import PLAIN, Ground, holders

WORN = ("top hat", "crown", "graduation cap")  # above whoever has them


def worn(scene: Scene) -> dict[int, int]:
    """Which things are on whose head: of "a snowman with a scarf and a crown" the crown too."""
    had = holders(scene).items()
    return {thing: who for thing, who in had if scene.things[thing].concept in WORN}


def text_of(words: Words, scene: Scene, thing: Thing) -> str:
    """ "a blue cat, 3d": what of a thing the model can be told."""
    colour = thing.colour if thing.colour in words.colours else ""
    if (thing.concept, colour) in OWN_COLOURS:
        colour = ""
    name = f"{colour} {_colourless(words, thing.concept)}" if colour else thing.concept
    placed = with_article(name)
    if scene.ground and has_ground(words, scene.ground) and thing.concept not in WHOLE:
        placed = f"{placed} {plain_ground(scene.ground)}"
    style = thing.style or scene.style or words.plain_style
    return ", ".join(filter(None, (placed, style)))


def has_ground(words: Words, ground: Ground) -> bool:
    """Whether the model was taught what is behind the things; a plain one with its colour."""
    if ground.place == PLAIN:
        return bool(words.grounds) and ground.colour in words.colours
    return ground.place in words.grounds and not ground.light


def has_colour(words: Words, thing: Thing) -> bool:
    """Whether a thing is painted in its colour: the model was taught it, or it is the thing's own.

    So is one of which nothing is said.
    """
    own = (thing.concept, thing.colour) in OWN_COLOURS or thing.colour in thing.concept.split()
    return own or thing.colour in ("", *words.colours)


def _colourless(words: Words, concept: str) -> str:
    """The concept, or of one whose name says a colour another name: a blue apple."""
    names = (concept, *names_of(words.concepts).get(concept, ())) if says_colour(concept) else ()
    return next(filterfalse(says_colour, names), concept)
