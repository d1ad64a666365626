"""The one door for pickles (.ckpt, .pt, .bin): tensors and plain containers, nothing else.

torch's `weights_only` reader builds what its allow-list names and calls nothing. A file is checked
before it, for what could fill the memory, and its tensors after it.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from limner.checkpoints.header import ARCHIVE, MOST_BYTES, MOST_TENSORS, PICKLE, Entry, shown
from limner.checkpoints.header import kind_by_content as kind_of
from limner.checkpoints.reader import Weights, open_weights
from limner.checkpoints.textual_inversion import PLACEHOLDERS
from limner.errors import CheckpointError


class Inert:
    """Stands for a class that a training's own notes in a file name; it holds and does nothing."""


class Parameters:
    """Stands for PyTorch's ParameterDict, in which LDM's textual inversions hold their vectors."""

    tensors: Mapping[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        held = state.get("_parameters") if isinstance(state, dict) else None
        self.tensors = dict(held) if isinstance(held, dict) else {}


# Stable Diffusion 1.4 as released names this class beside its weights.
INERT: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    (Inert, "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint"),
    (Parameters, "torch.nn.modules.container.ParameterDict"),
    (Inert, "lightning.pytorch.callbacks.model_checkpoint.ModelCheckpoint"),
]
SHARED = (
    2  # tensors may lie in one storage: all of them have at most so many times the file's bytes
)


class PickledWeights:
    """The tensors of a pickle. Made by `open_pickle`."""

    def __init__(self, path: Path, tensors: Mapping[str, Tensor]) -> None:
        self.path = path
        self.entries = {
            name: Entry(dtype=tensor.dtype, shape=tuple(tensor.shape))
            for name, tensor in tensors.items()
        }
        self.metadata: Mapping[str, str] = {}
        self._tensors = tensors

    def get(
        self, name: str, dtype: torch.dtype | None = None, device: torch.device | str = "cpu"
    ) -> Tensor:
        tensor = self._tensors[name].detach()
        return tensor.to(device=device, dtype=dtype or tensor.dtype, copy=True).contiguous()


def open_any(path: Path, *, pickles: bool) -> Weights:
    """A safetensors file or, only where `pickles` says so, a pickle: by content, not by name."""
    if pickles and path.is_file() and kind_of(path) in (PICKLE, ARCHIVE):
        return open_pickle(path)
    return open_weights(path)


def open_pickle(path: Path) -> PickledWeights:
    """The tensors of a checkpoint; those under `state_dict` where it has one.

    Raises CheckpointError for a file that holds anything that is not a tensor, number, text or
    plain container, or whose tensors are larger than the file.
    """
    zipped = kind_of(path) == ARCHIVE
    _check_size(path, zipped=zipped)
    try:
        with torch.serialization.safe_globals(INERT):
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except Exception as error:  # a broken pickle can raise anything
        reason = " ".join(str(error).split())[:120]
        raise CheckpointError(
            f"{path} holds more than tensors, or is broken, and is not opened: {reason!a}"
        ) from None
    tensors = _tensors(content, path)
    _check_tensors(tensors, path)
    return PickledWeights(path, tensors)


def _check_size(path: Path, *, zipped: bool) -> None:
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise CheckpointError(f"{path} has {size:,} bytes; {MOST_BYTES:,} is the most")
    if not zipped:
        return
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise CheckpointError(f"{path} is broken or cut short ({error}): copy it again") from None
    if any("/code/" in member.filename for member in members):  # as OpenAI released CLIP
        raise CheckpointError(
            f"{path} is a TorchScript program, which opening would run: a file of its tensors "
            "alone is right, such as OpenCLIP's of the same model"
        )
    if sum(member.file_size for member in members) > size:  # PyTorch does not compress
        raise CheckpointError(f"{path} is a compressed zip, which no PyTorch file is")


def _tensors(content: Any, path: Path) -> dict[str, Tensor]:
    """Name -> tensor; whatever else stands beside them is left out."""
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds no tensors by name")
    vectors = content.get("string_to_param")
    if isinstance(vectors, Parameters):
        vectors = vectors.tensors
    if isinstance(vectors, dict):  # a textual inversion: {"*": vectors}, and the word it teaches
        name = content.get("name")
        word = name if isinstance(name, str) and name not in PLACEHOLDERS else path.stem
        return {str(word): tensor for tensor in vectors.values() if isinstance(tensor, Tensor)}
    inner = content.get("state_dict")
    named = inner if isinstance(inner, dict) else content
    tensors = {str(name): value for name, value in named.items() if isinstance(value, Tensor)}
    if not tensors:
        raise CheckpointError(f"{path} holds no tensors by name")
    return tensors


def _check_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    if len(tensors) > MOST_TENSORS:
        raise CheckpointError(f"{path} has {len(tensors):,} tensors; {MOST_TENSORS:,} is the most")
    odd = [
        name
        for name, tensor in tensors.items()
        if tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_meta
    ]
    if odd:
        raise CheckpointError(f"{path}: {shown(odd)} are no plain tensors")
    total = sum(math.prod(tensor.shape) * tensor.itemsize for tensor in tensors.values())
    if total > SHARED * path.stat().st_size:
        raise CheckpointError(f"{path}: its tensors claim {total:,} bytes, more than the file has")
