"""Where a picture is painted over: the part that the model is shown, its size, the way back."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from limner.data.pixels import flatten, from_picture
from limner.errors import RequestError
from limner.pipeline.fields import Group
from limner.pipeline.masks import covered, extended, mask_of, shares
from limner.pipeline.pictures import check_size, eight_bit, resized
from limner.pipeline.request import Request
from limner.pipeline.sizes import Size, nearest
from limner.pipeline.statement import FIELDS, fields_in

CONTEXT = 2.0  # sides of what is shown to those of what is repainted
TAKEN = 2  # so many times the pixels that a model was trained at are painted in one piece

Box = tuple[int, int, int, int]
"""(left, top, right, bottom) in pixels, as Pillow has it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Canvas:
    """A picture that is painted over.

    picture: RGB or RGBA, with the room that it is extended by. mask: of its size, None: all of it.
    box: the part that is shown to the model. size: (width, height) at which that is painted.
    feather: over how many pixels inside the mask the new fades into the old.
    """

    picture: Image.Image
    mask: Image.Image | None
    box: Box
    size: Size
    feather: int = 0

    def pixels(self, channels: int) -> Float[Tensor, "1 P H W"]:
        """What the model is shown, as model pixels of so many channels."""
        return from_picture(resized(self.picture.crop(self.box), self.size), channels)[None]

    def mask_at(self, size: Size) -> Float[Tensor, "1 1 h w"] | None:
        """The mask of what is shown at a (width, height): 1 repainted, 0 kept; None: all is."""
        if self.mask is None:
            return None
        return covered(self.mask.crop(self.box), size)[None, None]

    def put_back(self, painted: Image.Image) -> Image.Image:
        """The picture with what was painted inside its mask; outside not one byte is another.

        Without a mask it is what was painted, as it is.
        """
        if self.mask is None:
            return painted
        left, top, right, bottom = self.box
        if self.picture.mode == "RGB":
            painted = flatten(painted)
        painted = resized(painted.convert(self.picture.mode), (right - left, bottom - top))
        share = shares(self.mask, self.feather).numpy()[top:bottom, left:right, None]
        result = np.array(self.picture)
        old = result[top:bottom, left:right]
        result[top:bottom, left:right] = mixed(old, np.asarray(painted), share)
        return Image.fromarray(result)


def mixed(old: np.ndarray, new: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Two pictures' bytes (H, W, 3 or 4) mixed by the new one's share (H, W, 1), 0 to 1.

    Where the share is 0 or 1 the bytes are those of one of them; between, colours are mixed by
    their opacity too.
    """
    whole = np.where(share == 1, new, old)
    weights = 1 - share, share
    if old.shape[2] == 4:
        weights = weights[0] * old[..., 3:], weights[1] * new[..., 3:]
    total = np.maximum(weights[0] + weights[1], 1e-9)
    blend = (weights[0] * old + weights[1] * new) / total
    if old.shape[2] == 4:
        blend[..., 3:] = (1 - share) * old[..., 3:] + share * new[..., 3:]
    between = (share > 0) & (share < 1)
    return np.where(between, blend.round().astype(np.uint8), whole)


def canvas_of(request: Request, own: Size, multiple: int) -> Canvas | None:
    """The canvas of a request, or None where it has no picture.

    own: the size that the model was trained at. multiple: what sides of pictures divide by.
    Raises RequestError for what does not fit together, before anything is painted.
    """
    if request.picture is None:
        _check_no_edit(request)
        return None
    check_size(request.picture.size)
    picture = eight_bit(request.picture)
    mask = None if request.mask is None else mask_of(request.mask, picture)
    if request.extend is not None:
        picture, mask = extended(picture, mask, request.extend)
    if mask is None and (request.feather or request.context is not None):
        name = "feather" if request.feather else "context"
        raise RequestError(f"{name} is for a mask or for extend, and there is neither")
    box, size = _placed(request, picture.size, mask, own, multiple)
    return Canvas(picture=picture, mask=mask, box=box, size=size, feather=request.feather)


def _placed(
    request: Request, size: Size, mask: Image.Image | None, own: Size, multiple: int
) -> tuple[Box, Size]:
    """The box that is shown, and the size at which it is painted.

    A request that is completed with the size that is found here finds it again.
    """
    whole, most = (0, 0, *size), TAKEN * math.prod(own)
    if mask is None:
        near = nearest(size, multiple)
        found = near if math.prod(near) <= most else sized_like(whole, own, multiple)
        return whole, request.size or found
    taken = nearest(size, multiple) == size and math.prod(size) <= most
    context = CONTEXT if request.context is None else float(request.context)
    box = whole if taken else around(mask, context, own)
    found = size if taken else sized_like(box, own, multiple)
    if request.size in (None, found):
        return box, found
    if request.size == size:
        return whole, size
    return around(mask, context, request.size), request.size


def sized_like(box: Box, own: Size, multiple: int) -> Size:
    """A size of about as many pixels as a model was trained at, in the shape of a box."""
    width, height = box[2] - box[0], box[3] - box[1]
    scale = math.sqrt(math.prod(own) / (width * height))
    return nearest((width, height), multiple, scale)


def around(mask: Image.Image, context: float, shape: Size) -> Box:
    """What is masked with its surroundings, `context` times as wide and high, within the picture.

    It is widened to the shape of a (width, height), as far as the picture goes.
    """
    left, top, right, bottom = mask.getbbox() or (0, 0, *mask.size)
    width, height = context * (right - left), context * (bottom - top)
    aspect = shape[0] / shape[1]
    width, height = max(width, height * aspect), max(height, width / aspect)
    x, across = _span(left, right, width, mask.width)
    y, down = _span(top, bottom, height, mask.height)
    return x, y, across, down


def _span(start: int, stop: int, length: float, limit: int) -> tuple[int, int]:
    """A stretch of such a length round the middle of another, moved to lie within the limit."""
    whole = min(limit, math.ceil(length))
    first = min(max(0, (start + stop - whole) // 2), limit - whole)
    return first, first + whole


def _check_no_edit(request: Request) -> None:
    for name in fields_in(Group.EDITING):
        if getattr(request, name) != FIELDS[name].default:
            raise RequestError(
                f"{name} is of edits, and there is no picture: limner edit PICTURE, or "
                "Painter.edit, gives one"
            )
