"""What a sentence says and the model cannot paint at once, as a collage: where each thing stands.

Places are in widths and heights of the model's own pictures, each of which holds one thing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from limner.checkpoints import Words
from limner.data.everyday_world import WHOLE
from limner.emoji.taught import has_colour, has_ground, worn
from limner.language import Scene, Size
from limner.language.english import LIGHTS
from limner.language.layout import Box, around, lay_out
from limner.language.scene import PLAIN, without

MOST_LAID = 12  # things
WIDEST = 3.0  # of what is laid; where more stand in a row, each is smaller
MARGIN = 0.04  # round things on nothing
IN_PLACE = 0.7  # a thing's side, where a ground is seen around it
ROUND, STANDS = 1.12, 0.95  # a ground's side, of what stands on it; how far down that stands
FLOATING = ("sky", "sea", "night", "space", "underwater")  # nothing stands there
SMALL = 0.55  # a small thing's side
LONG = 1.4  # a long thing's width, such as a car's, of its height
RISES = 0.5  # how far what is worn stands above a head, of that one's width


@dataclass(frozen=True, kw_only=True)
class Arrangement:
    """boxes: of the scene's things, in parts of the canvas, the furthest first.

    canvas: (width, height). ground: what is drawn behind it.
    """

    boxes: tuple[Box, ...]
    canvas: tuple[float, float]
    ground: str | None


def is_needed(words: Words, scene: Scene) -> bool:
    """Whether a scene is more than one thing as the model paints it."""
    several = sum(thing.count or 1 for thing in scene.things) > 1
    apart = [t.size is Size.SMALL or not has_colour(words, t) for t in scene.things]
    return several or any(apart) or drawn_ground(words, scene) is not None


def drawn_ground(words: Words, scene: Scene) -> str | None:
    """What is drawn behind the things; None where the model paints it, or there is none."""
    ground = scene.ground
    if ground is None or any(thing.concept in WHOLE for thing in scene.things):
        return None
    if has_ground(words, ground) and sum(thing.count or 1 for thing in scene.things) == 1:
        return None
    if ground.place == PLAIN:
        return ground.colour
    return f"{ground.place} {LIGHTS.get(ground.light, '')}".strip()


def arranged(words: Words, scene: Scene) -> Arrangement:
    """Where the things of a scene stand, each of which has a number.

    A picture of a whole place lies behind all others.
    """
    ground, several = drawn_ground(words, scene), len(scene.things) > 1
    whole = [index for index, t in enumerate(scene.things) if several and t.concept in WHOLE][:1]
    boxes = _sized(scene, _laid(scene, whole))
    group = around(boxes)
    if ground is not None or whole:
        boxes = [box.scaled(IN_PLACE, IN_PLACE) for box in boxes]
        group = around(boxes)
        side = max(1.0, ROUND * max(group.width, group.height))
        canvas = side, side
    elif len(boxes) == 1:
        canvas = 1.0, 1.0
    else:
        canvas = group.width + 2 * MARGIN, group.height + 2 * MARGIN
    x = (canvas[0] - group.width) / 2 - group.x
    y = (canvas[1] - group.height) / 2 - group.y
    if (ground is not None or whole) and not _floats(scene):
        y = STANDS * canvas[1] - group.bottom
    if scene.ground is not None and scene.ground.over and ground is not None:
        y = (1 - STANDS) * canvas[1] - group.y
    behind = [Box(x=0.0, y=0.0, width=1.0, height=1.0, thing=index) for index in whole]
    placed = [_within(box.moved(x, y).scaled(1 / canvas[0], 1 / canvas[1])) for box in boxes]
    return Arrangement(boxes=(*behind, *placed), canvas=canvas, ground=ground)


def _floats(scene: Scene) -> bool:
    return scene.ground is not None and scene.ground.place in FLOATING


def _laid(scene: Scene, whole: Sequence[int]) -> list[Box]:
    """The boxes of all things but those, in pixels; what is worn is on whoever wears it."""
    put_on = {thing: wearer for thing, wearer in worn(scene).items() if wearer not in whole}
    kept = [index for index in range(len(scene.things)) if index not in (*whole, *put_on)]
    others = scene
    for index in sorted((*whole, *put_on), reverse=True):
        others = without(others, index)
    layout = lay_out(others)
    pixels = (box.scaled(*map(float, layout.size)) for box in layout.boxes)
    boxes = [_not_squeezed(replace(box, thing=kept[box.thing])) for box in pixels]
    for thing, wearer in put_on.items():
        for place in range(scene.things[thing].count or 1):
            boxes = _put_on(boxes, wearer, thing, place)
    return boxes


def _put_on(boxes: Sequence[Box], wearer: int, thing: int, place: int) -> list[Box]:
    """The boxes with one more on a head, one after the other; what is above that makes room."""
    heads = [box for box in boxes if box.thing == wearer]
    above, head = divmod(place, len(heads))
    on = heads[head]
    rise = (1 + above) * RISES * on.width
    moved = [box.moved(0.0, -rise) if box.bottom <= on.y else box for box in boxes]
    height = on.width / LONG
    return [*moved, Box(x=on.x, y=on.y - rise, width=on.width, height=height, thing=thing)]


def _not_squeezed(box: Box) -> Box:
    """The box as wide as it is high where it was narrower; of a wide one as high as things are."""
    width = max(box.width, box.height)
    height = max(box.height, width / LONG)
    return replace(box, x=box.x - (width - box.width) / 2, width=width, height=height)


def _sized(scene: Scene, boxes: Sequence[Box]) -> list[Box]:
    """The boxes so large that the largest thing has one side of its picture, or that of a small
    one where all are small."""
    small = all(scene.things[box.thing].size is Size.SMALL for box in boxes)
    largest, group = max(min(box.width, box.height) for box in boxes), around(boxes)
    scale = min((SMALL if small else 1.0) / largest, WIDEST / max(group.width, group.height))
    return [box.scaled(scale, scale) for box in boxes]


def _within(box: Box) -> Box:
    """The box without what rounding puts out of its canvas, which is 1 wide and high."""
    x, y = max(0.0, box.x), max(0.0, box.y)
    width, height = min(box.width, 1.0 - x), min(box.height, 1.0 - y)
    return replace(box, x=x, y=y, width=width, height=height)
