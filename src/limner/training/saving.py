"""Training states that are written whole or not at all, and held whole when they are read."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import torch

from limner.errors import TrainingError
from limner.files import remove_partial, whole_file

try:
    import fcntl
except ImportError:  # Windows has no such locks
    fcntl = None  # type: ignore[assignment]

STATE = "state.pt"
BEFORE = "state-before.pt"


def write_whole(
    path: Path, write: Callable[[IO[bytes]], object], *, before: Path | None = None
) -> None:
    """Write a file beside `path`, on the disk before it takes the path's place.

    before: what then has the file that was at `path`. Raises TrainingError where it cannot be
    written; what was at `path` is then still there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_partial(path)
        with whole_file(path) as partial:
            with partial.open("wb") as file:
                write(file)
            if before is not None and path.exists():
                _also_as(path, before)
    except (OSError, RuntimeError) as error:
        raise TrainingError(
            f"{path} cannot be written ({error}): free some space; the last save is kept"
        ) from error


def save_state(folder: Path, state: dict[str, Any]) -> None:
    """Write a training's state into its folder; the one before it stays there as `BEFORE`."""
    write_whole(folder / STATE, lambda file: torch.save(state, file), before=folder / BEFORE)


@contextmanager
def claimed(folder: Path, rank: int = 0) -> Iterator[None]:
    """Make a folder this training's own while the block runs, and make it where it is missing.

    rank: of several processes of one training the first claims it for all. Whatever ends the
    process lets go of it. Raises TrainingError where another process, or another training of this
    one, has it; where a file system knows no such claims, nothing is held.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if fcntl is None or rank:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TrainingError(
                f"{folder} is being trained in by another process: let that end, or name another "
                "folder"
            ) from None
        except OSError:  # no such claims here
            pass
        yield
    finally:
        os.close(handle)


def holds_state(folder: Path) -> bool:
    """Whether a training was saved in a folder."""
    return any((folder / name).exists() for name in (STATE, BEFORE))


def load_state(folder: Path, *, mapped: bool = False) -> dict[str, Any] | None:
    """A training's saved state, on the CPU, without running any code of the file; None: no state.

    mapped: its tensors stay on the disk until they are looked at. Raises TrainingError where it is
    damaged or gone; the one before it is named there, if that is whole.
    """
    path, before = folder / STATE, folder / BEFORE
    try:
        return read_state(path, mapped=mapped)
    except FileNotFoundError:
        if not before.exists():
            return None
        wrong = f"{path} is missing"
    except TrainingError as error:
        wrong = str(error)
    try:
        step = read_state(before)["step"]
    except (OSError, TrainingError, KeyError):
        raise TrainingError(wrong) from None
    raise TrainingError(
        f"{wrong}; the save before it, of step {step}, is whole: name {before} {path.name}, and "
        "--resume goes on from there"
    )


def read_state(path: Path, *, mapped: bool = False) -> dict[str, Any]:
    """The state in one file; TrainingError where any of its bytes is not what was written."""
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged is not None:
            raise ValueError(f"{damaged} in it is damaged")
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
        if not isinstance(state, dict):
            raise ValueError("it holds no state")
        return state
    except FileNotFoundError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise TrainingError(f"{path} is not a readable training state: {reason}") from error


def _also_as(path: Path, other: Path) -> None:
    """Let a file be found under another name too; the file there before is let go."""
    place = other.with_name(f".{other.name}.partial")
    place.unlink(missing_ok=True)
    try:
        os.link(path, place)
    except OSError:  # a file system without hard links
        shutil.copyfile(path, place)
    place.replace(other)
    with suppress(OSError):  # two names of one file are left as they are
        place.unlink(missing_ok=True)
