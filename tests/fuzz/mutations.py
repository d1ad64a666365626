"""Bytes and JSON that are wrong somewhere, drawn from what is right."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import strategies as st

Edit = tuple[str, float, bytes]
"""(what is done, where from 0 to 1, with which bytes)."""
Change = tuple[int, Any]
"""(which value of a tree, counted in order, what stands in its place)."""

EDITS = ("replace", "insert", "delete", "cut", "repeat")
ODD = (
    None, True, 0, -1, 1, 2**31, 2**63, 2**64, -(2**63), 1e308, -0.0, 0.5, "", " ", "a", "..", "/",
    "\0", "\udc80", "nan", [], [[]], [0], [-1], [2**40], {}, {"": None}, "é猫" * 40, [None, None],
)  # fmt: skip
JSON = st.recursive(
    st.sampled_from(ODD) | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
edits = st.lists(
    st.tuples(st.sampled_from(EDITS), st.floats(0, 1), st.binary(min_size=1, max_size=12)),
    min_size=1, max_size=4,
)  # fmt: skip
changes = st.lists(st.tuples(st.integers(0, 500), JSON), min_size=1, max_size=3)


def edited(data: bytes, done: Sequence[Edit]) -> bytes:
    """The bytes after these edits, one after the other."""
    for kind, where, payload in done:
        place = int(where * len(data))
        before, after = data[:place], data[place:]
        match kind:
            case "replace":
                data = before + payload + after[len(payload) :]
            case "insert":
                data = before + payload + after
            case "delete":
                data = before + after[len(payload) :]
            case "cut":
                data = before
            case "repeat":
                data = before + after[: 8 * len(payload)] * 2 + after
    return data


def changed(tree: Any, done: Sequence[Change]) -> Any:
    """A JSON tree with other values in some places; None in the place of a key leaves it out."""
    tree = json.loads(json.dumps(tree))
    for which, value in done:
        places = list(_places(tree))
        if places:
            holder, key = places[which % len(places)]
            holder[key] = json.loads(json.dumps(value))  # or it would be changed in two places
    return tree


def with_header(data: bytes, done: Sequence[Change]) -> bytes:
    """A safetensors file whose header says other things; its length is right."""
    length = int.from_bytes(data[:8], "little")
    header = changed(json.loads(data[8 : 8 + length]), done)
    text = json.dumps(header).encode("utf-8", "surrogatepass")
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a tree: what holds it, and its key there."""
    keys = range(len(tree)) if isinstance(tree, list) else tree if isinstance(tree, dict) else ()
    for key in list(keys):
        yield tree, key
        yield from _places(tree[key])
