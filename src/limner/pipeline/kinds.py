"""What the value of a field can be: its check, its JSON schema, and how it is written as text.

A kind takes what Python and JSON give alike (a list for a tuple, numpy's numbers for plain ones)
and gives back what a `Request` keeps; it turns no text into a number. All of it is light to import:
the command line makes its help from it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from numbers import Integral, Real
from typing import Any

from limner.errors import RequestError

LARGEST = 1e37  # number that a field takes: fp32 holds little more
SHOWN = 80  # characters of a wrong value that an error shows
TOO_DEEP = "nested too deep to be shown"  # what JSON may be that was read all the same


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What a field takes.

    right: what would be right, as an error says it. metavar: the same in a word, for the help of an
    option. option: the type that the command line reads it as. axis: whether one text stands for
    one value, so that the values of a sheet's axis can be listed. written: what is right there.
    """

    right: str = ""
    written: str = "text"
    metavar: str = ""
    option: type = str
    axis: bool = True

    def check(self, name: str, value: Any) -> Any:
        """The value as a request keeps it. Raises RequestError, which names the field."""
        raise NotImplementedError

    def schema(self) -> dict[str, Any]:
        """The JSON schema (draft 2020-12) of what `check` takes out of JSON."""
        raise NotImplementedError

    def read(self, text: str) -> Any:
        """The value that a text stands for. Raises ValueError where it is none."""
        return text

    def stored(self, value: Any) -> Any:
        """What JSON holds of a value."""
        return value

    def wrong(self, name: str, value: Any) -> RequestError:
        """The error for another value."""
        return RequestError(f"{name} is {shown(value)}: {self.right} is right")


def shown(value: Any, most: int = SHOWN) -> str:
    """A wrong value as an error shows it, in so many characters at most."""
    try:
        text = str(value) if isinstance(value, Real) else repr(value)
    except RecursionError:
        text = TOO_DEEP
    return text[:most]


@dataclass(frozen=True, kw_only=True)
class Text(Kind):
    """Any text that Unicode has, of at most so many characters."""

    right: str = "text"
    metavar: str = "TEXT"
    most: int | None = None

    def check(self, name: str, value: Any) -> str:
        if not isinstance(value, str):
            raise self.wrong(name, value)
        if self.most is not None and len(value) > self.most:
            raise RequestError(f"{name} has {len(value)} characters: at most {self.most} are right")
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise RequestError(
                f"{name} is no Unicode text at character {error.start + 1}"
            ) from None
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "string"} | ({} if self.most is None else {"maxLength": self.most})


@dataclass(frozen=True, kw_only=True)
class Truth(Kind):
    """True or false."""

    right: str = "true or false"
    written: str = "true or false"
    option: type = bool

    def check(self, name: str, value: Any) -> bool:
        if not isinstance(value, bool):
            raise self.wrong(name, value)
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}

    def read(self, text: str) -> bool:
        truths = {"true": True, "false": False}
        if text.lower() not in truths:
            raise ValueError(self.right)
        return truths[text.lower()]


@dataclass(frozen=True, kw_only=True)
class Whole(Kind):
    """A whole number from `least` to `most`."""

    least: int = 0
    most: int
    written: str = "a whole number"
    metavar: str = "NUMBER"
    option: type = int

    def check(self, name: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, Integral):
            raise self.wrong(name, value)
        number = int(value)
        if not self.least <= number <= self.most:
            raise self.wrong(name, value)
        return number

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.least, "maximum": self.most}

    def read(self, text: str) -> int:
        return int(text)

    def wrong(self, name: str, value: Any) -> RequestError:
        return Kind(right=f"a whole number from {self.least} to {self.most}").wrong(name, value)


