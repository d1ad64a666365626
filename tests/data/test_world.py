"""A world's draws: what is said of a picture is recomputed from its pixels and masks."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import torch
from things import things
from torch import Tensor

from limner.data.colours import Colour, colour_of
from limner.data.composition import Composed, compose
from limner.data.grounds import FLOORED, TAUGHT, Place
from limner.data.withheld import Pair, Withheld
from limner.data.world import Draw, World, WorldConfig
from limner.errors import DataError, UsageError
from limner.language.scene import PLAIN, Relation, Size

DATA = things()
NOTHING_WITHHELD = Withheld(share=0.0)
SCENES = WorldConfig(alone=0.0, sized=0.4, withheld=NOTHING_WITHHELD)


def draws(config: WorldConfig, count: int, seed: int = 0) -> list[Draw]:
    world, chance = World(DATA, config), random.Random(seed)
    return [world.draw(index % world.count, chance) for index in range(count)]


def edges(mask: Tensor) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of what is visible, in parts of the side."""
    rows, columns = (mask > 0.5).any(1).nonzero()[:, 0], (mask > 0.5).any(0).nonzero()[:, 0]
    size = mask.shape[-1]
    bounds = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    left, top, right, bottom = (float(bound) / size for bound in bounds)
    return left, top, right, bottom


def of_thing(draw: Draw, masks: Tensor, thing: int) -> list[Tensor]:
    return [mask for mask, owner in zip(masks, draw.owners, strict=True) if owner == thing]


SLACK = 1.5 / 128


def holds(relation: Relation, draw: Draw, composed: Composed) -> bool:
    """Whether a picture shows the first of two things so, seen from the second."""
    (first,), (second,) = (of_thing(draw, composed.alone, thing) for thing in (0, 1))
    one, two = edges(first), edges(second)
    if relation is Relation.LEFT:
        return one[2] <= two[0] + SLACK
    if relation is Relation.ABOVE:
        return one[3] <= two[1] + SLACK
    if relation is Relation.ON:
        meets = two[1] - SLACK <= one[3] <= two[1] + 0.08
        return meets and min(one[2], two[2]) > max(one[0], two[0])
    if relation is Relation.IN_FRONT:
        (seen_first,), (seen_second,) = (of_thing(draw, composed.masks, t) for t in (0, 1))
        whole = torch.allclose(seen_first, first, atol=1e-5)
        return whole and 0.4 < float(seen_second.sum() / second.sum()) < 0.995
    if relation is Relation.AND:
        return not bool(((first > 0.5) & (second > 0.5)).any())
    mirrored = {
        Relation.RIGHT: Relation.LEFT,
        Relation.BELOW: Relation.ABOVE,
        Relation.UNDER: Relation.ON,
        Relation.BEHIND: Relation.IN_FRONT,
    }
    swapped = replace(draw, owners=tuple(1 - owner for owner in draw.owners))
    return holds(mirrored[relation], swapped, composed)


def test_relations_hold_in_the_masks():
    seen = set()
    for draw in draws(SCENES, 150):
        if len(draw.scene.things) == 2:
            (relation,) = draw.scene.joins
            assert holds(relation, draw, compose(draw.composition, DATA)), draw.scene
            seen.add(relation)
    assert len(seen) == 9


def test_counts_are_those_of_the_masks_and_do_not_touch():
    counts = set()
    for draw in draws(SCENES, 80):
        composed = compose(draw.composition, DATA)
        for index, thing in enumerate(draw.scene.things):
            masks = of_thing(draw, composed.alone, index)
            assert len(masks) == thing.count
            assert all(mask.sum() > 0 for mask in masks)
        if len(draw.scene.things) != 2:
            assert (composed.alone > 0.5).sum(0).max() == 1
            counts.add(len(composed.alone))
    assert counts == {2, 3, 4}


def test_sizes_are_in_the_order_that_is_said():
    checked = 0
    for draw in draws(SCENES, 80):
        sides = [piece.box[2] - piece.box[0] for piece in draw.composition.pieces]
        sizes = [draw.scene.things[owner].size for owner in draw.owners]
        if len(draw.scene.things) == 2 and sizes[0] is not sizes[1]:
            order = [Size.SMALL, Size.PLAIN, Size.BIG]
            larger = order.index(sizes[0]) > order.index(sizes[1])
            assert (sides[0] > 1.2 * sides[1]) if larger else (sides[1] > 1.2 * sides[0])
            checked += 1
    assert checked > 5


def test_size_of_one_thing_is_what_is_said():
    for draw in draws(replace(SCENES, alone=1.0, sized=0.7), 60):
        left, _, right, _ = draw.composition.pieces[0].box
        share = (right - left) / draw.composition.size
        least, most = {
            Size.SMALL: (0.3, 0.52),
            Size.PLAIN: (0.6, 1.0),
            Size.BIG: (0.9, 1.0),
        }[draw.scene.things[0].size]
        assert least <= share <= most


def test_colours_are_those_of_the_pixels():
    seen = set()
    for draw in draws(replace(SCENES, coloured=1.0, grounded=0.5), 50):
        composed = compose(draw.composition, DATA)
        for index, thing in enumerate(draw.scene.things):
            for mask in of_thing(draw, composed.masks, index):
                opaque = torch.cat([composed.pixels[:3], torch.ones_like(mask)[None]])
                found = colour_of(opaque, (mask > 0.9).float())
                assert found is not None
                assert found.value == thing.colour
                seen.add(found)
    assert seen == set(Colour)


