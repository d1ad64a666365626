"""Places that are named as things are: "a forest", "a desert with a cactus", "a beach at dusk"."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from limner.language import Ground, Relation, Scene, Thing
from limner.language.english import LIGHTS, LIT
from limner.language.scene import without


@dataclass(frozen=True, kw_only=True)
class Landscape:
    """What is painted for a place.

    ground: what shows it behind other things. standing: what stands there where nothing else is
    said to, so many times. names: of one that has no picture. alone: a picture that shows it so.
    """

    ground: Ground
    standing: str = ""
    count: int = 1
    names: tuple[str, ...] = ()
    alone: str = ""


def _ground(place: str, light: str = "") -> Ground:
    return Ground(place=place, light=light)


PICTURED = {  # of which there are pictures, without another thing and in their own light
    "beach with umbrella": Landscape(ground=_ground("beach"), standing="umbrella on ground"),
    "desert island": Landscape(ground=_ground("beach"), standing="palm tree"),
    "desert": Landscape(ground=_ground("desert"), standing="cactus"),
    "cityscape": Landscape(ground=_ground("city")),
    "cityscape at dusk": Landscape(ground=_ground("city", "sunset")),
    "sunrise over mountains": Landscape(ground=_ground("mountains", "sunset")),
    "sunrise": Landscape(ground=_ground("sunset")),
    "sunset": Landscape(ground=_ground("sunset")),
    "night with stars": Landscape(ground=_ground("night")),
    "milky way": Landscape(ground=_ground("space")),
    "foggy": Landscape(ground=_ground("fog")),
    "national park": Landscape(ground=_ground("mountains"), standing="evergreen tree"),
    "motorway": Landscape(ground=_ground("street")),
    "water wave": Landscape(ground=_ground("sea"), standing="sailboat"),
}
COMPOSED = {  # which are grounds with something on them
    "forest": Landscape(
        ground=_ground("forest"),
        standing="evergreen tree",
        count=3,
        names=("woods", "woodland", "pine forest"),
    ),
    "jungle": Landscape(
        ground=_ground("forest"),
        standing="palm tree",
        count=3,
        names=("rainforest", "tropical forest"),
    ),
    "garden": Landscape(
        ground=_ground("garden"), standing="tulip", count=3, alone="house with garden"
    ),
    "meadow": Landscape(
        ground=_ground("garden"),
        standing="tulip",
        count=3,
        names=("flower meadow", "flower field", "field of flowers", "flower garden"),
    ),
    "field": Landscape(
        ground=_ground("grass"),
        standing="deciduous tree",
        names=("pasture", "grassland", "hill", "hills", "green hill", "farm", "countryside"),
    ),
    "park": Landscape(ground=_ground("grass"), standing="deciduous tree", count=3),
    "winter landscape": Landscape(
        ground=_ground("snow"),
        standing="evergreen tree",
        count=3,
        names=("snowy landscape", "winter scene", "winter wonderland", "winter forest"),
    ),
    "autumn landscape": Landscape(
        ground=_ground("autumn"),
        standing="fallen leaf",
        count=3,
        names=("autumn forest", "fall landscape", "autumn scene", "autumn park"),
    ),
    "lake": Landscape(
        ground=_ground("sea"),
        standing="sailboat",
        names=("river", "pond", "stream"),
        alone="national park",
    ),
    "sky": Landscape(ground=_ground("sky"), standing="cloud", names=("blue sky", "cloudy sky")),
    "bedroom": Landscape(ground=_ground("room"), standing="bed"),
    "living room": Landscape(ground=_ground("room"), standing="couch and lamp"),
    "kitchen": Landscape(ground=_ground("room"), standing="pot of food"),
    "library": Landscape(ground=_ground("room"), standing="books", names=("classroom",)),
    "room": Landscape(ground=_ground("room"), standing="couch and lamp", names=("bathroom",)),
    "table": Landscape(
        ground=_ground("table"),
        standing="bouquet",
        names=("desk", "wooden table", "tabletop", "kitchen table"),
    ),
}
STANDING = {  # on a ground where nothing that is said to be there is known
    "sky": "cloud",
    "sea": "sailboat",
    "beach": "umbrella on ground",
    "grass": "deciduous tree",
    "snow": "evergreen tree",
    "desert": "cactus",
    "night": "crescent moon",
    "forest": "evergreen tree",
    "street": "automobile",
    "room": "couch and lamp",
    "space": "ringed planet",
    "underwater": "tropical fish",
    "garden": "tulip",
    "mountains": "evergreen tree",
    "moon": "rocket",
    "city": "bus",
    "table": "bouquet",
    "rain": "umbrella with rain drops",
    "autumn": "fallen leaf",
    "fog": "evergreen tree",
    "sunset": "sunset",
}
PLACES = COMPOSED | PICTURED
# How a place stands to what is before it, and so to what it is behind or under.
AROUND = (
    *(Relation.AND, Relation.WITH, Relation.IN, Relation.ON),
    *(Relation.IN_FRONT, Relation.ABOVE),
)
HOLDING = (Relation.AND, Relation.WITH, Relation.BEHIND, Relation.UNDER, Relation.BELOW)
SHORES = {"sea": "beach"}  # what lies before it
UPON = (Relation.ON, Relation.WITH, Relation.UNDER)  # a table: what is beside one is not on it


def landscapes(known: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The composed places whose things are known, each with its names."""
    there = ((k, v) for k, v in COMPOSED.items() if v.standing in known)
    return {name: (name, *place.names) for name, place in there}


