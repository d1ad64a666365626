"""Reads tensors of a file one by one, straight into the dtype and onto the device wanted."""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from limner.checkpoints.header import Entry, header_of
from limner.errors import CheckpointError


@runtime_checkable
class Weights(Protocol):
    """Named tensors that are not in memory yet."""

    @property
    def path(self) -> Path: ...
    @property
    def entries(self) -> Mapping[str, Entry]: ...
    @property
    def metadata(self) -> Mapping[str, str]: ...

    def get(
        self, name: str, dtype: torch.dtype | None = None, device: torch.device | str = "cpu"
    ) -> Tensor:
        """A copy of one tensor in a dtype (None: the file's own) on a device."""


class SafetensorsFile:
    """A safetensors file that is open and mapped. Made by `open_weights`."""

    def __init__(
        self,
        path: Path,
        entries: Mapping[str, Entry],
        metadata: Mapping[str, str],
        pages: mmap.mmap,
    ) -> None:
        self.path = path
        self.entries = entries
        self.metadata = metadata
        self._pages = pages

    def get(
        self, name: str, dtype: torch.dtype | None = None, device: torch.device | str = "cpu"
    ) -> Tensor:
        entry = self.entries[name]
        if entry.count == 0:
            return torch.empty(entry.shape, dtype=dtype or entry.dtype, device=device)
        raw = torch.frombuffer(
            self._pages, dtype=torch.uint8, count=entry.stop - entry.start, offset=entry.start
        )
        if entry.start % entry.dtype.itemsize:
            raw = raw.clone()  # only memory that is aligned can be seen as numbers
        tensor = raw.view(entry.dtype).reshape(entry.shape)
        copy = tensor.to(device=device, dtype=dtype or entry.dtype, copy=True)
        del raw, tensor
        self._release(entry)
        return copy

    def _release(self, entry: Entry) -> None:
        """Give the pages of a tensor back, so that those read do not add up beside the copies."""
        if hasattr(mmap, "MADV_DONTNEED"):
            first = entry.start - entry.start % mmap.PAGESIZE
            self._pages.madvise(mmap.MADV_DONTNEED, first, entry.stop - first)


@contextmanager
def open_weights(path: Path) -> Iterator[SafetensorsFile]:
    """A safetensors file by content, whatever its name; CheckpointError for any other.

    The pages are private to this process: writing to them would not reach the file.
    """
    try:
        if not path.is_file():
            raise CheckpointError(f"{path} is missing, or no file")
        with path.open("rb") as file:
            header = header_of(file, path)
            pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from None
    with pages:
        yield SafetensorsFile(path, header.entries, header.metadata, pages)
