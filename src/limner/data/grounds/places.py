"""What can lie behind things, and what draws it: a beach, a night sky, a room, no two alike."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from jaxtyping import Float
from torch import Tensor

from limner.data.colours import TARGETS, Colour, rgb_of
from limner.data.grounds import land, sky, town, water, weather
from limner.data.grounds.canvas import Canvas, Light, varied


class Place(Enum):
    """What can lie behind things; PLAIN is one colour."""

    PLAIN = "plain"
    SKY = "sky"
    SEA = "sea"
    BEACH = "beach"
    GRASS = "grass"
    SNOW = "snow"
    DESERT = "desert"
    NIGHT = "night"
    FOREST = "forest"
    STREET = "street"
    ROOM = "room"
    SUNSET = "sunset"
    SPACE = "space"
    UNDERWATER = "underwater"
    GARDEN = "garden"
    MOUNTAINS = "mountains"
    MOON = "moon"
    CITY = "city"
    TABLE = "table"
    RAIN = "rain"
    FOG = "fog"
    AUTUMN = "autumn"


DRAWERS: dict[Place, Callable[[Canvas], float | None]] = {
    Place.SKY: sky.sky,
    Place.SEA: water.sea,
    Place.BEACH: water.beach,
    Place.GRASS: land.grass,
    Place.SNOW: land.snow,
    Place.DESERT: land.desert,
    Place.NIGHT: sky.night,
    Place.FOREST: land.forest,
    Place.STREET: town.street,
    Place.ROOM: town.room,
    Place.SUNSET: sky.sunset,
    Place.SPACE: sky.space,
    Place.UNDERWATER: water.underwater,
    Place.GARDEN: land.garden,
    Place.MOUNTAINS: land.mountains,
    Place.MOON: sky.moon,
    Place.CITY: town.city,
    Place.TABLE: town.table,
    Place.RAIN: weather.rain,
    Place.FOG: weather.fog,
    Place.AUTUMN: weather.autumn,
}
FLOORED = frozenset(Place) - {Place.PLAIN, Place.SKY, Place.NIGHT, Place.SPACE, Place.UNDERWATER}
TAUGHT = tuple(Place)[:11]  # which trainings draw: what came later is drawn behind pictures alone


@dataclass(frozen=True, kw_only=True, eq=False)
class DrawnGround:
    """pixels: opaque RGB in [-1, 1]. floor: where things that stand may stand, y of the top edge.

    None where nothing stands (in the sky).
    """

    pixels: Float[Tensor, "3 S S"]
    floor: float | None


def draw_ground(
    place: Place,
    size: int,
    chance: random.Random,
    colour: Colour | None = None,
    light: Light = Light.DAY,
) -> DrawnGround:
    """A ground of so many pixels a side. colour: of a plain one; by chance if None.

    light: what is not lit itself is darker at night and redder at sunset.
    """
    canvas = Canvas(size, chance, light)
    if place is Place.PLAIN:
        plain = chance.choice(list(Colour)) if colour is None else colour
        flat = varied(rgb_of(TARGETS[plain]), chance, 0.025)
        canvas.fade(flat, flat)
        return DrawnGround(pixels=canvas.tensor(), floor=None)
    return DrawnGround(floor=DRAWERS[place](canvas), pixels=canvas.tensor())