def test_thing_without_a_colour_is_as_it_is_drawn():
    for draw in draws(replace(SCENES, coloured=0.0), 60):
        assert all(piece.colour is None for piece in draw.composition.pieces)
        assert all(thing.colour == "" for thing in draw.scene.things)


def test_grounds_are_said_and_things_stand_on_them():
    world = World(DATA, replace(SCENES, alone=0.5, grounded=1.0))
    chance, places = random.Random(1), set()
    for index in range(80):
        draw = world.draw(index % world.count, chance)
        ground, backdrop = draw.scene.ground, draw.composition.backdrop
        assert ground is not None
        assert backdrop is not None
        assert ground.place == backdrop.place.value
        if backdrop.place is Place.PLAIN:
            assert ground.place == PLAIN
            pixels = compose(replace(draw.composition, pieces=()), DATA).pixels
            found = colour_of(pixels)
            assert found is not None
            assert found.value == ground.colour
        if backdrop.place in FLOORED:
            lowest = max(piece.box[3] for piece in draw.composition.pieces)
            assert lowest > 0.4 * draw.composition.size
        places.add(backdrop.place)
    assert places == set(TAUGHT)


def test_all_things_of_a_scene_are_of_its_style():
    for draw in draws(SCENES, 40):
        assert {piece.record.style for piece in draw.composition.pieces} == {draw.scene.style}


def forbidden(draw: Draw, withheld: Withheld) -> list[tuple[Pair, str, str | int]]:
    """Every withheld pair that a draw shows."""
    ground = draw.scene.ground
    shown: list[tuple[Pair, str, str | int]] = []
    concepts = [piece.record.concept for piece in draw.composition.pieces]
    for piece in draw.composition.pieces:
        if piece.colour is not None:
            shown.append((Pair.COLOUR, piece.record.concept, piece.colour.value))
        if ground is not None:
            shown.append((Pair.GROUND, piece.record.concept, ground.place))
    shown += [(Pair.CONCEPT, one, two) for one in set(concepts) for two in set(concepts)]
    shown += [(Pair.COUNT, c, concepts.count(c)) for c in set(concepts) if concepts.count(c) > 1]
    return [pair for pair in shown if withheld.has(*pair)]


def check_withheld(count: int) -> None:
    withheld = Withheld(share=0.3, seed=5)
    world, chance = World(DATA, WorldConfig(alone=0.4, withheld=withheld)), random.Random(0)
    pairs = 0
    for index in range(count):
        draw = world.draw(index % world.count, chance)
        assert not forbidden(draw, withheld), draw.scene
        pairs += len(draw.scene.things) > 1
    assert pairs > count / 20
    everything = Withheld(share=1.0)
    assert any(forbidden(draw, everything) for draw in draws(SCENES, 20))  # the check can fail


def test_what_is_withheld_is_never_drawn():
    check_withheld(3000)


@pytest.mark.slow
def test_what_is_withheld_is_never_drawn_in_100_000_draws():
    check_withheld(100_000)


def test_concept_with_nothing_left_to_combine_stays_alone():
    for draw in draws(replace(SCENES, coloured=1.0, withheld=Withheld(share=1.0)), 30):
        assert len(draw.composition.pieces) == 1
        assert draw.scene.things[0].colour == ""
        assert draw.scene.ground is None


def test_pictures_of_whole_places_stay_alone():
    world = World(DATA, replace(SCENES, grounded=1.0, coloured=1.0), plain={}, whole={"plate"})
    chance = random.Random(0)
    for index in range(40):
        draw = world.draw(index % world.count, chance)
        concepts = [piece.record.concept for piece in draw.composition.pieces]
        if "plate" in concepts:
            assert concepts == ["plate"]
            assert draw.scene.ground is None
            assert draw.composition.pieces[0].box == (0, 0, 128, 128)


def test_coloured_thing_has_its_plain_name():
    world = World(DATA, replace(SCENES, coloured=1.0), plain={"disc": "ball"})
    names = {"disc": "ball"}
    chance = random.Random(0)
    for index in range(60):
        draw = world.draw(index % world.count, chance)
        for piece, owner in zip(draw.composition.pieces, draw.owners, strict=True):
            concept = piece.record.concept
            assert (piece.colour is not None) == (concept in names)
            assert draw.scene.things[owner].concept == names.get(concept, concept)


def test_draws_follow_their_chance():
    assert draws(SCENES, 40, seed=3) == draws(SCENES, 40, seed=3)
    assert draws(SCENES, 40, seed=3) != draws(SCENES, 40, seed=4)


def test_impossible_shares_and_opaque_pictures_are_refused():
    with pytest.raises(UsageError, match=r"grounded is 1\.5; a share"):
        WorldConfig(grounded=1.5)
    opaque = replace(DATA, pictures=DATA.pictures[:, :3])
    with pytest.raises(DataError, match=r"4 channels, not 3"):
        World(opaque)
    with pytest.raises(DataError, match=r"without pictures"):
        World(replace(DATA, records=()))
