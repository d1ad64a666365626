"""Files that are written whole or not at all: a crash leaves the last save as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import torch

from limner.errors import TrainingError
from limner.files import remove_partial, whole_file


def write_whole(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file beside `path`, on the disk before it takes the path's place.

    Raises TrainingError where it cannot be written; what was at `path` is then still there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_partial(path)
        with whole_file(path) as partial, partial.open("wb") as file:
            write(file)
    except (OSError, RuntimeError) as error:
        raise TrainingError(
            f"{path} cannot be written ({error}): free some space; the last save is kept"
        ) from error


def load_state(path: Path, *, mapped: bool = False) -> dict[str, Any]:
    """A saved training state, on the CPU, without running any code of the file.

    mapped: its tensors stay on the disk until they are looked at.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except Exception as error:
        raise TrainingError(f"{path} is not a readable training state: {error}") from error
