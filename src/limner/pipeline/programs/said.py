"""What a record of another program says, value by value."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any

from limner.diffusion.elsewhere import comfyui
from limner.diffusion.names import schedule_name
from limner.pipeline.infotext import Infotext, clean
from limner.pipeline.kinds import TOO_DEEP
from limner.pipeline.request import Request
from limner.pipeline.statement import FIELDS
from limner.text.dialect import Dialect

Reader = Callable[[Any], dict[str, Any]]
"""A value of a record -> the fields that it says; ValueError or TypeError where it says none."""

LONGEST = 200  # characters of a value that is told


class Said:
    """The fields of a request that a record says, and what it says beside.

    dialect: whose way of writing prompts the program has. They are read as that has read them, for
    it has painted them.
    """

    def __init__(self, dialect: Dialect) -> None:
        self.fields: dict[str, Any] = {"prompt": "", "negative": ""}
        self.fields |= {"dialect": dialect.value, "lenient": True}
        self.others: dict[str, str] = {}

    def take(self, key: str, value: Any, read: str | Reader) -> None:
        """A value under its key in the record; what no request takes is among the others.

        read: the field that it is, or what reads it.
        """
        if value is None or value == "":
            return
        reader = _as(read) if isinstance(read, str) else read
        try:
            said = reader(value)
            Request(**{**self.fields, **said})
        except (ValueError, TypeError, OverflowError):
            self.tell(key, value)
        else:
            self.fields |= said

    def tell(self, key: str, value: Any) -> None:
        """A value that no field stands for; nothing where it says nothing."""
        if value in (None, "", [], {}, False):
            return
        text = value if isinstance(value, str) else written(value)
        self.others[clean(key)[:LONGEST]] = clean(text)[:LONGEST]

    def rest(self, record: Mapping[str, Any], used: Collection[str]) -> None:
        """What of a record was not used."""
        for key, value in record.items():
            if key not in used:
                self.tell(key, value)

    def infotext(self) -> Infotext:
        return Infotext(fields=self.fields, others=self.others)


def _as(name: str) -> Reader:
    """The reader of a field whose values are spelled as Limner has them; numbers as texts too."""
    field = FIELDS[name]

    def read(value: Any) -> dict[str, Any]:
        if isinstance(value, str) and name not in ("prompt", "negative"):
            value = field.about.kind.read(value.strip())
        elif isinstance(value, str):
            value = clean(value)
        elif isinstance(value, float) and value.is_integer() and name in ("steps", "clip_skip"):
            value = int(value)
        return {name: field.check(value)}

    return read


def sampled(value: Any) -> dict[str, Any]:
    """A sampler of ComfyUI, and of what samples as it does."""
    found = comfyui(str(value))
    said: dict[str, Any] = {} if found.schedule is None else {"schedule": found.schedule}
    said |= {"discard_penultimate": True} if found.discard_penultimate else {}
    return {"solver": found.solver, **said}


def schedule(value: Any) -> dict[str, Any]:
    return {"schedule": schedule_name(str(value))}


def layers_from_end(value: Any) -> dict[str, Any]:
    """Which layer of the text encoder: -1 the last, -2 the one before it."""
    return {"clip_skip": FIELDS["clip_skip"].check(-int(value))}


def written(value: Any) -> str:
    """A value of JSON as JSON; what is nested too deep for that, in a word."""
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return TOO_DEEP


def size(width: Any, height: Any) -> tuple[str, Reader] | None:
    """Both as one value to show and to read."""
    if width is None or height is None:
        return None
    return f"{width}x{height}", lambda _: {
        "size": FIELDS["size"].check((whole(width), whole(height)))
    }


def whole(value: Any) -> int:
    """A whole number of JSON, as a number or as a text."""
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError("this is no whole number")
    return int(value)
