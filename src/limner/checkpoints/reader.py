"""Reads tensors of a file one by one, straight into the dtype and onto the device wanted.

A tensor that has them already stays mapped: it is read when it is used, and never copied.
"""

from __future__ import annotations

import mmap
from collections.abc import Mapping
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
        """One tensor in a dtype (None: the file's own) on a device."""


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
        mapped = raw.view(entry.dtype).reshape(entry.shape)
        tensor = mapped.to(device=device, dtype=dtype or entry.dtype)
        if tensor.data_ptr() != mapped.data_ptr():
            self._release(entry)
        return tensor

    def _release(self, entry: Entry) -> None:
        """Give the pages of a converted tensor back, so that they do not add up."""
        if hasattr(mmap, "MADV_DONTNEED"):
            first = entry.start - entry.start % mmap.PAGESIZE
            self._pages.madvise(mmap.MADV_DONTNEED, first, entry.stop - first)


def open_weights(path: Path) -> SafetensorsFile:
    """A safetensors file by content, whatever its name; CheckpointError for any other.

    It stays mapped as long as it, or a tensor that was not converted, is in use. The pages are
    private to this process: what is written to a tensor does not reach the file.
    """
    try:
        if not path.is_file():
            raise CheckpointError(f"{path} is missing, or no file")
        with path.open("rb") as file:
            header = header_of(file, path)
            pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from None
    return SafetensorsFile(path, header.entries, header.metadata, pages)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], Mapping[str, str]]:
    """All tensors of a safetensors file, mapped, and its metadata; errors as `open_weights`."""
    weights = open_weights(path)
    return {name: weights.get(name) for name in weights.entries}, weights.metadata
