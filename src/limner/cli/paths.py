"""Names of files among a command's words: each is taken as it came, and an empty one is none."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer
from typer.models import ParameterInfo


def named(command: Callable[..., None]) -> None:
    """Let every path among a command's options and arguments be read by `path`."""
    hints = get_type_hints(command, include_extras=True)
    for each in (command, inspect.unwrap(command)):
        each.__annotations__ = hints  # evaluated once: each time makes new options
    for hint in hints.values():
        if get_origin(hint) is not Annotated:
            continue
        kind, *extras = get_args(hint)
        for extra in extras:
            if isinstance(extra, ParameterInfo) and _has_path(kind):
                extra.parser = path


def path(text: str | Path) -> Path:
    """A path that was named; typer's error where it says nothing, which would be this folder."""
    if isinstance(text, Path):
        return text
    if not text.strip() or "\0" in text:
        raise typer.BadParameter(
            f"{text!r} is no name: that of a file or folder is right, and . is this folder"
        )
    return Path(text)


def _has_path(kind: Any) -> bool:
    """Whether a type is Path, or made of it: Path | None, list[Path]."""
    return kind is Path or any(_has_path(each) for each in get_args(kind))
