"""Files that are written whole or not at all: a crash leaves the last save as it was."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import torch

from limner.errors import TrainingError


def write_whole(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file beside `path`, on the disk before it takes the path's place.

    Raises TrainingError where it cannot be written; what was at `path` is then still there.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except (OSError, RuntimeError) as error:
        raise TrainingError(
            f"{path} cannot be written ({error}): free some space; the last save is kept"
        ) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def load_state(path: Path) -> dict[str, Any]:
    """A saved training state, on the CPU, without running any code of the file."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise TrainingError(f"{path} is not a readable training state: {error}") from error
