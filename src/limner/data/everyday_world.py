"""The world of the emoji pictures: which of them people ask for, and what may be done to each."""

from __future__ import annotations

import re
from itertools import filterfalse

from limner.data.everyday_words import EverydayWords
from limner.data.records import PictureSet, Record
from limner.data.world import World, WorldConfig
from limner.language.english import says_colour
from limner.language.vocabulary import Vocabulary

# Nobody types these: lettering, signs of buttons, clock faces, the zodiac, arrows, squares.
UNTYPED = re.compile(
    r".* (button|blood type)|.*\bbutton\b.*|input .*|keycap.*|.*o'clock|.*-thirty"
    r"|(?!bow and|heart with).*\barrows?"
    r"|aries|taurus|gemini|cancer|leo|virgo|libra|scorpio|sagittarius|capricorn|aquarius|pisces"
    r"|ophiuchus|information|circled m|.* arrow curving .*|(copyright|registered|trade mark)"
    r"|(double )?exclamation.*|.*(question|exclamation) mark|(double )?curly loop|wavy dash"
    r"|part alternation mark|(black|white) (large|medium|medium-small|small) square"
    r"|(small|large) (orange|blue) diamond|diamond with a dot|eight-(spoked|pointed) .*"
    r"|multiply|plus|minus|divide|heavy equals sign|infinity|check (mark|box).*|cross mark.*"
    r"|hollow red circle|(fe)?male sign|transgender symbol|vibration mode|mobile phone off"
    r"|antenna bars|wireless|japanese symbol for beginner|currency exchange|.* suit|e-mail"
    r"|atm sign|water closet|(wo)?men's room|restroom|passport control|customs|baggage claim"
    r"|left luggage"
    r"|no (entry|bicycles|smoking|littering|pedestrians|mobile phones|one under eighteen)"
    r"|(non-)?potable water|litter in bin sign|mahjong red dragon|dotted six-pointed star"
    r"|.*: facing right"
)
# A picture of a whole place, edge to edge: it stays alone, and has no ground.
WHOLE = frozenset(
    {
        "foggy",
        "night with stars",
        "cityscape",
        "sunrise over mountains",
        "sunrise",
        "cityscape at dusk",
        "sunset",
        "bridge at night",
        "milky way",
        "fireworks",
        "sparkler",
        "rainbow",
        "camping",
        "beach with umbrella",
        "desert",
        "desert island",
        "national park",
        "moon viewing ceremony",
        "landslide",
        "water wave",
        "mount fuji",
    }
)
# What keeps its colours: people, faces and signs, whose colours say what they are.
COLOURABLE = frozenset({"animals-nature", "food-drink", "travel-places", "activities", "objects"})
ALSO_COLOURABLE = frozenset(
    {"ghost", "robot", "alien", "alien monster", "skull", "goblin", "ogre", "pile of poo"}
)


def typed(data: PictureSet) -> PictureSet:
    """The records of what somebody might ask for."""
    return data.select(lambda record: UNTYPED.fullmatch(record.concept) is None)


def everyday_world(
    data: PictureSet, config: WorldConfig | None = None, words: EverydayWords | None = None
) -> World:
    """A world of what people ask for, under its labels or under the names that there are."""
    chosen = typed(data)
    names = {} if words is None else words.names
    plain = {}
    for record in chosen.records:
        if record.concept not in plain and colourable(record):
            fitting = filterfalse(says_colour, names.get(record.concept, (record.concept,)))
            name = next(fitting, None)
            if name is not None:
                plain[record.concept] = name
    return World(chosen, config, plain=plain, whole=WHOLE)


def vocabulary(words: EverydayWords) -> Vocabulary:
    """What captions of the world are written with."""
    return Vocabulary(concepts=words.names)


def colourable(record: Record) -> bool:
    """Whether the picture may be turned to another colour and still shows what it is called."""
    if record.concept in WHOLE:
        return False
    return record.group in COLOURABLE or record.concept in ALSO_COLOURABLE
