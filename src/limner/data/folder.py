"""A folder of the user's own pictures with captions as a data set."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import torch
from jaxtyping import UInt8
from PIL import Image, ImageOps
from torch import Tensor

from limner.data.pixels import flatten, premultiplied_bytes
from limner.data.records import PictureSet, Record
from limner.errors import DataError, UsageError

METADATA_FILE = "metadata.jsonl"
PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"})

Item = tuple[str, Path, tuple[str, ...]]


def load_folder(folder: Path, *, size: int, channels: int = 3) -> PictureSet:
    """Every captioned picture of a folder, cropped to its middle square and resized.

    With a `metadata.jsonl` its lines {"file_name", "text"} say which pictures and captions there
    are; otherwise each picture of the folder and the folders in it has a `.txt` of the same name
    beside it, one caption a line. channels: 3, or 4 to keep transparency (premultiplied). A broken
    picture or a missing or empty caption is left out and named in the set's `skipped`; DataError if
    nothing is left or the folder cannot be read.
    """
    if size < 1 or channels not in (3, 4):
        raise UsageError(f"size {size}, {channels} channels: 1 or more and 3 or 4 are right")
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder of pictures")
    pictures: list[Tensor] = []
    records: list[Record] = []
    skipped: list[str] = []
    for name, path, captions in _items(folder, skipped):
        try:
            pictures.append(read_square(path, size, channels))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            skipped.append(f"{name}: {error}")
            continue
        records.append(Record(picture=len(records), concept="", captions=captions, group="folder"))
    if not records:
        reason = f"; the first was skipped: {skipped[0]}" if skipped else ""
        raise DataError(f"{folder} has no readable picture with a caption{reason}")
    return PictureSet(
        pictures=torch.stack(pictures), records=tuple(records), skipped=tuple(skipped)
    )


def read_square(path: Path, size: int, channels: int = 3) -> UInt8[Tensor, "C S S"]:
    """The middle square of a picture file, upright, as bytes; with 4 channels premultiplied.

    Errors as Pillow raises them.
    """
    with Image.open(path) as file:
        upright = ImageOps.exif_transpose(file).convert("RGBA")
    square = ImageOps.fit(upright, (min(upright.size),) * 2)
    if channels == 4:
        return premultiplied_bytes(square, size)
    opaque = premultiplied_bytes(flatten(square), size)
    return opaque[:3].contiguous()


def _items(folder: Path, skipped: list[str]) -> Iterator[Item]:
    """(name, picture file, captions) of each captioned entry; the others into `skipped`."""
    metadata = folder / METADATA_FILE
    found = _from_metadata(metadata, skipped) if metadata.exists() else _from_text_files(folder)
    for name, path, captions in found:
        kept = tuple(text.strip() for text in captions if text.strip())
        if kept:
            yield name, path, kept
        else:
            skipped.append(f"{name}: it has no caption")


def _from_metadata(metadata: Path, skipped: list[str]) -> Iterator[Item]:
    lines = _read_text(metadata).splitlines()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            name, text = row["file_name"], row.get("text", "")
            if not isinstance(name, str) or not isinstance(text, str):
                raise TypeError("file_name and text must be strings")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            skipped.append(f"{METADATA_FILE} line {number}: not a line with file_name: {error}")
            continue
        yield name, metadata.parent / name, (text,)


def _from_text_files(folder: Path) -> Iterator[Item]:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in PICTURE_SUFFIXES and path.is_file():
            words = path.with_suffix(".txt")
            captions = tuple(_read_text(words).splitlines()) if words.exists() else ()
            yield str(path.relative_to(folder)), path, captions


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as UTF-8 text: {error}") from error
