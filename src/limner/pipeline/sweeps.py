"""Requests that differ along one axis or two: what a sheet compares.

>>> [[cell.guidance for cell in row] for row in sweep(Request(prompt="a cat"), ["guidance=1..3"])]
[[1.0, 2.0, 3.0]]
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, NamedTuple

from limner.errors import UsageError
from limner.pipeline import kinds
from limner.pipeline.kinds import Kind
from limner.pipeline.painter import Painter
from limner.pipeline.request import Request
from limner.pipeline.resolve import resolve
from limner.pipeline.script import trees
from limner.pipeline.statement import FIELDS, STORED
from limner.prompt import Dialect, Node, Text, Weight, parse
from limner.text.nodes import Nodes

MOST_CELLS = 400
WEIGHT, WORD = "weight", "word"  # of a word of the prompt, and what stands in its place
NUMBER = r"[-+]?(?:\d+(?:\.\d+)?|\.\d+)"
RANGE = re.compile(rf"\s*({NUMBER})\.\.({NUMBER})(?::({NUMBER}))?\s*")


@dataclass(frozen=True, kw_only=True)
class Axis:
    """What varies along one side of a sheet.

    name: a field of `Request`, or "weight:WORD" or "word:WORD" of a word of the prompt.
    values: in the order in which they are shown.
    """

    name: str
    values: tuple[Any, ...]

    @property
    def word(self) -> str | None:
        """The word of the prompt that changes; None where a field does."""
        _, colon, word = self.name.partition(":")
        return word.strip() if colon else None

    def label(self, value: Any) -> str:
        """A value as a person reads it: "guidance 2", "red 0.5", "noto"."""
        if isinstance(value, tuple):
            value = "x".join(map(str, value))
        text = f"{value:g}" if isinstance(value, float) else str(value) or "(nothing)"
        if self.name == "prompt" or self.name.startswith(f"{WORD}:"):
            return text
        return f"{self.word or self.name} {text}"


def sweep(
    request: Request, axes: Sequence[str | Axis], *, dialect: str = Dialect.A1111.value
) -> list[list[Request]]:
    """Rows of requests: the first axis runs to the right, the second down.

    axes: or texts such as "guidance=1,2,4,8", as `axis` reads them. dialect: how the prompt is read
    where a word of it changes and the request says no dialect.
    Raises UsageError for other than one or two axes and for more than 400 cells, RequestError for
    a value out of its range, PromptError for a prompt that cannot be read.
    """
    across, *down = checked(axes)
    rows = [[(axis, value)] for axis in down for value in axis.values] or [[]]
    return [
        [_cell(request, [*row, (across, value)], dialect) for value in across.values]
        for row in rows
    ]


def checked(axes: Sequence[str | Axis]) -> list[Axis]:
    """The axes of a sheet, read. Raises UsageError as `sweep` does."""
    if not 1 <= len(axes) <= 2:
        raise UsageError(
            f"{len(axes)} axes: a sheet has one, to the right, or two, the second down"
        )
    found = [each if isinstance(each, Axis) else axis(each) for each in axes]
    if len({each.name for each in found}) < len(found):
        raise UsageError(f"both axes are {found[0].name}: put all its values on one")
    count = len(found[0].values) * len(found[-1].values if len(found) > 1 else (None,))
    if count > MOST_CELLS:
        raise UsageError(f"{count} pictures are more than {MOST_CELLS}: give fewer values")
    return found


class Settled(NamedTuple):
    """Requests that can be painted. notes: what the person should know of how they were read."""

    rows: list[list[Request]]
    notes: tuple[str, ...]


def settled(painter: Painter, rows: Sequence[Sequence[Request]]) -> Settled:
    """The requests with the model's defaults and one seed for all that have none.

    Raises RequestError or PromptError where one of them cannot be painted, before any is.
    """
    every = [cell for row in rows for cell in row]
    drawn = painter.complete(next((c for c in every if c.variation_strength > 0), every[0]))
    notes = dict[str, None]()

    def settle(cell: Request) -> Request:
        cell = cell.with_defaults(seed=drawn.seed)
        if cell.variation_strength > 0:
            cell = cell.with_defaults(variation_seed=drawn.variation_seed)
        cell, said = resolve(cell, painter.model)
        notes.update(dict.fromkeys(said))
        trees(cell.prompt, cell.negative, str(cell.dialect), lenient=cell.lenient)
        return cell

    return Settled([[settle(cell) for cell in row] for row in rows], tuple(notes))


def axis(text: str) -> Axis:
    """An axis from "guidance=1,2,4,8", "seed=0..3", "weight:red=0..2:0.5", "word:cat=dog,fox".

    A range has both its ends, in steps of 1 or of what stands behind the colon, up or down. Texts
    with commas in them go in double quotes: 'prompt="a cat, 3d","a dog, 3d"'.
    Raises UsageError where there is no such field, or a value is none that it takes.
    """
    name, equals, values = (part.strip() for part in text.partition("="))
    if not equals:
        raise UsageError(f"{text!r} is no axis: write FIELD=VALUES, as guidance=1,2,4 or seed=0..3")
    kind = _kind_of(name)
    try:
        pieces = next(csv.reader([values], skipinitialspace=True, strict=True), [])
    except csv.Error as error:
        raise UsageError(f"{name}: quotes do not match in {values} ({error})") from None
    if kind.option in (int, float):
        pieces = [number for piece in pieces for number in _numbers(name, piece)]
    if not pieces:
        raise UsageError(f"{name} has no values: write {name}=FIRST,SECOND,...")
    return Axis(name=name, values=tuple(_value(name, kind, piece.strip()) for piece in pieces))


def fields_of_axes() -> dict[str, Kind]:
    """Field of `Request` -> what its values are, for every field that an axis can vary.

    Those are all whose values can be written as text, but for `count`: a cell is one picture.
    """
    said = {name: FIELDS[name].about.kind for name in STORED if name != "count"}
    return {name: kind for name, kind in said.items() if kind.axis}


def _kind_of(name: str) -> Kind:
    """What is taken of an axis's values. Raises UsageError where there is no such axis."""
    prefix, colon, word = name.partition(":")
    if colon and prefix in (WEIGHT, WORD):
        if not word.strip():
            raise UsageError(f"{name} names no word: write {prefix}:WORD, a word of the prompt")
        return kinds.Number() if prefix == WEIGHT else kinds.Text()
    known = fields_of_axes()
    if name not in known:
        others = f"{', '.join(known)}, {WEIGHT}:WORD or {WORD}:WORD"
        raise UsageError(f"{name!r} cannot be an axis: one of {others} is right")
    return known[name]


