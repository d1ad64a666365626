"""Places that are named as things are: "a forest", "a desert with a cactus", "a beach at dusk"."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from limner.language import Ground, Relation, Scene
from limner.language.english import LIGHTS, LIT
from limner.language.scene import without


@dataclass(frozen=True, kw_only=True)
class Landscape:
    """What is painted for a place.

    ground: what shows it behind other things. standing: what stands there where nothing else is
    said to, so many times; or a place that has a picture. names: of one that has none.
    """

    ground: Ground
    standing: str = ""
    count: int = 1
    names: tuple[str, ...] = ()


FOREST, GRASS, ROOM = Ground(place="forest"), Ground(place="grass"), Ground(place="room")
PICTURED = {  # of which there are pictures, without another thing and in their own light
    "beach with umbrella": Landscape(ground=Ground(place="beach"), standing="umbrella on ground"),
    "desert island": Landscape(ground=Ground(place="beach"), standing="palm tree"),
    "desert": Landscape(ground=Ground(place="desert"), standing="cactus"),
    "cityscape": Landscape(ground=Ground(place="city")),
    "cityscape at dusk": Landscape(ground=Ground(place="city", light="sunset")),
    "sunrise over mountains": Landscape(ground=Ground(place="mountains", light="sunset")),
    "sunrise": Landscape(ground=Ground(place="sea", light="sunset")),
    "sunset": Landscape(ground=Ground(place="sunset")),
    "night with stars": Landscape(ground=Ground(place="night")),
    "milky way": Landscape(ground=Ground(place="space")),
    "foggy": Landscape(ground=Ground(place="fog")),
    "national park": Landscape(ground=Ground(place="mountains"), standing="evergreen tree"),
}
COMPOSED = {  # which are grounds with something on them
    "forest": Landscape(
        ground=FOREST,
        standing="evergreen tree",
        count=3,
        names=("woods", "woodland", "pine forest"),
    ),
    "jungle": Landscape(
        ground=FOREST, standing="palm tree", count=3, names=("rainforest", "tropical forest")
    ),
    "meadow": Landscape(
        ground=Ground(place="garden"),
        standing="tulip",
        count=3,
        names=("flower meadow", "flower field", "field of flowers"),
    ),
    "field": Landscape(ground=GRASS, names=("pasture", "grassland", "hill", "green hill")),
    "park": Landscape(ground=GRASS, standing="deciduous tree", count=3),
    "lake": Landscape(
        ground=Ground(place="sea"), standing="national park", names=("river", "pond", "stream")
    ),
    "bedroom": Landscape(ground=ROOM, standing="bed"),
    "living room": Landscape(ground=ROOM, standing="couch and lamp"),
    "room": Landscape(ground=ROOM, names=("kitchen", "classroom", "library")),
    "table": Landscape(ground=Ground(place="table"), names=("desk", "wooden table", "tabletop")),
}
# How a place stands to what is before it, and so to what it is behind or under.
AROUND = (
    *(Relation.AND, Relation.WITH, Relation.IN, Relation.ON),
    *(Relation.IN_FRONT, Relation.ABOVE),
)
HOLDING = (Relation.AND, Relation.WITH, Relation.BEHIND, Relation.UNDER, Relation.BELOW)


def landscapes(known: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The composed places whose things are known, each with its names."""
    there = ((k, v) for k, v in COMPOSED.items() if v.standing in ("", *known))
    return {name: (name, *place.names) for name, place in there}


def behind(scene: Scene, known: Collection[str]) -> Scene:
    """The scene with a place behind other things, or with what stands there, as its ground.

    known: the things that there are. A place that has a picture stays one where it is alone, in no
    other light than it has there.
    """
    named = {**COMPOSED, **PICTURED}
    places = [i for i, thing in enumerate(scene.things) if thing.concept in named]
    if len(places) != 1 or not _surrounds(scene, places[0]):
        return scene
    name = scene.things[places[0]].concept
    place, light = named[name], "" if scene.ground is None else scene.ground.place
    if light and (light not in LIGHTS or place.ground.place not in LIT):
        return scene
    ground = replace(place.ground, light=light) if light else place.ground
    if len(scene.things) > 1:
        if scene.things[places[0]].colour:  # no ground has another colour than its own
            return scene
        return replace(without(scene, places[0]), ground=ground)
    if (light or name in COMPOSED) and place.standing in known:
        thing = replace(scene.things[0], concept=place.standing, count=place.count)
        shown = replace(scene, things=(thing,), ground=ground)
        return behind(replace(scene, things=(thing,)), known) if place.standing in named else shown
    return scene


def _surrounds(scene: Scene, place: int) -> bool:
    """Whether a thing may be what the others are in, on or before, by how they stand to it."""
    return all(
        relation in (AROUND if second == place else HOLDING)
        for first, relation, second in scene.placed
        if place in (first, second)
    )
