"""A folder of the user's own pictures with captions as a data set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from io import BytesIO
from pathlib import Path

import torch
from jaxtyping import UInt8
from PIL import Image, ImageOps
from torch import Tensor

from limner.data.caption_files import captioned_files
from limner.data.pixels import eight_bits, flatten, premultiplied_bytes, turned_upright, unwarned
from limner.data.records import PictureSet, Record
from limner.errors import DataError, UsageError

# What Pillow raises for a file that is no whole picture.
UNREADABLE = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)
GROUP = "folder"

File = Path | BytesIO


def load_folder(folder: Path, *, size: int, channels: int = 3) -> PictureSet:
    """Every captioned picture of a folder, cropped to its middle square and resized.

    Which pictures and captions there are: see `captioned_files`. channels: 3, or 4 to keep
    transparency (premultiplied). A broken picture or a missing, empty or unreadable caption is left
    out and named in the set's `skipped`; DataError if nothing is left.
    """
    if size < 1 or channels not in (3, 4):
        raise UsageError(f"size {size}, {channels} channels: 1 or more and 3 or 4 are right")
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder of pictures")
    gathering = Gathering(partial(read_square, size=size, channels=channels), GROUP)
    for name, path, captions in captioned_files(folder, gathering.skipped):
        gathering.add(name, path, captions)
    gathering.refuse_empty(str(folder))
    return gathering.take()


class Gathering:
    """A set in the making: pictures with captions one after another, and what was left out."""

    def __init__(self, read: Callable[[File], Tensor], group: str) -> None:
        """read: what makes bytes (C, H, W) of a picture file. group: of every record."""
        self.read, self.group = read, group
        self.skipped: list[str] = []
        self._pictures: list[Tensor] = []
        self._captions: list[tuple[str, ...]] = []

    def __len__(self) -> int:
        return len(self._pictures)

    def add(self, name: str, file: File, captions: Sequence[str]) -> bool:
        """Read one picture; False, and its name in `skipped`, if it or its caption is not right."""
        kept = tuple(text.strip() for text in captions if text.strip())
        if not kept:
            self.skipped.append(f"{name}: it has no caption")
            return False
        try:
            self._pictures.append(self.read(file))
        except UNREADABLE as error:
            self.skipped.append(f"{name}: {error}")
            return False
        self._captions.append(kept)
        return True

    def take(self) -> PictureSet:
        """What was gathered since the last time."""
        records = (
            Record(picture=index, concept="", captions=captions, group=self.group)
            for index, captions in enumerate(self._captions)
        )
        taken = PictureSet(
            pictures=torch.stack(self._pictures),
            records=tuple(records),
            skipped=tuple(self.skipped),
        )
        # The list of what was skipped stays the same one: others add to it.
        for some in (self._pictures, self._captions, self.skipped):
            some.clear()
        return taken

    def refuse_empty(self, source: str) -> None:
        """DataError if nothing was gathered."""
        if not self._pictures:
            reason = f"; the first was skipped: {self.skipped[0]}" if self.skipped else ""
            raise DataError(f"{source} has no readable picture with a caption{reason}")


def read_square(file: File, size: int, channels: int = 3) -> UInt8[Tensor, "C S S"]:
    """The middle square of a picture file, upright, as bytes; with 4 channels premultiplied.

    Errors as Pillow raises them.
    """
    whole = upright(file)
    return resized_bytes(ImageOps.fit(whole, (min(whole.size),) * 2), size, channels)


def upright(file: File) -> Image.Image:
    """A picture as its camera held it, RGBA."""
    with unwarned(), Image.open(file) as picture:
        return eight_bits(turned_upright(picture)).convert("RGBA")


def resized_bytes(
    picture: Image.Image, size: int | tuple[int, int], channels: int
) -> UInt8[Tensor, "C H W"]:
    """A resized picture as bytes: 4 channels premultiplied, or 3 seen on white."""
    if channels == 4:
        return premultiplied_bytes(picture, size)
    return premultiplied_bytes(flatten(picture), size)[:3].contiguous()
