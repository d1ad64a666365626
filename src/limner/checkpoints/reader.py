"""Reads tensors of a file one by one, straight into the dtype and onto the device wanted.

A tensor that has them already stays mapped: it is read when it is used, and never copied.
"""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from limner.checkpoints.header import Entry, opened


@runtime_checkable
class Weights(Protocol):
    """Named tensors that are not in memory yet."""

    @property
    def path(self) -> Path: ...
    @property
    def entries(self) -> Mapping[str, Entry]: ...  # in the order of the file
    @property
    def metadata(self) -> Mapping[str, str]: ...

    def get(
        self, name: str, dtype: torch.dtype | None = None, device: torch.device | str = "cpu"
    ) -> Tensor:
        """One tensor in a dtype (None: the file's own) on a device."""


class SafetensorsFile:
    """A safetensors file that is open and mapped. Made by `open_weights`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file, header = opened(path)
        self.entries, self.metadata = header.entries, header.metadata

    def get(
        self, name: str, dtype: torch.dtype | None = None, device: torch.device | str = "cpu"
    ) -> Tensor:
        mapped: Tensor = self._file.get_tensor(name)
        tensor = mapped.to(device=device, dtype=dtype or mapped.dtype)
        if tensor.data_ptr() != mapped.data_ptr():
            release(mapped)
        return tensor


def release(mapped: Tensor) -> None:
    """Give the pages of a converted tensor back, so that they do not add up."""
    if not hasattr(mmap, "MADV_DONTNEED"):
        return
    first, stop = mapped.data_ptr(), mapped.data_ptr() + mapped.nbytes
    first, stop = -(-first // mmap.PAGESIZE) * mmap.PAGESIZE, stop // mmap.PAGESIZE * mmap.PAGESIZE
    if first < stop:  # whole pages alone: a neighbour may have been written to
        advise = ctypes.CDLL(None).madvise
        advise(ctypes.c_void_p(first), ctypes.c_size_t(stop - first), mmap.MADV_DONTNEED)


def open_weights(path: Path) -> SafetensorsFile:
    """A safetensors file by content, whatever its name; CheckpointError for any other.

    It stays mapped as long as it, or a tensor that was not converted, is in use. The pages are
    private to this process: what is written to a tensor does not reach the file.
    """
    return SafetensorsFile(path)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], Mapping[str, str]]:
    """All tensors of a safetensors file, mapped, and its metadata; errors as `open_weights`."""
    weights = open_weights(path)
    return {name: weights.get(name) for name in weights.entries}, weights.metadata
