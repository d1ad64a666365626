"""Tensors kept on the disk, with the hashes of what they were made from.

FOLDER/BUCKET.NAME.npy  one tensor of one bucket, (n, ...); it stays on the disk until it is used
FOLDER/cache.json       the origin, and which tensors there are; written last

A bucket holds the items of one shape; most caches have only one, called "all". Every file appears
whole or not at all, and a folder without `cache.json` is no cache, so one that was cut off while it
was written is never taken for a whole one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import torch
from torch import Tensor, nn

from limner.data.records import write_json
from limner.errors import DataError
from limner.files import whole_file

INDEX_FILE = "cache.json"
ALL = "all"

Origin = Mapping[str, str]
Chunk = Mapping[str, Tensor]
Chunks = Iterable[Chunk]


@dataclass(frozen=True, kw_only=True, eq=False)
class Cache:
    """An opened cache: bucket -> name -> tensor (n, ...), read from the disk as it is used."""

    buckets: Mapping[str, Mapping[str, Tensor]]

    def __getitem__(self, name: str) -> Tensor:
        """A tensor of a cache with one bucket."""
        return self.buckets[ALL][name]


def cached(folder: Path, origin: Origin, build: Callable[[], Mapping[str, Chunks]]) -> Cache:
    """The cache in a folder; built where there is none of this origin.

    build: makes the buckets; it is called only if they are needed.
    """
    try:
        return open_cache(folder, origin)
    except DataError:
        write_cache(folder, origin, build())
        return open_cache(folder, origin)


def write_cache(folder: Path, origin: Origin, buckets: Mapping[str, Chunks]) -> None:
    """Write the chunks of every bucket one after another; only one is in memory at a time.

    Whoever has an older cache of the folder open keeps reading the old one. DataError if a bucket
    is empty or its chunks do not go together, or where a file is in the folder's place.
    """
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder} is a file: a cache is a folder, so name another place")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / INDEX_FILE).unlink(missing_ok=True)
    names = {bucket: _write_bucket(folder, bucket, chunks) for bucket, chunks in buckets.items()}
    write_json(folder / INDEX_FILE, {"origin": dict(origin), "buckets": names})


def open_cache(folder: Path, origin: Origin) -> Cache:
    """The cache in a folder.

    DataError if there is none, if it is broken, or if it was made from something else; the text
    says from what.
    """
    try:
        index = json.loads((folder / INDEX_FILE).read_text(encoding="utf-8"))
        written = dict(index["origin"])
        buckets = {
            bucket: {name: _read(folder, bucket, name) for name in names}
            for bucket, names in index["buckets"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{folder} holds no readable cache: {error}") from error
    for what in sorted(origin.keys() | written.keys()):
        if written.get(what) != origin.get(what):
            raise DataError(
                f"{folder} is stale: it was made with other {what}; delete it to make it anew"
            )
    return Cache(buckets=buckets)


def weights_fingerprint(module: nn.Module) -> str:
    """A hash of a module's weights: their names, shapes, kinds and values."""
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        digest.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
        digest.update(raw_bytes(value))
    return digest.hexdigest()


def fingerprint(value: object) -> str:
    """A hash of a value that JSON can hold."""
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def raw_bytes(value: Tensor) -> bytes:
    """The bytes of a tensor's values."""
    return value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def batches(count: int, batch: int) -> Iterator[range]:
    """The positions 0 ... count - 1 in spans of at most `batch`."""
    return (range(first, min(first + batch, count)) for first in range(0, count, batch))


def _write_bucket(folder: Path, bucket: str, chunks: Chunks) -> list[str]:
    """Write the tensors of one bucket and return their names."""
    files: dict[str, _Rows] = {}
    with ExitStack() as stack:
        for chunk in chunks:
            if not files:
                for name, value in chunk.items():
                    file = _growing(folder / _name(bucket, name), value)
                    files[name] = stack.enter_context(file)
            if files.keys() != chunk.keys() or len({len(value) for value in chunk.values()}) != 1:
                raise DataError(f"bucket {bucket!r}: all chunks must have {', '.join(files)} alike")
            for name, value in chunk.items():
                files[name].append(value)
        if not files:
            raise DataError(f"bucket {bucket!r} is empty: there is nothing to keep")
    return list(files)


@contextmanager
def _growing(path: Path, like: Tensor) -> Iterator[_Rows]:
    """A file of a tensor that is written a few rows at a time; it appears when it is whole."""
    with whole_file(path) as partial, partial.open("wb") as file:
        rows = _Rows(path.name, file, like)
        rows.write_header()
        yield rows
        file.seek(0)
        rows.write_header()


class _Rows:
    """What is written of a tensor; bfloat16, which numpy has not, is kept as fp32."""

    def __init__(self, name: str, file: IO[bytes], like: Tensor) -> None:
        self._name, self._file = name, file
        self._row = _plain(like[:0])
        self._count = 0

    def append(self, rows: Tensor) -> None:
        rows = _plain(rows)
        if rows.shape[1:] != self._row.shape[1:] or rows.dtype != self._row.dtype:
            raise DataError(
                f"{self._name}: {tuple(rows.shape[1:])} {rows.dtype} came after "
                f"{tuple(self._row.shape[1:])} {self._row.dtype}; one bucket holds one shape"
            )
        self._file.write(raw_bytes(rows))
        self._count += len(rows)

    def write_header(self) -> None:
        """The same length for any count: numpy leaves room for the first axis to grow."""
        row = self._row.numpy()
        header = {
            "descr": np.lib.format.dtype_to_descr(row.dtype),
            "fortran_order": False,
            "shape": (self._count, *row.shape[1:]),
        }
        np.lib.format.write_array_header_1_0(self._file, header)


def _plain(value: Tensor) -> Tensor:
    value = value.detach().cpu()
    return value.float() if value.dtype == torch.bfloat16 else value


def _read(folder: Path, bucket: str, name: str) -> Tensor:
    # Copy on write: numpy would warn of a tensor on memory that may not be written to.
    array = np.load(folder / _name(bucket, name), mmap_mode="c", allow_pickle=False)
    return torch.from_numpy(array)


def _name(bucket: str, name: str) -> str:
    return f"{bucket}.{name}.npy"
