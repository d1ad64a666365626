"""Files and folders that appear whole or not at all; the lines of a text.

What is written is written beside its place, then put there.
"""

from __future__ import annotations

import glob
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

PARTIAL = ".partial"
_places = count()


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Where to write a file; it takes the place of `path` when it is finished, and is on the disk.

    If the block fails, or is killed, what was at `path` is still there. OSError as the file system
    raises it.
    """
    with _beside(Path(path)) as partial:
        yield partial
        _to_the_disk(partial)
        partial.replace(path)


@contextmanager
def whole_folder(path: str | Path, *, replacing: bool = False) -> Iterator[Path]:
    """As `whole_file`, of a folder that does not exist yet while it is written.

    replacing: what stands at `path` goes; otherwise OSError where anything but an empty folder
    stands there.
    """
    path = Path(path)
    with _beside(path) as partial:
        yield partial
        for file in partial.rglob("*"):
            if file.is_file():
                _to_the_disk(file)
        if replacing and path.exists():
            with _beside(path, ".replaced") as before:
                path.replace(before)
                partial.replace(path)
        else:
            partial.replace(path)


@contextmanager
def _beside(path: Path, ending: str = PARTIAL) -> Iterator[Path]:
    """A free place beside a path, which is empty again after the block."""
    place = path.with_name(f".{path.name}.{os.getpid()}.{next(_places)}{ending}")
    _remove(place)
    try:
        yield place
    finally:
        _remove(place)


def remove_partial(path: Path) -> None:
    """Remove what a process that was killed left beside `path`; nobody may be writing it now."""
    for place in path.parent.glob(f".{glob.escape(path.name)}.*{PARTIAL}"):
        _remove(place)


def lines_of(text: str) -> list[str]:
    """The lines of a text: a line feed alone ends one, before it a carriage return may stand.

    `str.splitlines` ends them at U+2028, U+0085 and others too, which are letters of a text.
    """
    return [line.removesuffix("\r") for line in text.split("\n")]


def _to_the_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _remove(place: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place, ignore_errors=True)
    else:
        place.unlink(missing_ok=True)


def cache_folder() -> Path:
    """Where what was built is kept: $LIMNER_CACHE, $XDG_CACHE_HOME/limner or ~/.cache/limner."""
    if "LIMNER_CACHE" in os.environ:
        return Path(os.environ["LIMNER_CACHE"])
    if "XDG_CACHE_HOME" in os.environ:
        return Path(os.environ["XDG_CACHE_HOME"]) / "limner"
    return Path.home() / ".cache" / "limner"
