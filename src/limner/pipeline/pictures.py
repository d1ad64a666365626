"""Pictures that come in: read from files, held to limits, and brought to another size."""

from __future__ import annotations

import os
from pathlib import Path

from PIL import Image

from limner.data.pixels import eight_bits, turned_upright, unwarned
from limner.errors import RequestError, UsageError
from limner.pipeline.embedded import MAX_FILE
from limner.pipeline.sizes import MAX_PIXELS

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
MAX_SIDE = 2**14  # pixels


def read_picture(path: str | Path) -> Image.Image:
    """The picture of a file, upright as its EXIF says, of an animation the first frame.

    Raises RequestError for what is no picture, is broken, or is larger than can be edited; that is
    told from its header, before any pixel is unpacked.
    """
    try:
        if os.path.getsize(path) > MAX_FILE:
            raise ValueError(f"it is larger than {MAX_FILE} bytes")
        with unwarned(), Image.open(path, formats=FORMATS) as file:
            check_size(file.size)
            return turned_upright(file)
    except Exception as error:  # a broken file makes Pillow raise almost anything
        reason = getattr(error, "strerror", None) or error
        said = " ".join(str(reason).split())[:200]
        raise RequestError(f"{path} is no picture that can be edited: {said}") from None


def check_size(size: tuple[int, int]) -> None:
    """Raises RequestError for a picture (width, height) that is larger than can be edited."""
    width, height = size
    if max(size) > MAX_SIDE or width * height > MAX_PIXELS:
        raise RequestError(
            f"a picture of {width}x{height} is too large: at most {MAX_SIDE} along a side and "
            f"{MAX_PIXELS} pixels are right"
        )


def eight_bit(picture: Image.Image) -> Image.Image:
    """The picture as RGBA where it has transparency, else as RGB; those two as they are.

    More bits a channel are brought to eight by their whole range, and come back as eight. Raises
    RequestError where the range cannot be told.
    """
    try:
        picture = eight_bits(picture)
    except UsageError as error:
        raise RequestError(str(error)) from None
    return picture.convert("RGBA" if picture.has_transparency_data else "RGB")


def resized(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """An RGB or RGBA picture at another size; the same object where it has that size.

    Transparent pixels lend their neighbours no colour: RGBA is resized premultiplied.
    """
    if picture.size == size:
        return picture
    if picture.mode == "RGBA":
        return picture.convert("RGBa").resize(size, Image.Resampling.LANCZOS).convert("RGBA")
    return picture.resize(size, Image.Resampling.LANCZOS)
