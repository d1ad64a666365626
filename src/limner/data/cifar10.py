"""CIFAR-10 (Krizhevsky 2009): 60,000 photographs of 32x32 pixels in ten classes.

Read from the published binary version, which unlike the Python version holds no pickles: each
picture is a label byte and 3 x 32 x 32 colour bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import torch
from einops import rearrange

from limner.data.captions import class_records
from limner.data.records import PictureSet
from limner.errors import DataError

FOLDER = "cifar-10-batches-bin"
FILES = {
    "train": tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
    "test": ("test_batch.bin",),
}
CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
SIZE = 32
ROW = 1 + 3 * SIZE * SIZE


def load_cifar10(folder: Path, split: Literal["train", "test"] = "train") -> PictureSet:
    """The photographs of one split; the test split's records are held out.

    folder: has the published `.bin` files, or the folder that the archive unpacks to. DataError if
    they are missing or broken.
    """
    rows = np.concatenate([_read(_find(folder, name)) for name in FILES[split]])
    labels = rows[:, 0].tolist()
    if max(labels) >= len(CLASSES):
        raise DataError(f"{folder} has a label {max(labels)}; 0 to {len(CLASSES) - 1} are right")
    pixels = rearrange(rows[:, 1:], "N (C H W) -> N C H W", C=3, H=SIZE)
    return PictureSet(
        pictures=torch.from_numpy(np.ascontiguousarray(pixels)),
        records=class_records(labels, CLASSES, held_out=split == "test"),
    )


def _read(path: Path) -> np.ndarray:
    data = np.fromfile(path, dtype=np.uint8)
    if len(data) == 0 or len(data) % ROW != 0:
        raise DataError(f"{path} has {len(data)} bytes; a multiple of {ROW} is right")
    return data.reshape(-1, ROW)


def _find(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / FOLDER / name):
        if path.exists():
            return path
    if (folder / name.removesuffix(".bin")).exists():
        raise DataError(f"{folder} holds the Python version of CIFAR-10; the binary one is right")
    raise DataError(f"{folder} has no {name}; the published `cifar-10-binary.tar.gz` holds it")
