"""Fashion-MNIST (Xiao, Rasul and Vollgraf 2017): 70,000 grey pictures of ten kinds of clothing."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from limner.data.captions import class_records
from limner.data.records import PictureSet
from limner.errors import DataError

# Where Debian's package `dataset-fashion-mnist` puts the published files.
DEFAULT_FOLDER = Path("/usr/share/datasets/fashion-mnist")
PREFIXES = {"train": "train", "test": "t10k"}
CLASSES = (
    "t-shirt",
    "trousers",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
UNSIGNED_BYTES = 0x08


def load_fashion_mnist(
    folder: Path = DEFAULT_FOLDER, split: Literal["train", "test"] = "train", *, size: int = 28
) -> PictureSet:
    """The pictures of one split, grey; the test split's records are held out.

    folder: has the four published IDX files, with or without `.gz`. size: 28 as published, or more
    to widen the black border evenly (32 halves without remainder). DataError if files are missing
    or broken.
    """
    if size < 28:
        raise DataError(f"size {size} is less than the 28 pixels of the pictures")
    pictures = read_idx(_find(folder, f"{PREFIXES[split]}-images-idx3-ubyte"), dimensions=3)
    labels = read_idx(_find(folder, f"{PREFIXES[split]}-labels-idx1-ubyte"), dimensions=1)
    if len(pictures) != len(labels) or (len(labels) and int(labels.max()) >= len(CLASSES)):
        raise DataError(f"the {split} pictures and labels in {folder} do not fit each other")
    first = (size - pictures.shape[-1]) // 2
    last = size - pictures.shape[-1] - first
    padded = torch.nn.functional.pad(pictures[:, None], (first, last, first, last))
    return PictureSet(
        pictures=padded, records=class_records(labels.tolist(), CLASSES, held_out=split == "test")
    )


def read_idx(path: Path, dimensions: int) -> UInt8[Tensor, "..."]:
    """An IDX file of bytes: two zero bytes, the type, the number of sizes, the sizes, the values.

    DataError if it is not one, or has another number of dimensions.
    """
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    start = 4 + 4 * dimensions
    shape = tuple(np.frombuffer(data[4:start], dtype=">u4").tolist()) if len(data) >= start else ()
    header = bytes([0, 0, UNSIGNED_BYTES, dimensions])
    if data[:4] != header or len(data) - start != int(np.prod(shape, dtype=np.int64)):
        raise DataError(f"{path} is not a whole IDX file of bytes with {dimensions} dimensions")
    return torch.from_numpy(np.frombuffer(data, np.uint8, offset=start).reshape(shape).copy())


def _find(folder: Path, name: str) -> Path:
    for path in (folder / f"{name}.gz", folder / name):
        if path.exists():
            return path
    raise DataError(
        f"{folder} has no {name}.gz; Debian's package `dataset-fashion-mnist` installs it in "
        f"{DEFAULT_FOLDER}"
    )