def behind(scene: Scene, known: Collection[str]) -> Scene:
    """The scene with a place behind other things, or with what stands there, as its ground.

    known: the things that there are. A place that has a picture stays one where it is alone, in no
    other light than it has there; of several the first is the ground.
    """
    places = [i for i, thing in enumerate(scene.things) if thing.concept in PLACES]
    if len(places) == len(scene.things) == 1:
        return _alone(scene, known)
    for index in places:
        ground = _both(scene.ground, _seen_from(scene, index))
        # No ground has another colour than its own.
        if ground is not None and not scene.things[index].colour and _surrounds(scene, index):
            return behind(replace(without(scene, index), ground=ground), known)
    return scene


def lost_size(before: Scene, after: Scene) -> str:
    """The size that was said of a place which lies behind others now, and is not painted."""
    behind_now = [t for t in before.things if t.concept in PLACES and t not in after.things]
    several = len(before.things) > 1
    return next((thing.size.value for thing in behind_now if several), "")


def is_lost(scene: Scene, index: int) -> bool:
    """Whether a thing is a picture of a place in a scene that lies elsewhere."""
    several = len(scene.things) > 1 and scene.ground is not None
    return several and scene.things[index].concept in PICTURED


def standing(scene: Scene, known: Collection[str]) -> Scene:
    """A scene of a ground alone with something that stands there."""
    ground = scene.ground
    if scene.things or ground is None or STANDING.get(ground.place) not in known:
        return scene
    concept = STANDING[ground.place]
    shown = None if concept in PICTURED else ground
    return replace(scene, things=(Thing(concept=concept),), joins=(), ground=shown)


def _both(said: Ground | None, place: Ground) -> Ground | None:
    """A place on a ground that was said: lit so, or lit by it; None where they do not go."""
    if said is None:
        return place
    if said.place in LIGHTS and place.place in LIT:
        return replace(place, light=said.place)
    if place.place in LIGHTS and said.place in LIT and not said.light:
        return replace(said, light=place.place, over=False)
    return said if said.place == place.place else None


def _alone(scene: Scene, known: Collection[str]) -> Scene:
    """A place by itself: its picture, or what stands there."""
    thing, said = scene.things[0], scene.ground
    place = PLACES[thing.concept]
    if said is None and (thing.concept in PICTURED or place.alone in known):
        return replace(scene, things=(replace(thing, concept=place.alone or thing.concept),))
    ground = _both(said, place.ground)
    if ground is not None and place.ground.place in LIGHTS:
        return standing(replace(scene, things=(), ground=ground), known)  # sunset at the beach
    # Where it lies elsewhere, three trees are a forest, and a bouquet is no table.
    if place.standing in known and (ground is not None or place.count > 1):
        shown = replace(thing, concept=place.standing, count=place.count)
        return replace(scene, things=(shown,), ground=ground or said)
    return scene


def _seen_from(scene: Scene, place: int) -> Ground:
    """A place as the ground of what stands so to it: a shore before the sea, what is below."""
    own, said = PLACES[scene.things[place].concept].ground, _relations(scene, place)
    if (Relation.IN_FRONT, True) in said and own.place in SHORES:
        return replace(own, place=SHORES[own.place])
    return replace(own, over=(Relation.ABOVE, True) in said or (Relation.BELOW, False) in said)


def _surrounds(scene: Scene, place: int) -> bool:
    """Whether a thing may be what the others are in, on or before, by how they stand to it."""
    upon = scene.things[place].concept == "table"
    return all(
        relation in (AROUND if second else HOLDING) and (not upon or relation in UPON)
        for relation, second in _relations(scene, place)
    )


def _relations(scene: Scene, place: int) -> list[tuple[Relation, bool]]:
    """How a thing stands to others, each with whether it is the second of the two."""
    return [(r, second == place) for first, r, second in scene.placed if place in (first, second)]
