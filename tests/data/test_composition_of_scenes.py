"""Compositions: what lies over what, and what shows of each."""

from __future__ import annotations

import pytest
import torch
from things import things

from limner.data.colours import Colour, colour_of
from limner.data.composition import Backdrop, Composition, Piece, compose, seen_of
from limner.data.grounds import Place
from limner.errors import DataError

DATA = things()


def piece(name: str, box: tuple[int, int, int, int], **others) -> Piece:
    record = next(record for record in DATA.records if record.concept == name)
    return Piece(record=record, box=box, **others)


def test_front_covers_back():
    back, front = piece("square", (0, 0, 32, 32)), piece("disc", (16, 16, 48, 48))
    composed = compose(Composition(pieces=(back, front), size=48), DATA)
    assert composed.pixels.shape == (4, 48, 48)
    assert colour_of(composed.pixels, composed.masks[0]) is Colour.BLUE
    assert colour_of(composed.pixels, composed.masks[1]) is Colour.RED
    torch.testing.assert_close(composed.masks[1], composed.alone[1])
    assert composed.masks[0].sum() < 0.95 * composed.alone[0].sum()
    total = composed.masks.sum(0)
    torch.testing.assert_close(total, (composed.pixels[3] + 1) / 2, atol=1e-5, rtol=0)


def test_order_decides():
    boxes = (piece("square", (0, 0, 32, 32)), piece("disc", (8, 8, 40, 40)))
    one, two = (compose(Composition(pieces=p, size=40), DATA).pixels for p in (boxes, boxes[::-1]))
    assert not torch.equal(one, two)


def test_ground_makes_it_opaque_and_shows_around():
    backdrop = Backdrop(place=Place.PLAIN, colour=Colour.YELLOW, seed=1)
    composition = Composition(pieces=(piece("square", (8, 8, 24, 24)),), size=32, backdrop=backdrop)
    composed = compose(composition, DATA)
    assert (composed.pixels[3] == 1).all()
    assert colour_of(composed.pixels, 1 - composed.alone[0]) is Colour.YELLOW


def test_turned_and_mirrored():
    whole = (0, 0, 64, 64)
    plain, turned, mirrored = (
        compose(Composition(pieces=(piece("square", whole, **how),), size=64), DATA).pixels
        for how in ({}, {"colour": Colour.GREEN}, {"mirrored": True})
    )
    assert colour_of(turned) is Colour.GREEN
    assert torch.equal(mirrored, plain.flip(-1))


def test_nothing_is_transparent():
    composed = compose(Composition(pieces=(), size=16), DATA)
    assert composed.masks.shape == (0, 16, 16)
    assert (composed.pixels == -1).all()


def test_seen_of_opaque_layers():
    layers = torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.25, 1.0], [0.0, 1.0, 0.5]])[:, None]
    expected = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 0.5], [0.0, 1.0, 0.5]])[:, None]
    torch.testing.assert_close(seen_of(layers), expected)


@pytest.mark.parametrize("box", [(0, 0, 33, 33), (-1, 0, 9, 10), (0, 0, 10, 12), (5, 5, 5, 5)])
def test_boxes_that_are_no_squares_within_are_refused(box):
    with pytest.raises(DataError, match=r"no square within a canvas of 32 pixels"):
        compose(Composition(pieces=(piece("disc", box),), size=32), DATA)
