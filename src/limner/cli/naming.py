"""What the pictures of a batch are called: a pattern's names, safe, and no two alike."""

from __future__ import annotations

import re
import string
from pathlib import Path

from limner.cli import files
from limner.errors import RequestError, UsageError
from limner.pipeline.lines import Line
from limner.pipeline.request import Request
from limner.pipeline.statement import FIELDS, STORED

PATTERN = "{index}-{prompt}"
OWN = ("index", "prompt", "name", "number")
LONGEST = 180  # bytes of a name without its number and suffix
UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]+')
DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)  # no names on Windows


class Names:
    """Gives every picture its path; the same lines are given the same paths at every run.

    pattern: text with {index} (the line's place among those that ask for something, from 1),
    {prompt}, {name} (the line's own, else the prompt), {number} (which of the line's pictures, from
    1), or a field of the request such as {seed}; with a suffix of `files.FORMATS`, or as .png.
    A line's own name takes the place of a pattern without {name}.
    Raises UsageError for a pattern that has something else.
    """

    def __init__(self, folder: Path, pattern: str = PATTERN) -> None:
        self.folder = folder
        self.pattern = pattern
        self.fields = _fields_of(pattern)
        self.taken: set[str] = set()
        self.next: dict[str, int] = {}

    def paths(self, index: int, line: Line) -> list[Path]:
        """One path a picture of the line. Raises RequestError where a field has no value."""
        own = line.name is not None and "name" not in self.fields
        pattern = str(line.name).replace("{", "{{").replace("}", "}}") if own else self.pattern
        names = [
            self._name(pattern, index, number, line) for number in range(1, line.request.count + 1)
        ]
        return [self.folder / self._free(*name) for name in names]

    def _name(self, pattern: str, index: int, number: int, line: Line) -> tuple[str, str]:
        """(stem, suffix) that the pattern gives one picture."""
        alone = line.request.alone(number - 1)
        values = {
            "index": f"{index:04}",
            "number": str(number),
            "prompt": files.slug(alone.prompt),
            "name": files.slug(alone.prompt) if line.name is None else line.name,
        }
        values |= {name: _written(alone, name) for name in self.fields if name not in values}
        text = pattern.format(**values)
        suffix = Path(text).suffix
        if suffix.lower() in files.FORMATS:
            return _safe(text.removesuffix(suffix)), suffix
        return _safe(text), ".png"

    def _free(self, stem: str, suffix: str) -> str:
        """The name, or with the next number that no picture here has, whatever its case."""
        key = f"{stem}{suffix}".casefold()
        number = self.next.get(key, 1)
        while True:
            name = files.numbered(Path(f"{stem}{suffix}"), number).name
            number += 1
            if name.casefold() not in self.taken:
                self.taken.add(name.casefold())
                self.next[key] = number
                return name


def _fields_of(pattern: str) -> tuple[str, ...]:
    """What a pattern asks for."""
    known = (*OWN, *(name for name in STORED if FIELDS[name].about.kind.axis))
    try:
        parts = list(string.Formatter().parse(pattern))
    except ValueError as error:
        raise UsageError(f"--pattern {pattern!r}: {error}; {PATTERN} is right") from None
    for literal, field, spec, conversion in parts:
        if UNSAFE.search(literal):
            raise UsageError(f"--pattern {pattern!r}: {literal!r} cannot stand in a file's name")
        if field is not None and (field not in known or spec or conversion):
            raise UsageError(
                f"--pattern {pattern!r}: {{{field}}} is unknown: one of {', '.join(known)} is right"
            )
    return tuple(field for _, field, _, _ in parts if field is not None)


def _written(request: Request, name: str) -> str:
    """A field's value as it stands in a name."""
    value = getattr(request, name)
    if value is None:
        raise RequestError(
            f"the pattern has {{{name}}} and the line says no {name}: the line, or an option for "
            "all lines, gives it"
        )
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _safe(text: str) -> str:
    """A text as the stem of a file's name on every system."""
    name = UNSAFE.sub("-", text).strip(" .-") or "picture"
    name = name.encode()[:LONGEST].decode(errors="ignore").rstrip(" .")
    return f"{name}-" if DEVICES.fullmatch(name.partition(".")[0]) else name
