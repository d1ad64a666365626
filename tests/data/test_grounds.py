"""Grounds drawn by code."""

from __future__ import annotations

import random

import pytest
import torch

from limner.data.colours import Colour, colour_of
from limner.data.grounds import FLOORED, Light, Place, draw_ground
from limner.language.english import DRAWN, GROUNDS, LIGHTS, LIT


@pytest.mark.parametrize("place", Place)
def test_is_opaque_colour_in_range_and_follows_its_seed(place):
    one, again, other = (draw_ground(place, 48, random.Random(seed)) for seed in (3, 3, 4))
    assert one.pixels.shape == (3, 48, 48)
    assert one.pixels.min() >= -1.0
    assert one.pixels.max() <= 1.0
    assert torch.equal(one.pixels, again.pixels)
    assert not torch.equal(one.pixels, other.pixels)


@pytest.mark.parametrize("place", Place)
def test_floor_is_in_the_picture_where_things_stand(place):
    floors = [draw_ground(place, 8, random.Random(seed)).floor for seed in range(20)]
    if place in FLOORED:
        assert all(floor is not None and 0.3 < floor < 0.9 for floor in floors)
    else:
        assert floors == [None] * 20


@pytest.mark.parametrize("place", sorted(FLOORED, key=lambda place: place.value))
def test_is_the_same_at_any_size(place):
    small, large = (draw_ground(place, size, random.Random(5)) for size in (32, 64))
    assert small.floor == large.floor
    halved = torch.nn.functional.avg_pool2d(large.pixels, 2)
    assert (halved - small.pixels).abs().mean() < 0.06


@pytest.mark.parametrize("colour", Colour)
def test_plain_ground_has_the_colour_asked_for(colour):
    for seed in range(5):
        pixels = draw_ground(Place.PLAIN, 8, random.Random(seed), colour).pixels
        assert colour_of(torch.cat([pixels, torch.ones(1, 8, 8)])) is colour


def test_grounds_are_told_apart():
    drawn = {
        place: draw_ground(place, 32, random.Random(0)).pixels
        for place in Place
        if place is not Place.PLAIN
    }
    for one in drawn:
        for two in drawn:
            if one is not two:
                assert (drawn[one] - drawn[two]).abs().mean() > 0.05, (one, two)


@pytest.mark.parametrize("place", map(Place, LIT))
def test_places_are_dark_at_night_and_warm_at_sunset(place):
    day, sunset, night = (
        draw_ground(place, 32, random.Random(2), light=light).pixels.mean(dim=(1, 2))
        for light in (Light.DAY, Light.SUNSET, Light.NIGHT)
    )
    assert (night < day - 0.3).all()
    assert sunset[0] - sunset[2] > day[0] - day[2]


def test_every_place_has_words_and_every_light():
    assert {place.value for place in Place} == {"plain", *GROUNDS}
    assert {light.value for light in Light} == {"day", *LIGHTS}
    assert {*LIT} < {*GROUNDS}
    assert len({*DRAWN}) == len(GROUNDS) + len(LIT) * len(LIGHTS)
