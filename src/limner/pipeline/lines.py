"""Requests as lines of text: a prompt a line, or a JSON object with the fields of a request.

    a red apple, 3d
    # a comment; blank lines say nothing either
    {"prompt": "a cat", "seed": 7, "steps": 10, "name": "my-cat"}

A line that begins with { is JSON, and one that begins with # a comment: a prompt that begins so is
written as JSON. "name" is no field of a request: it says what the picture's file is called. Lines
are UTF-8, a byte order mark and Windows' line ends are taken.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from limner.errors import RequestError
from limner.pipeline.kinds import Text
from limner.pipeline.request import Request

NAME = "name"
MAX_LINE = 2**20  # bytes
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
SIXTEEN_BITS = (b"\xff\xfe", b"\xfe\xff")  # how UTF-16 begins


@dataclass(frozen=True, kw_only=True)
class Line:
    """What one line asks for.

    number: from 1. asked: the fields that the line itself gives. name: of the picture's file.
    request: these and what holds for all lines.
    """

    number: int
    request: Request
    asked: Mapping[str, Any]
    name: str | None = None


def read_lines(
    lines: Iterable[bytes], common: Mapping[str, Any] | None = None
) -> Iterator[Line | RequestError]:
    """Each line's request, or the error that names the line; the lines after it are read on.

    lines: of a file that is open for bytes. common: fields of the lines that do not give them.
    """
    for number, raw in enumerate(lines, 1):
        try:
            text = _decoded(raw, first=number == 1)
            if text and not text.startswith("#"):
                yield _line(number, text, common or {})
        except RequestError as error:
            yield RequestError(f"line {number}: {error}")


def _decoded(raw: bytes, *, first: bool) -> str:
    """The text of a line without what stands around it."""
    if first and raw.startswith(SIXTEEN_BITS):
        raise RequestError("this is UTF-16, or no text: a file in UTF-8 is right")
    if len(raw) > MAX_LINE:
        raise RequestError(f"longer than {MAX_LINE} bytes")
    if first:
        raw = raw.removeprefix(BYTE_ORDER_MARK)
    try:
        return raw.decode().strip()
    except UnicodeDecodeError as error:
        raise RequestError(
            f"byte {error.start + 1} is no UTF-8: a file in UTF-8 is right"
        ) from None


def _line(number: int, text: str, common: Mapping[str, Any]) -> Line:
    asked = _object(text) if text.startswith("{") else {"prompt": text}
    name = asked.pop(NAME, None)
    if name is not None:
        Text().check(NAME, name)
        if not name.strip():
            raise RequestError("name is empty: a name is right, or none")
    request = Request.from_values({**_without_contradiction(common, asked), **asked})
    return Line(number=number, request=request, asked=asked, name=name)


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text, object_pairs_hook=_once)
    except RequestError:
        raise
    except (ValueError, RecursionError) as error:
        raise RequestError(
            f"begins with {{ and is no JSON ({str(error)[:80]}): an object on one line is right; "
            'a prompt that begins so is written {"prompt": "{..."}'
        ) from None
    return dict(found)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys differ: of two values one would be lost without a word."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, _ in pairs if [k for k, _ in pairs].count(key) > 1)
        raise RequestError(f"{twice[:40]!r} is given twice")
    return found


def _without_contradiction(common: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """What holds for all lines without what goes with a field that this line takes back."""
    kept = dict(common)
    if asked.get("variation_strength") == 0:
        kept.pop("variation_seed", None)
    if "upscale" in asked and asked["upscale"] is None:
        kept.pop("refine", None)
    return kept
