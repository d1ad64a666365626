"""What of a picture is repainted: masks as they are asked for, padding, and the seam.

A mask is a picture of mode L with the size of what it belongs to: 255 is repainted, 0 kept.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from limner.data.pixels import flatten
from limner.errors import RequestError
from limner.pipeline.pictures import check_size, eight_bit, read_picture

ALPHA = "alpha"
BOX = re.compile(r"box:(\d+),(\d+),(\d+),(\d+)")
HALF = 128  # the least grey of a mask's picture that is repainted

Sides = tuple[int, int, int, int]
"""Pixels at the left, top, right and bottom."""


def mask_of(asked: Image.Image | str, picture: Image.Image) -> Image.Image:
    """The mask that a request asks for on a picture.

    asked: a picture, white where to repaint (grey counts as the nearer of black and white, what is
    transparent as black); "box:x,y,w,h" in pixels; or "alpha", all that is not fully opaque.
    Raises RequestError where it does not fit the picture, or where it leaves nothing to repaint.
    """
    if isinstance(asked, Image.Image):
        mask = black_and_white(asked, picture.size)
    elif asked == ALPHA:
        mask = _of_alpha(picture)
    else:
        mask = _of_box(asked, picture.size)
    if mask.getbbox() is None:
        raise RequestError("the mask is empty, nothing would be repainted: white says where to")
    return mask


def read_mask(asked: Image.Image | str | Path | None) -> Image.Image | str | None:
    """A mask as `mask_of` takes it: the picture of a file, what else there is as it is."""
    if isinstance(asked, Path):
        return read_picture(asked)
    if isinstance(asked, str) and asked != ALPHA and not asked.startswith("box:"):
        return read_picture(asked)
    return asked


def extended(
    picture: Image.Image, mask: Image.Image | None, sides: Sides
) -> tuple[Image.Image, Image.Image]:
    """A picture with more room, and the mask of the room and of what was masked before.

    The room is filled with the nearest pixels of the picture's edge, so that what the model sees
    beside the old pixels goes on as they end.
    """
    left, top, right, bottom = sides
    width, height = picture.size
    check_size((width + left + right, height + top + bottom))
    room = ((top, bottom), (left, right))
    wider = np.pad(np.asarray(picture), (*room, (0, 0)), mode="edge")
    old = np.zeros((height, width), np.uint8) if mask is None else np.asarray(mask)
    return Image.fromarray(wider), Image.fromarray(np.pad(old, room, constant_values=255))


def covered(mask: Image.Image, size: tuple[int, int]) -> Float[Tensor, "h w"]:
    """The mask at another (width, height): 1 wherever any of its pixels is repainted, else 0."""
    width, height = size
    pixels = torch.from_numpy(np.asarray(mask) >= HALF).float()
    return F.adaptive_max_pool2d(pixels[None], (height, width))[0]


def shares(mask: Image.Image, feather: int) -> Float[Tensor, "H W"]:
    """How much of each pixel is taken from what was painted: 0 outside the mask, 1 well inside.

    Within `feather` pixels of the outside it rises in even steps; the picture's own edge is no
    outside.
    """
    kept = 1 - covered(mask, mask.size)[None, None]
    total = 1 - kept
    for _ in range(feather):
        if kept.all():
            break
        kept = F.max_pool2d(kept, 3, stride=1, padding=1)
        total = total + 1 - kept
    return total[0, 0] / (feather + 1)


def black_and_white(asked: Image.Image, size: tuple[int, int]) -> Image.Image:
    """A mask's picture with 0 and 255 alone; RequestError where it is not of this size."""
    if asked.size != size:
        width, height = size
        raise RequestError(
            f"the mask is {asked.width}x{asked.height} and the picture {width}x{height}: "
            "one size is right"
        )
    return flatten(eight_bit(asked), "black").convert("L").point(lambda grey: 255 * (grey >= HALF))


def _of_alpha(picture: Image.Image) -> Image.Image:
    if picture.mode != "RGBA":
        raise RequestError('the picture has no transparency for a mask of "alpha"')
    return picture.getchannel("A").point(lambda alpha: 255 * (alpha < 255))


def _of_box(asked: str, size: tuple[int, int]) -> Image.Image:
    match = BOX.fullmatch(asked)
    if match is None:
        raise RequestError(f'mask {asked!r} is unknown: a picture, "box:x,y,w,h" or "alpha"')
    x, y, width, height = map(int, match.groups())
    if x + width > size[0] or y + height > size[1]:
        raise RequestError(f"mask {asked!r} leaves the picture, which is {size[0]}x{size[1]}")
    mask = Image.new("L", size)
    mask.paste(255, (x, y, x + width, y + height))
    return mask
