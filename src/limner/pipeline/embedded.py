"""Texts inside picture files: PNG text chunks, and EXIF for JPEG and WebP.

keyword       PNG                     JPEG, WebP
limner        iTXt, UTF-8             MakerNote, UTF-8 behind the keyword
parameters    tEXt, or iTXt if need   UserComment, as A1111 writes it
limner-grid   iTXt, UTF-8             none

What other programs write is read as well: their own keywords (`OTHERS`) in a PNG, a UserComment in
the EXIF's first directory, and there what ComfyUI puts behind `prompt:` into WebP; and a .txt file.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.ExifTags import IFD, Base
from PIL.PngImagePlugin import PngInfo

from limner.errors import OutputError, RequestError

LIMNER, PARAMETERS, GRID = "limner", "parameters", "limner-grid"
COMMENT = "UserComment"  # what `read_texts` gives of it: any program may have written it
OTHERS = INVOKE, OLD_INVOKE, COMFY = "invokeai_metadata", "sd-metadata", "prompt"
MAX_TEXT = 2**18  # characters
MAX_FILE = 2**28  # bytes
MAX_EXIF = 2**16 - 3  # bytes: what a JPEG segment holds beside its length

USER_COMMENT = {b"UNICODE\0": "utf-16-be", b"ASCII\0\0\0": "utf-8", b"\0" * 8: "utf-8"}
MAKER_NOTE = b"limner\0"


def save_options(picture_format: str, texts: Mapping[str, str]) -> dict[str, Any]:
    """What `Image.save` is to be given so that a PNG, JPEG or WEBP holds the texts.

    Raises OutputError where they are longer than a JPEG can hold.
    """
    if picture_format == "PNG":
        return {"pnginfo": png_info(texts)}
    exif = exif_bytes(texts)
    if picture_format == "JPEG" and len(exif) > MAX_EXIF:
        raise OutputError("the prompt is longer than a JPEG's metadata can be: a .png holds it")
    return {"exif": exif}


def png_info(texts: Mapping[str, str]) -> PngInfo:
    """The texts as chunks of a PNG."""
    info = PngInfo()
    for keyword, text in texts.items():
        if keyword == PARAMETERS:  # for programs that know tEXt alone, where latin-1 will do
            info.add_text(keyword, text)
        else:
            info.add_itxt(keyword, text)
    return info


def exif_bytes(texts: Mapping[str, str]) -> bytes:
    """The texts as an EXIF block; empty if there are none."""
    exif = Image.Exif()
    tags = exif.get_ifd(IFD.Exif)
    if PARAMETERS in texts:
        tags[Base.UserComment] = b"UNICODE\0" + texts[PARAMETERS].encode("utf-16-be")
    if LIMNER in texts:
        tags[Base.MakerNote] = MAKER_NOTE + texts[LIMNER].encode()
    return exif.tobytes() if tags else b""


def read_texts(path: Path) -> dict[str, str]:
    """The texts in a PNG, JPEG or WebP by keyword, without decoding its pixels.

    A .txt file is the infotext that A1111 writes beside a picture. Raises RequestError for what is
    none of these, has more pixels than Pillow holds safe (some 89 million), is larger than 256 MiB
    or holds a text of more than 262,144 characters.
    """
    if path.suffix.lower() == ".txt":
        return {PARAMETERS: _text_of(path)}
    try:
        if os.path.getsize(path) > MAX_FILE:
            raise ValueError(f"it is larger than {MAX_FILE} bytes")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is odd in a file that is read all the same
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=("PNG", "JPEG", "WEBP")) as picture:
                texts = {**exif_texts(picture), **chunk_texts(picture)}
    except Exception as error:  # a broken file makes Pillow raise almost anything
        reason = " ".join(str(error).split())[:200]
        raise RequestError(f"{path} is no readable picture: {reason}") from None
    for keyword, text in texts.items():
        if len(text) > MAX_TEXT:
            raise RequestError(f"{path}: the text {keyword!r} is longer than {MAX_TEXT} characters")
    return texts


def _text_of(path: Path) -> str:
    try:
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(MAX_TEXT + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{path} is no readable text: {error}") from None
    if len(text) > MAX_TEXT:
        raise RequestError(f"{path} is longer than {MAX_TEXT} characters")
    return text


def chunk_texts(picture: Image.Image) -> dict[str, str]:
    """Those that stand before a PNG's pixels, where every program writes them."""
    found = {keyword: picture.info.get(keyword) for keyword in (LIMNER, PARAMETERS, *OTHERS)}
    return {keyword: str(text) for keyword, text in found.items() if isinstance(text, str)}


def exif_texts(picture: Image.Image) -> dict[str, str]:
    """Those in the EXIF block."""
    exif = Image.Exif()
    try:
        exif.load(picture.info.get("exif", b""))  # Pillow's own getexif would decode a PNG
        tags = exif.get_ifd(IFD.Exif)
    except Exception:  # a broken block makes Pillow raise almost anything; the rest may be sound
        return {}
    texts = {}
    note = tags.get(Base.MakerNote)
    if isinstance(note, bytes) and note.startswith(MAKER_NOTE):
        texts[LIMNER] = note.removeprefix(MAKER_NOTE).decode(errors="replace")
    for directory in (exif, tags):
        if (said := user_comment(directory.get(Base.UserComment))) is not None:
            texts[COMMENT] = said
    for value in exif.values():
        if isinstance(value, str) and value.lower().startswith(f"{COMFY}:{{"):
            texts[COMFY] = value[len(COMFY) + 1 :]
    return texts


def user_comment(value: object) -> str | None:
    """The text of a UserComment, behind its eight bytes that name the encoding if it has them.

    UNICODE is UTF-16 of either byte order, which nothing tells: the zero bytes of the Latin letters
    that every infotext holds lie first where the high byte is first. None: it holds no text.
    """
    if isinstance(value, str):  # Pillow reads as latin-1 what is marked as ASCII
        value = value.encode("latin-1", errors="replace")
    if not isinstance(value, bytes):
        return None
    encoding, raw = USER_COMMENT.get(value[:8], ""), value[8:]
    if not encoding:
        encoding, raw = "utf-8", value
    if encoding == "utf-16-be" and raw[1::2].count(0) > raw[0::2].count(0):
        encoding = "utf-16-le"
    text = raw.decode(encoding, errors="replace").removeprefix("\ufeff").strip("\0 \t\r\n")
    return text or None
