"""Pictures composed of single things, coloured and laid over each other on a ground, with masks.

What is composed is a value, so that whatever is said of a picture can be held against it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from limner.data.colours import Colour, recoloured
from limner.data.compose import over, placed
from limner.data.grounds import Place, draw_ground
from limner.data.pixels import to_model_range
from limner.data.records import PictureSet, Record
from limner.errors import DataError

Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels of the canvas; a square


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One thing of a composition. colour: what it is turned to; None: as it is drawn."""

    record: Record
    box: Box
    colour: Colour | None = None
    mirrored: bool = False


@dataclass(frozen=True, kw_only=True)
class Backdrop:
    """A ground. colour: of a plain one. seed: what it looks like."""

    place: Place
    colour: Colour | None = None
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Composition:
    """Pieces from the back to the front, over a ground or nothing, on a canvas of `size` pixels."""

    pieces: tuple[Piece, ...]
    size: int
    backdrop: Backdrop | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Composed:
    """pixels: premultiplied, in [-1, 1]; opaque where there is a ground.

    masks: how much of each pixel shows each piece, 0 to 1, in the order of the pieces. alone: the
    same if no other piece were there.
    """

    pixels: Float[Tensor, "4 S S"]
    masks: Float[Tensor, "K S S"]
    alone: Float[Tensor, "K S S"]


def compose(composition: Composition, data: PictureSet) -> Composed:
    """The picture of a composition; DataError where a box is not a square within the canvas."""
    size = composition.size
    pixels = _ground(composition)
    if not composition.pieces:
        nothing = torch.zeros(0, size, size)
        return Composed(pixels=pixels, masks=nothing, alone=nothing)
    for piece in composition.pieces:
        _check(piece.box, size)
    boxes = torch.tensor([piece.box for piece in composition.pieces])
    things = torch.stack([_thing(piece, data) for piece in composition.pieces])
    laid = placed(things, boxes, size)
    for thing in laid:
        pixels = over(thing[None], pixels[None])[0]
    alone = (laid[:, 3] + 1.0) / 2.0
    return Composed(pixels=pixels, masks=seen_of(alone), alone=alone)


def seen_of(opacity: Float[Tensor, "K H W"]) -> Float[Tensor, "K H W"]:
    """What shows of things that lie over each other, the first at the back."""
    through = torch.ones_like(opacity[0])
    seen = []
    for front in opacity.flip(0):
        seen.append(front * through)
        through = through * (1.0 - front)
    return torch.stack(seen[::-1])


def _ground(composition: Composition) -> Float[Tensor, "4 S S"]:
    size, backdrop = composition.size, composition.backdrop
    if backdrop is None:
        return torch.full((4, size, size), -1.0)
    chance = random.Random(backdrop.seed)
    drawn = draw_ground(backdrop.place, size, chance, backdrop.colour)
    return torch.cat([drawn.pixels, torch.ones(1, size, size)])


def _thing(piece: Piece, data: PictureSet) -> Float[Tensor, "4 s s"]:
    pixels = to_model_range(data.pictures[piece.record.picture])
    if piece.colour is not None:
        pixels = recoloured(pixels, piece.colour)
    return pixels.flip(-1) if piece.mirrored else pixels


def _check(box: Sequence[int], size: int) -> None:
    left, top, right, bottom = box
    inside = 0 <= left < right <= size and 0 <= top < bottom <= size
    if not inside or right - left != bottom - top:
        raise DataError(f"box {tuple(box)} is no square within a canvas of {size} pixels")
