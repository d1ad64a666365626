"""Draws encoded when they are first asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from things import things
from torch import Tensor

from limner.data.composition import compose
from limner.data.drawn_latents import DrawnLatents
from limner.data.world import World, WorldConfig
from limner.errors import DataError

WORLD = World(things(), WorldConfig(size=32))


class Coarse:
    """An encoder that counts the pictures it was given."""

    def __init__(self) -> None:
        self.seen = 0

    def __call__(self, pixels: Tensor) -> Tensor:
        self.seen += len(pixels)
        return F.avg_pool2d(pixels, 8)


def pool(folder, encode, world=WORLD, **others) -> DrawnLatents:
    settings = {"count": 12, "shape": (4, 4, 4), "origin": {"encoder weights": "a"}} | others
    return DrawnLatents(world, encode, folder, **settings)


def test_each_draw_is_encoded_once_and_kept(tmp_path):
    encode = Coarse()
    first = pool(tmp_path, encode)
    asked = torch.tensor([3, 7, 3])
    latents = first[asked]
    assert encode.seen == 2
    pixels = compose(first.draw(7).composition, WORLD.data).pixels
    torch.testing.assert_close(latents[1], F.avg_pool2d(pixels, 8), atol=1e-3, rtol=0)
    assert torch.equal(latents[0], latents[2])
    again = Coarse()
    assert torch.equal(pool(tmp_path, again)[asked], latents)
    assert again.seen == 0


@pytest.mark.parametrize(
    "others", [{"origin": {"encoder weights": "b"}}, {"seed": 1}, {"count": 11}]
)
def test_pool_of_something_else_is_filled_anew(tmp_path, others):
    pool(tmp_path, Coarse())[torch.tensor([0, 1])]
    encode = Coarse()
    pool(tmp_path, encode, **others)[torch.tensor([0, 1])]
    assert encode.seen == 2


def in_other_words(**change) -> World:
    """The world with another word for its first record."""
    first, *rest = WORLD.data.records
    data = replace(WORLD.data, records=(replace(first, **change), *rest))
    return World(data, WORLD.config, plain=WORLD.plain)


@pytest.mark.parametrize(
    "world",
    [
        World(WORLD.data, WORLD.config, plain={"disc": "disc"}),
        World(WORLD.data, WORLD.config, whole={"disc"}),
        World(replace(WORLD.data, pictures=WORLD.data.pictures.flip(0)), WORLD.config),
        in_other_words(concept="square"),
        in_other_words(style="narrow"),
    ],
    ids=["plain", "whole", "pictures", "concept", "style"],
)
def test_pool_of_another_world_is_filled_anew(tmp_path, world):
    """What may be turned to a colour, and what stays alone, decides all that is drawn after it."""
    pool(tmp_path, Coarse())[torch.arange(12)]
    encode = Coarse()
    latents = pool(tmp_path, encode, world)[torch.arange(12)]
    assert encode.seen == 12
    assert torch.equal(latents, pool(tmp_path / "new", Coarse(), world)[torch.arange(12)])


def test_other_names_of_the_same_things_leave_the_draws(tmp_path):
    pool(tmp_path, Coarse())[torch.arange(12)]
    called = World(WORLD.data, WORLD.config, plain={name: f"a {name}" for name in WORLD.plain})
    encode = Coarse()
    pool(tmp_path, encode, called)[torch.arange(12)]
    assert encode.seen == 0


def test_draws_are_the_same_whatever_was_drawn_before(tmp_path):
    one, two = pool(tmp_path / "a", Coarse()), pool(tmp_path / "b", Coarse())
    one.draw(2)
    assert one.draw(5) == two.draw(5)
    assert one.draw(5) != one.draw(6)
    other = DrawnLatents(
        World(things(), replace(WORLD.config, grounded=1.0)),
        Coarse(),
        tmp_path / "a",
        count=12,
        shape=(4, 4, 4),
        origin={"encoder weights": "a"},
    )
    assert not other.done.any()


def test_empty_pool_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"a pool of 0 draws"):
        pool(tmp_path, Coarse(), count=0)
