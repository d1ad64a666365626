"""The header of a safetensors file: parsed, checked, and nothing else read.

8 bytes of length, then so much JSON {name: {dtype, shape, data_offsets}}, then the tensors. Every
claim of the JSON is checked against the file before memory is taken for any tensor.
"""

from __future__ import annotations

import json
import math
import os
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import torch

from limner.errors import CheckpointError

Shape = tuple[int, ...]

# The largest checkpoints in circulation have 0.4 MB of header, 3,000 tensors and 14 GB.
MOST_HEADER_BYTES = 8 << 20
MOST_TENSORS = 20_000
MOST_BYTES = 64 << 30
MOST_BRACKETS = 10 * MOST_TENSORS  # lists and objects; a tensor needs three, metadata has some
MOST_DIMENSIONS = 8

# fmt: off
DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8,
    "U64": torch.uint64, "U32": torch.uint32, "U16": torch.uint16, "U8": torch.uint8,
    "BOOL": torch.bool, "C64": torch.complex64,
}
NAMES_OF_DTYPES = {dtype: name for name, dtype in DTYPES.items()}

# What other files begin with; the first two hold Python that would run.
PICKLE, ARCHIVE = "a pickle", "a PyTorch file (a pickle in a zip)"
BEGINNINGS = (
    (b"PK\x03\x04", ARCHIVE), (b"\x80\x02", PICKLE), (b"\x80\x03", PICKLE),
    (b"\x80\x04", PICKLE), (b"\x80\x05", PICKLE), (b"GGUF", "a GGUF file"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself"),
    (b"<!DOCTYPE", "a web page"), (b"<!doctype", "a web page"), (b"<html", "a web page"),
    (b"\x89PNG", "a picture"), (b"\x93NUMPY", "a NumPy array"),
)
# fmt: on


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What the header says of one tensor; start and stop are bytes from the file's beginning."""

    dtype: torch.dtype
    shape: Shape
    start: int = 0
    stop: int = 0

    @property
    def count(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True, kw_only=True)
class Header:
    entries: Mapping[str, Entry]
    metadata: Mapping[str, str]


def read_header(path: Path) -> Header:
    """The checked header of a safetensors file; CheckpointError says what else a file is."""
    try:
        if not path.is_file():
            raise CheckpointError(f"{path} is missing, or no file")
        with path.open("rb") as file:
            return header_of(file, path)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from None


def header_of(file: BinaryIO, path: Path) -> Header:
    """As `read_header`, of an open file."""
    size = os.fstat(file.fileno()).st_size
    begin = file.read(32)
    length = struct.unpack("<Q", begin[:8])[0] if len(begin) > 8 else 0
    if begin[8:9] != b"{" or length > MOST_HEADER_BYTES:
        _refuse_other_kinds(begin, length, path)
    if not 2 <= length <= size - 8:
        broken(path, f"its header should have {length} bytes, the file has {size}")
    if size > MOST_BYTES:
        raise CheckpointError(f"{path} has {size:,} bytes; {MOST_BYTES:,} is the most")
    file.seek(8)
    text = file.read(length)
    claimed = text.count(b'"data_offsets"')
    if claimed > MOST_TENSORS:
        raise CheckpointError(f"{path} has {claimed:,} tensors; {MOST_TENSORS:,} is the most")
    fields = _parse(text, path)
    metadata = _metadata(fields.pop("__metadata__", {}), path)
    entries = {name: _entry(name, field, 8 + length, path) for name, field in fields.items()}
    _check_places(entries.values(), 8 + length, size, path)
    return Header(entries=entries, metadata=metadata)


def kind_by_content(path: Path) -> str | None:
    """What a file is that is no safetensors file, by its first bytes; None: not known."""
    with path.open("rb") as file:
        begin = file.read(32)
    return None if begin[8:9] == b"{" else _kind(begin)


def broken(path: Path, what: str) -> NoReturn:
    raise CheckpointError(f"{path} is broken or cut short ({what}): copy it again")


def shown(names: Iterable[str], most: int = 2) -> str:
    """The first names of a file for a message; the file may have put anything into them."""
    first = [ascii(name[:100]) for name in sorted(names)[:most]]
    return f"[{', '.join(first)}]"


def _kind(begin: bytes) -> str | None:
    return next((kind for start, kind in BEGINNINGS if begin.startswith(start)), None)


def _refuse_other_kinds(begin: bytes, length: int, path: Path) -> NoReturn:
    kind = _kind(begin)
    if kind in (PICKLE, ARCHIVE):
        raise CheckpointError(
            f"{path} is {kind}, which can run code when opened: "
            f"limner convert {path.name} NEW.safetensors --from-pickle makes a safe file of it"
        )
    if kind is not None:
        raise CheckpointError(f"{path} is {kind}: a safetensors file is right")
    if begin[8:9] == b"{":
        raise CheckpointError(
            f"{path} says its header has {length:,} bytes; {MOST_HEADER_BYTES:,} is the most"
        )
    broken(path, "it does not begin like a safetensors file")


def _parse(text: bytes, path: Path) -> dict[str, Any]:
    if text.count(b"[") + text.count(b"{") > MOST_BRACKETS:
        broken(path, f"its header has more than {MOST_BRACKETS:,} lists and objects")
    try:
        fields = json.loads(text, object_pairs_hook=_without_repeats, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        broken(path, f"its header is not JSON: {str(error)[:80]!a}")
    if not isinstance(fields, dict):
        broken(path, "its header is no JSON object")
    return fields


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a name stands there twice")
    return fields


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _metadata(value: Any, path: Path) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        broken(path, "its metadata is not text by name")
    return value


def _entry(name: str, field: Any, begin: int, path: Path) -> Entry:
    """One tensor's claim, checked in itself."""
    field = field if isinstance(field, dict) else {}
    shape, offsets = field.get("shape"), field.get("data_offsets")
    if not (_whole(shape) and len(shape) <= MOST_DIMENSIONS and _whole(offsets)):
        broken(path, f"tensor {shown([name])} has no shape or place")
    dtype = DTYPES.get(str(field.get("dtype")))
    if dtype is None:
        kind = str(field.get("dtype"))[:20]
        raise CheckpointError(
            f"{path}: tensor {shown([name])} has dtype {kind!a}; known are {', '.join(DTYPES)}"
        )
    if len(offsets) != 2 or offsets[1] - offsets[0] != math.prod(shape) * dtype.itemsize:
        broken(path, f"tensor {shown([name])} of shape {shape} is at {offsets}")
    start, stop = offsets
    return Entry(dtype=dtype, shape=tuple(shape), start=begin + start, stop=begin + stop)


def _whole(values: Any) -> bool:
    return isinstance(values, list) and all(
        type(value) is int and 0 <= value < 1 << 48 for value in values
    )


def _check_places(entries: Iterable[Entry], begin: int, size: int, path: Path) -> None:
    """The tensors must follow each other without overlap or gap, to the end of the file."""
    end = begin
    for entry in sorted(entries, key=lambda entry: (entry.start, entry.stop)):
        if entry.start != end:
            what = "overlap" if entry.start < end else "leave a gap"
            broken(path, f"two tensors {what} at byte {entry.start}")
        end = entry.stop
    if end != size:
        broken(path, f"its tensors end at byte {end}, the file at {size}")
