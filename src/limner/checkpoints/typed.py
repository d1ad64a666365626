"""JSON held against the types of what is made of it: a wrong value is told, not met later."""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Mapping
from typing import Any, get_args, get_origin, get_type_hints

from limner.errors import CheckpointError

SHOWN = 60  # characters of a wrong value that an error shows
SAID = {
    int: "a whole number", float: "a number", bool: "true or false", str: "text",
    tuple: "a list", Mapping: "an object",
}  # fmt: skip


def check_typed(values: Any, of: type, where: str) -> None:
    """Raise CheckpointError where a field of JSON's values has another type than the class says.

    of: a dataclass or TypedDict. Names that it has not are left to whoever reads them.
    """
    if not isinstance(values, Mapping):
        raise CheckpointError(f"{where} is {_shown(values)}: an object is right")
    for name, hint in get_type_hints(of).items():
        if name in values and not fits(values[name], hint):
            raise CheckpointError(
                f"{where} sets {name} to {_shown(values[name])}: {_right(hint)} is right"
            )


def fits(value: Any, hint: Any) -> bool:
    """Whether a JSON value can stand for a type; of a class of our own, whether it is an object.

    What has been made of one fits too: the class's own, tuples for lists.
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return any(fits(value, each) for each in arguments)
    if hint is Any:
        return True
    if hint in (None, type(None)):
        return value is None
    if hint is float:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return number and abs(value) < 2**1000 and math.isfinite(value)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
    if hint in (bool, str):
        return isinstance(value, hint)
    if origin is tuple:
        return isinstance(value, (list, tuple)) and _each_fits(value, arguments)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return isinstance(value, Mapping) and all(fits(v, arguments[1]) for v in value.values())
    if origin is not None:
        return True
    if typing.is_typeddict(hint):
        hints = get_type_hints(hint)
        return isinstance(value, Mapping) and all(
            name in hints and fits(each, hints[name]) for name, each in value.items()
        )
    return isinstance(value, (Mapping, hint))


def _each_fits(values: Any, hints: tuple[Any, ...]) -> bool:
    if len(hints) == 2 and hints[1] is Ellipsis:
        return all(fits(each, hints[0]) for each in values)
    return len(values) == len(hints) and all(map(fits, values, hints))


def _right(hint: Any) -> str:
    known = [each for each in (*get_args(hint), hint, get_origin(hint)) if each in SAID]
    return SAID[known[-1]] if known else "an object"


def _shown(value: Any) -> str:
    return repr(value)[:SHOWN]
