"""Writes a safetensors file tensor by tensor, whole or not at all."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from limner.checkpoints.header import NAMES_OF_DTYPES, Entry
from limner.errors import OutputError
from limner.files import whole_file


def write_weights(
    path: Path,
    entries: Mapping[str, Entry],
    tensor: Callable[[str], Tensor],
    metadata: Mapping[str, str],
) -> None:
    """Write the tensors that `entries` announces; `tensor` is asked for each by name, once.

    So only one of them need be in memory. Raises OutputError.
    """
    # The widest dtypes first: then every tensor begins at a multiple of its own item size.
    names = sorted(entries, key=lambda name: (-entries[name].dtype.itemsize, name))
    try:
        with whole_file(path) as partial, partial.open("wb") as file:
            file.write(_header(names, entries, metadata))
            for name in names:
                file.write(_bytes(tensor(name), entries[name]))
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from None


def _header(names: list[str], entries: Mapping[str, Entry], metadata: Mapping[str, str]) -> bytes:
    fields: dict[str, object] = {"__metadata__": dict(metadata)}
    end = 0
    for name in names:
        entry, start = entries[name], end
        end += math.prod(entry.shape) * entry.dtype.itemsize
        fields[name] = {
            "dtype": NAMES_OF_DTYPES[entry.dtype],
            "shape": list(entry.shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(fields, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


def _bytes(tensor: Tensor, entry: Entry) -> memoryview:
    """The numbers as they lie in the file (little-endian, as every machine that torch runs on)."""
    tensor = tensor.detach().to("cpu", entry.dtype).contiguous()
    if tuple(tensor.shape) != entry.shape:
        raise ValueError(f"announced {entry.shape}, got {tuple(tensor.shape)}")
    return tensor.reshape(-1).view(torch.uint8).numpy().data
