"""Kinds of values that are made of several: sizes, sides, lists."""

from __future__ import annotations

import re
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from limner.errors import RequestError
from limner.pipeline.kinds import Kind, Number, Text

SIDES = ("left", "top", "right", "bottom")


@dataclass(frozen=True, kw_only=True)
class Size(Kind):
    """(width, height) in pixels, of at most so many in all."""

    most: int
    right: str = "(width, height), two whole numbers of pixels,"
    written: str = "WIDTHxHEIGHT in pixels"
    metavar: str = "WxH"

    def check(self, name: str, value: Any) -> tuple[int, int]:
        numbers = _whole_numbers(value, 2)
        if numbers is None:
            raise self.wrong(name, value)
        width, height = numbers
        if min(numbers) < 1:
            raise RequestError(
                f"{name} is {numbers}: two positive numbers are right, width x height"
            )
        if width * height > self.most:
            raise RequestError(
                f"{name} is {numbers}: width x height of at most {self.most} is right"
            )
        return width, height

    def schema(self) -> dict[str, Any]:
        side = {"type": "integer", "minimum": 1, "maximum": self.most}
        return {"type": "array", "items": side, "minItems": 2, "maxItems": 2}

    def read(self, text: str) -> tuple[int, int]:
        return size_named(text)


@dataclass(frozen=True, kw_only=True)
class Sides(Kind):
    """(left, top, right, bottom) in pixels, none of them negative and not all of them 0."""

    right: str = "(left, top, right, bottom), four whole numbers of pixels,"
    metavar: str = "left=N,..."
    axis: bool = False

    def check(self, name: str, value: Any) -> tuple[int, int, int, int]:
        numbers = _whole_numbers(value, 4)
        if numbers is None:
            raise self.wrong(name, value)
        left, top, right, bottom = numbers
        if not min(numbers) >= 0 < max(numbers):
            raise RequestError(
                f"{name} is {numbers}: pixels at the left, top, right and bottom are right, "
                "none of them negative and not all of them 0"
            )
        return left, top, right, bottom

    def schema(self) -> dict[str, Any]:
        """The least of what is not negative; that not all are 0 is said by `contains`."""
        side = {"type": "integer", "minimum": 0}
        some = {"type": "integer", "exclusiveMinimum": 0}
        return {"type": "array", "items": side, "minItems": 4, "maxItems": 4, "contains": some}

    def read(self, text: str) -> tuple[int, int, int, int]:
        return sides_named(text)


@dataclass(frozen=True, kw_only=True)
class Texts(Kind):
    """Some texts."""

    right: str = "a list of texts"
    axis: bool = False

    def check(self, name: str, value: Any) -> tuple[str, ...]:
        if not isinstance(value, (list, tuple)):
            raise self.wrong(name, value)
        return tuple(Text().check(name, each) for each in value)

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": {"type": "string"}}


@dataclass(frozen=True, kw_only=True)
class Weighted(Kind):
    """Some names, each with a weight."""

    right: str = "a list of pairs, a name and a weight each,"
    axis: bool = False

    def check(self, name: str, value: Any) -> tuple[tuple[str, float], ...]:
        if not isinstance(value, (list, tuple)):
            raise self.wrong(name, value)
        if not all(isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in value):
            raise self.wrong(name, value)
        return tuple(
            (Text().check(name, each), Number().check(f"{name}: the weight", weight))
            for each, weight in value
        )

    def schema(self) -> dict[str, Any]:
        pair = [{"type": "string"}, Number().schema()]
        items = {"type": "array", "prefixItems": pair, "minItems": 2, "maxItems": 2}
        return {"type": "array", "items": items}


def size_named(text: str) -> tuple[int, int]:
    """(width, height) of "128x96", or of "128" for a square. Raises RequestError for others."""
    match = re.fullmatch(r"(\d{1,9})(?:[xX](\d{1,9}))?", text.strip())
    if match is None:
        raise RequestError(f"size {text!r}: write WIDTHxHEIGHT in pixels, as 128x96, or one number")
    width, height = match[1], match[2]
    return int(width), int(width if height is None else height)


def sides_named(text: str) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of "left=64,top=32"; those that are not named are 0."""
    found = dict.fromkeys(SIDES, 0)
    for part in text.split(","):
        side, _, pixels = part.strip().partition("=")
        if side not in found or not pixels.isdecimal():
            raise RequestError(
                f"extend {text!r}: write pixels of {', '.join(SIDES)}, as left=64,top=32"
            )
        found[side] = int(pixels)
    left, top, right, bottom = found.values()
    return left, top, right, bottom


def _whole_numbers(value: Any, count: int) -> tuple[int, ...] | None:
    """So many whole numbers of a list or tuple; None where it is something else."""
    if not isinstance(value, (list, tuple)) or len(value) != count:
        return None
    if any(isinstance(each, bool) or not isinstance(each, Integral) for each in value):
        return None
    return tuple(int(each) for each in value)
