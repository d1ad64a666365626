"""The header of a safetensors file: what it is, how large it may be, and what each tensor is.

safetensors parses it and checks every claim against the file before memory is taken for any tensor.
What is added here are bounds, and words for whoever gave a file that is something else.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import torch
from safetensors import SafetensorError, safe_open

from limner.errors import CheckpointError

Shape = tuple[int, ...]

# The largest checkpoints in circulation have 0.4 MB of header, 3,000 tensors and 14 GB.
MOST_HEADER_BYTES = 8 << 20
MOST_TENSORS = 20_000
MOST_BYTES = 64 << 30
MOST_DIMENSIONS = 8

# fmt: off
DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2, "F8_E8M0": torch.float8_e8m0fnu,
    "F8_E4M3FNUZ": torch.float8_e4m3fnuz, "F8_E5M2FNUZ": torch.float8_e5m2fnuz,
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
    """What the header says of one tensor."""

    dtype: torch.dtype
    shape: Shape

    @property
    def count(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True, kw_only=True)
class Header:
    entries: Mapping[str, Entry]
    metadata: Mapping[str, str]


def read_header(path: Path) -> Header:
    """The checked header of a safetensors file; CheckpointError says what else a file is."""
    return opened(path)[1]


def opened(path: Path) -> tuple[Any, Header]:
    """The file as safetensors opens it, mapped, and its header; errors as `read_header`."""
    try:
        if not path.is_file():
            raise CheckpointError(f"{path} is missing, or no file")
        with path.open("rb") as file:
            claimed = _claimed_tensors(file, path)
        weights = safe_open(path, framework="pt")
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from None
    except SafetensorError as error:
        broken(path, shown_text(str(error).removeprefix("Error while deserializing header: ")))
    names = weights.offset_keys()  # as they follow each other in the file
    entries = {name: _entry(name, weights.get_slice(name), path) for name in names}
    if len(entries) != claimed:
        broken(path, "a name stands twice in its header")
    return weights, Header(entries=entries, metadata=weights.metadata() or {})


def _claimed_tensors(file: BinaryIO, path: Path) -> int:
    """How many tensors the header speaks of; what is too large or no such file is refused.

    8 bytes of length, then so much JSON {name: {dtype, shape, data_offsets}}, then the tensors.
    """
    size = os.fstat(file.fileno()).st_size
    begin = file.read(32)
    length = struct.unpack("<Q", begin[:8])[0] if len(begin) > 8 else 0
    if not _is_header(begin) or length > MOST_HEADER_BYTES:
        _refuse_other_kinds(begin, length, path)
    if not 2 <= length <= size - 8:
        broken(path, f"its header should have {length} bytes, the file has {size}")
    if size > MOST_BYTES:
        raise CheckpointError(f"{path} has {size:,} bytes; {MOST_BYTES:,} is the most")
    file.seek(8)
    claimed = file.read(length).count(b'"data_offsets"')
    if claimed > MOST_TENSORS:
        raise CheckpointError(f"{path} has {claimed:,} tensors; {MOST_TENSORS:,} is the most")
    return claimed


def _entry(name: str, slice_: Any, path: Path) -> Entry:
    """What a tensor is, where torch has such a one."""
    kind, shape = slice_.get_dtype(), tuple(slice_.get_shape())
    if kind not in DTYPES:
        raise CheckpointError(
            f"{path}: tensor {shown([name])} has dtype {kind}; known are {', '.join(DTYPES)}"
        )
    if len(shape) > MOST_DIMENSIONS:
        broken(path, f"tensor {shown([name])} has {len(shape)} dimensions")
    return Entry(dtype=DTYPES[kind], shape=shape)


def kind_by_content(path: Path) -> str | None:
    """What a file is that is no safetensors file, by its first bytes; None: not known."""
    with path.open("rb") as file:
        begin = file.read(32)
    return None if _is_header(begin) else _kind(begin)


def broken(path: Path, what: str) -> NoReturn:
    raise CheckpointError(f"{path} is broken or cut short ({what}): copy it again")


def shown(names: Iterable[str], most: int = 2) -> str:
    """The first names of a file for a message; the file may have put anything into them."""
    first = [ascii(name[:100]) for name in sorted(names)[:most]]
    return f"[{', '.join(first)}]"


def shown_text(text: str) -> str:
    """A message that may quote the file, in one short line of plain letters."""
    return ascii(text[:160])[1:-1]


def _is_header(begin: bytes) -> bool:
    """Whether JSON follows the length, after blanks that some programs write first."""
    return begin[8:].lstrip(b" \t\r\n")[:1] == b"{"


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
    if _is_header(begin):
        raise CheckpointError(
            f"{path} says its header has {length:,} bytes; {MOST_HEADER_BYTES:,} is the most"
        )
    broken(path, "it does not begin like a safetensors file")
