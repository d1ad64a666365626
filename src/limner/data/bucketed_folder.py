"""A folder of pictures of any shape, in aspect-ratio buckets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from jaxtyping import Int, UInt8
from PIL import ExifTags, Image
from torch import Tensor

from limner.data.buckets import Fit, Size, fit
from limner.data.caption_files import captioned_files
from limner.data.folder import (
    GROUP,
    UNREADABLE,
    File,
    Gathering,
    resized_bytes,
    upright,
)
from limner.data.records import PictureSet
from limner.errors import DataError

FIRST_TURNED = 5  # of EXIF's eight orientations, 5 to 8 exchange width and height


@dataclass(frozen=True, kw_only=True, eq=False)
class BucketedPictures:
    """Pictures by bucket, each with how it lies there, in the order of the bucket's records."""

    buckets: Mapping[Size, PictureSet]
    fits: Mapping[Size, tuple[Fit, ...]]
    skipped: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[Size, int]:
        """What `BucketBatches` is made with."""
        return {bucket: len(pictures) for bucket, pictures in self.buckets.items()}

    def conditioning(self, bucket: Size, positions: Sequence[int]) -> Int[Tensor, "B 6"]:
        """SDXL's six numbers of the pictures at these positions of a bucket."""
        return torch.tensor([self.fits[bucket][index].conditioning for index in positions])


def load_bucketed(folder: Path, sizes: Sequence[Size], *, channels: int = 3) -> BucketedPictures:
    """Every captioned picture of a folder in the bucket that crops it least.

    folder, channels: as `folder.load_folder` has them. sizes: from `buckets.bucket_sizes`.
    DataError if no picture is right.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder of pictures")
    gatherings: dict[Size, Gathering] = {}
    fits: dict[Size, list[Fit]] = {}
    skipped: list[str] = []
    for name, path, captions in captioned_files(folder, skipped):
        try:
            how = fit(upright_size(path), sizes)
        except UNREADABLE as error:
            skipped.append(f"{name}: {error}")
            continue
        if how.bucket not in gatherings:
            read = partial(read_fitted, bucket=how.bucket, channels=channels)
            gatherings[how.bucket], fits[how.bucket] = Gathering(read, GROUP), []
        if gatherings[how.bucket].add(name, path, captions):
            fits[how.bucket].append(how)
    skipped += [name for gathering in gatherings.values() for name in gathering.skipped]
    full = {bucket: gathering for bucket, gathering in gatherings.items() if len(gathering)}
    if not full:
        reason = f"; the first was skipped: {skipped[0]}" if skipped else ""
        raise DataError(f"{folder} has no readable picture with a caption{reason}")
    return BucketedPictures(
        buckets={bucket: gathering.take() for bucket, gathering in sorted(full.items())},
        fits={bucket: tuple(fits[bucket]) for bucket in sorted(full)},
        skipped=tuple(skipped),
    )


def upright_size(path: Path) -> Size:
    """Width and height of a picture file as its camera was held; its pixels are not read."""
    with Image.open(path) as picture:
        width, height = picture.size
        turned = picture.getexif().get(ExifTags.Base.Orientation, 1) >= FIRST_TURNED
    return (height, width) if turned else (width, height)


def read_fitted(file: File, bucket: Size, channels: int = 3) -> UInt8[Tensor, "C H W"]:
    """The middle of a picture file that fills a bucket, as bytes; with 4 channels premultiplied.

    Errors as Pillow raises them.
    """
    whole = upright(file)
    how = fit(whole.size, [bucket])
    left, top, right, bottom = how.box
    resized = resized_bytes(whole, how.resized, channels)
    return resized[:, top:bottom, left:right].contiguous()
