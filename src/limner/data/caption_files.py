"""Which pictures a folder has, and the captions that lie beside them or in one file for all."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from limner.errors import DataError
from limner.files import lines_of

PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"})
CAPTION_SUFFIXES = (".txt", ".caption")  # in any case; the first that is there
COLUMNS = ("text", "caption")  # of a file for all; the first that says something

Item = tuple[str, Path, tuple[str, ...]]
"""What a picture is called, its file, and its captions."""


def captioned_files(folder: Path, skipped: list[str]) -> Iterator[Item]:
    """Each picture of a folder with its captions; what cannot be read goes into `skipped`.

    A `metadata.jsonl`, else a `metadata.csv`, with the fields `file_name` and `text` or `caption`
    says which pictures there are. Otherwise all in the folder and the folders in it are, but for
    hidden ones, each with a file of its name that ends in .txt or .caption beside it, one caption
    a line. DataError where a file for all cannot be read.
    """
    for name, rows in ROWS.items():
        if (folder / name).exists():
            return _from_rows(folder / name, rows, skipped)
    return _from_text_files(folder, skipped)


def _json_rows(text: str) -> Iterator[tuple[int, Callable[[], Any]]]:
    for number, line in enumerate(lines_of(text), start=1):
        if line.strip():
            yield number, partial(json.loads, line)


def _csv_rows(text: str) -> Iterator[tuple[int, Callable[[], Any]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey="")
    for row in reader:
        yield reader.line_num, partial(dict, row)


ROWS = {"metadata.jsonl": _json_rows, "metadata.csv": _csv_rows}
"""How the files for all are read: the number of each line, and what makes a row of it."""


def _from_rows(
    path: Path,
    rows: Callable[[str], Iterator[tuple[int, Callable[[], Any]]]],
    skipped: list[str],
) -> Iterator[Item]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as UTF-8 text: {error}") from error
    for number, read in rows(text):
        try:
            name, caption = _said(read())
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            skipped.append(f"{path.name} line {number}: not a line with file_name: {error}")
            continue
        yield name, path.parent / name, (caption,)


def _said(row: Mapping[str, Any]) -> tuple[str, str]:
    """The picture and the caption of a row."""
    name, texts = row["file_name"], [row.get(column) or "" for column in COLUMNS]
    if not all(isinstance(text, str) for text in (name, *texts)):
        raise TypeError("file_name, text and caption must be strings")
    return name, next(filter(None, texts), "")


def _from_text_files(folder: Path, skipped: list[str]) -> Iterator[Item]:
    files = [path for path in sorted(folder.rglob("*")) if _is_seen(path, folder)]
    captions: dict[Path, Path] = {}
    for suffix in CAPTION_SUFFIXES:
        for path in files:
            if path.suffix.lower() == suffix:
                captions.setdefault(path.with_suffix(""), path)
    for path in files:
        if path.suffix.lower() not in PICTURE_SUFFIXES:
            continue
        name, words = str(path.relative_to(folder)), captions.get(path.with_suffix(""))
        try:
            text = "" if words is None else words.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            assert words is not None
            skipped.append(f"{name}: its caption {words.name} is no UTF-8 text: {error}")
            continue
        yield name, path, tuple(lines_of(text))


def _is_seen(path: Path, folder: Path) -> bool:
    """Whether a path is a file, and neither it nor a folder on the way to it is hidden."""
    parts = path.relative_to(folder).parts
    return path.is_file() and not any(part.startswith(".") for part in parts)
