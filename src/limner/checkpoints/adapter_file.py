"""Reading the small safetensors files that come beside a model: LoRA and textual inversion."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from limner.errors import CheckpointError

MAX_HEADER = 16 * 2**20  # bytes: names and shapes of some 100,000 tensors; a LoRA has 3,000
MAX_FILE = 8 * 2**30


def read_adapter_file(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and the metadata of a safetensors file; never runs code of the file.

    Raises CheckpointError where the file is missing, broken, larger than any adapter, or of
    another format, such as a pickle.
    """
    try:
        with path.open("rb") as file:
            header = int.from_bytes(file.read(8), "little")
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from None
    if path.stat().st_size > MAX_FILE:
        raise CheckpointError(f"{path} is larger than any adapter: at most {MAX_FILE >> 30} GiB")
    if header > MAX_HEADER:
        raise CheckpointError(
            f"{path} is no safetensors file of an adapter: a pickle must be converted first"
        )
    try:
        with safe_open(path, framework="pt") as opened:
            names = opened.keys()
            tensors = {name: opened.get_tensor(name) for name in names}
            return tensors, opened.metadata() or {}
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path} is broken or cut short ({error}): copy it again") from None