def _numbers(name: str, piece: str) -> Iterator[str]:
    """The numbers of a range, ends included; another piece as it is."""
    match = RANGE.fullmatch(piece)
    if match is None:
        yield piece
        return
    first, last, step = (Decimal(1 if part is None else part) for part in match.groups())
    if step <= 0:
        raise UsageError(f"{name}={piece}: a step above 0 is right; the ends say up or down")
    steps = abs(last - first) // step
    if steps >= MOST_CELLS:
        raise UsageError(f"{name}={piece}: it has more than {MOST_CELLS} values: give fewer")
    direction = 1 if last >= first else -1
    for index in range(int(steps) + 1):
        yield format((first + direction * index * step).normalize(), "f")


def _value(name: str, kind: Kind, text: str) -> Any:
    try:
        return kind.read(text)
    except ValueError:
        raise UsageError(f"{name} cannot be {text!r}: {kind.written} is right") from None


def _cell(request: Request, chosen: Sequence[tuple[Axis, Any]], dialect: str) -> Request:
    """The request with its place on every axis; fields first, together, then the prompt's words."""
    fields = {axis.name: value for axis, value in chosen if axis.word is None}
    request = replace(request, **fields)
    for axis, value in chosen:
        if axis.word is not None:
            request = replace(request, prompt=_reworded(request, axis, value, dialect))
    return request


def _reworded(request: Request, axis: Axis, value: Any, dialect: str) -> str:
    """The prompt with a weight on a word, or with another in its place, wherever it stands."""
    assert axis.word is not None
    tree = parse(request.prompt, request.dialect or dialect, request.lenient)
    weighs = axis.name.startswith(f"{WEIGHT}:")
    if weighs and tree.dialect is Dialect.PLAIN:
        raise UsageError(f"{axis.name}: plain prompts have no weights: another dialect is right")
    word = re.compile(rf"(?<!\w)({re.escape(axis.word)})(?!\w)", re.IGNORECASE)
    found = 0

    def change(node: Node) -> Nodes:
        nonlocal found
        if not isinstance(node, Text):
            return (node,)
        found += len(word.findall(node.text))
        if not weighs:
            return (Text(word.sub(lambda _: value, node.text)),)
        texts = enumerate(word.split(node.text))  # every second one is the word
        sets = tree.dialect is Dialect.COMFY
        return tuple(Weight(value, (Text(t),), sets) if n % 2 else Text(t) for n, t in texts)

    changed = str(tree.changed(change))
    if not found:
        raise UsageError(f"{axis.name}: {axis.word!r} is not in the prompt {request.prompt!r}")
    return changed
