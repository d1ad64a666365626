"""Pictures that come in over HTTP: of three formats, of bounded size, told from their header.

No name, path or URL of a picture is ever read: what comes in is the bytes of a file.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

from limner.data.pixels import turned_upright, unwarned
from limner.pipeline.embedded import COMMENT, PARAMETERS, chunk_texts, exif_texts
from limner.server.problems import ProblemError

FORMATS = ("PNG", "JPEG", "WEBP")
MAX_SIDE = 4096  # pixels
MAX_PIXELS = 2**24
MAX_TEXT = 2**16  # characters of all texts in the file
DATA_URL = re.compile(r"data:[\w.+-]+/[\w.+-]+;base64,", re.ASCII)
WRONG = "a PNG, JPEG or WebP file of one picture"


def is_data_url(text: object) -> bool:
    """Whether a text is a file in itself, not a word for one."""
    return isinstance(text, str) and DATA_URL.match(text) is not None


def file_of(text: object, name: str) -> bytes:
    """The bytes of base64, with or without `data:image/png;base64,` before it."""
    if not isinstance(text, str):
        raise _refused(name, f"base64 of {WRONG} is right")
    if text.lower().startswith(("http:", "https:", "file:", "ftp:")) or "://" in text[:64]:
        raise _refused(name, f"a URL is not read: base64 of {WRONG} is right")
    match = DATA_URL.match(text)
    encoded = "".join((text[match.end() :] if match else text).split())
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise _refused(name, f"it is no base64; that of {WRONG} is right") from None


def picture_of(file: bytes, name: str) -> Image.Image:
    """The picture of a file, upright. Raises ProblemError for what is not taken."""
    with _opened(file, name) as picture:
        return turned_upright(picture)


def embedded_of(file: bytes, name: str) -> dict[str, str]:
    """The texts in a picture's file, by keyword."""
    with _opened(file, name) as picture:
        return {**exif_texts(picture), **chunk_texts(picture)}


def texts_of(file: bytes, name: str) -> dict[str, str]:
    """What a picture's file says of how it was painted, by keyword."""
    said = embedded_of(file, name)
    if COMMENT in said:  # where a JPEG and a WebP have the infotext
        comment = said.pop(COMMENT)
        said.setdefault(PARAMETERS, comment)
    return said


@contextmanager
def _opened(file: bytes, name: str) -> Iterator[Image.Image]:
    """The file, its header checked before a pixel is unpacked."""
    try:
        with unwarned(), Image.open(io.BytesIO(file), formats=FORMATS) as picture:
            _check(picture, name)
            yield picture
    except ProblemError:
        raise
    except Exception:  # a broken file makes Pillow raise almost anything
        raise _refused(name, f"it is broken, or another kind of file: {WRONG} is right") from None


def _check(picture: Image.Image, name: str) -> None:
    width, height = picture.size
    if max(picture.size) > MAX_SIDE or width * height > MAX_PIXELS:
        raise _refused(
            name,
            f"it has {width}x{height} pixels: at most {MAX_SIDE} a side and {MAX_PIXELS} in all "
            "are right",
        )
    if getattr(picture, "n_frames", 1) > 1:
        raise _refused(name, "it is an animation: one picture is right")
    texts = getattr(picture, "text", {})
    if sum(map(len, texts.values())) > MAX_TEXT:
        raise _refused(name, f"it holds texts of more than {MAX_TEXT} characters")


def _refused(name: str, why: str) -> ProblemError:
    return ProblemError(422, "picture", f"{name}: {why}")