@dataclass(frozen=True, kw_only=True)
class Number(Kind):
    """A number, from `least` on and up to `most` where these are given, else as far as a picture's
    numbers can be reckoned with in fp32."""

    least: float | None = None
    most: float | None = None
    written: str = "a finite number"
    metavar: str = "NUMBER"
    option: type = float

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the most."""
        least = -LARGEST if self.least is None else self.least
        return least, LARGEST if self.most is None else self.most

    def check(self, name: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, Real):
            raise self.wrong(name, value)
        try:
            number = float(value)
        except OverflowError:
            raise self.wrong(name, value) from None
        least, most = self.bounds
        if not math.isfinite(number) or (self.least is not None and number < least):
            raise self.wrong(name, value)
        if not least <= number <= most:
            raise Kind(right=f"a number from {least:g} to {most:g}").wrong(name, value)
        return number

    def schema(self) -> dict[str, Any]:
        least, most = self.bounds
        return {"type": "number", "minimum": least, "maximum": most}

    def read(self, text: str) -> float:
        number = float(text)
        if not math.isfinite(number):
            raise ValueError("it is not finite")
        return number

    def wrong(self, name: str, value: Any) -> RequestError:
        if self.least is None:
            right = "a finite number"
        elif self.most is None:
            right = (
                f"a number of at least {self.least:g}" if self.least else "a number of 0 or more"
            )
        else:
            right = f"a number from {self.least:g} to {self.most:g}"
        return Kind(right=right).wrong(name, value)


@dataclass(frozen=True, kw_only=True)
class Choice(Kind):
    """One of some names; a member of an Enum stands for its value."""

    names: tuple[str, ...]
    metavar: str = "NAME"

    def check(self, name: str, value: Any) -> str:
        value = value.value if isinstance(value, Enum) else value
        if not isinstance(value, str):
            raise self.wrong(name, value)
        if value not in self.names:
            raise RequestError(
                f"{name} {value[:SHOWN]!r} is unknown: one of {', '.join(self.names)} is right"
            )
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.names)}

    def wrong(self, name: str, value: Any) -> RequestError:
        return Kind(right=f"one of {', '.join(self.names)}").wrong(name, value)


@dataclass(frozen=True, kw_only=True)
class Among(Kind):
    """One of some whole numbers."""

    numbers: tuple[int, ...]
    written: str = "a whole number"
    option: type = int

    def check(self, name: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, Integral) or value not in self.numbers:
            raise self.wrong(name, value)
        return int(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "enum": list(self.numbers)}

    def read(self, text: str) -> int:
        return int(text)

    def wrong(self, name: str, value: Any) -> RequestError:
        return Kind(right=" or ".join(map(str, self.numbers))).wrong(name, value)


@dataclass(frozen=True, kw_only=True)
class Named(Kind):
    """A name of which other programs have other spellings.

    names: Limner's own. find: the own name of any spelling, RequestError for an unknown one.
    """

    names: tuple[str, ...]
    find: Callable[[str], str]
    right: str = "a name"
    metavar: str = "NAME"

    def check(self, name: str, value: Any) -> str:
        value = value.value if isinstance(value, Enum) else value
        if not isinstance(value, str):
            raise self.wrong(name, value)
        return self.find(value)

    def schema(self) -> dict[str, Any]:
        """Own names are examples and no enum: other spellings are taken as well."""
        return {"type": "string", "examples": list(self.names)}


@dataclass(frozen=True, kw_only=True)
class Instance(Kind):
    """A value that no text can hold: one of a class, whose module is imported when it is met."""

    module: str
    name: str

    def check(self, name: str, value: Any) -> Any:
        if not isinstance(value, getattr(import_module(self.module), self.name)):
            raise self.wrong(name, value)
        return value


PICTURE = Instance(module="PIL.Image", name="Image", right="a PIL picture")


@dataclass(frozen=True, kw_only=True)
class Pictured(Text):
    """A picture, or a text that stands for one; JSON and the command line have the text alone."""

    right: str = "a PIL picture, or text,"

    def check(self, name: str, value: Any) -> Any:
        if isinstance(value, str):
            return super().check(name, value)
        try:
            return PICTURE.check(name, value)
        except RequestError:
            raise self.wrong(name, value) from None

    def stored(self, value: Any) -> str | None:
        return value if isinstance(value, str) else None
