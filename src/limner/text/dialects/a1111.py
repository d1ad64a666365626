r"""The dialect of AUTOMATIC1111's web UI.

(x) 1.1    [x] 1/1.1    (x:n) n    \( a bracket as text    BREAK a new chunk    # a comment
[a:b:w] a, then b    [b:w] nothing, then b    [a::w] a, then nothing    [x|y] in turn
a :1.2 AND b :0.5    <lora:name:text_encoder:unet>    <anything:else>

Where this differs from the original: a bracket keeps the BREAK in it, a schedule that cannot be
read is an error and not text, and `:n` at the end of a prompt is its weight only beside an AND.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from limner.errors import PromptError
from limner.text.dialects.a1111_brackets import Brackets
from limner.text.dialects.a1111_source import Source
from limner.text.dialects.a1111_writing import write
from limner.text.dialects.common import number
from limner.text.nodes import (
    Alternate,
    And,
    Break,
    Member,
    Node,
    Nodes,
    Schedule,
    Text,
    Weight,
    every,
)

__all__ = ["read", "write"]

AND = re.compile(r"\\.|\bAND\b", re.DOTALL)
MEMBER_WEIGHT = re.compile(r":\s*([+-]?[.\d]+)\s*")


def read(prompt: str, lenient: bool = False, negative: bool = False) -> Nodes:
    """Comments out, tags out, members apart, then the brackets of each."""
    source = Source.of(prompt, lenient)
    ranges = [(0, len(source.text))] if negative else list(_split(source.text))
    if len(ranges) == 1 and (negative or not lenient):
        return _nodes(source, *ranges[0], len(source.text), lenient)
    members = tuple(_member(source, start, stop, lenient) for start, stop in ranges)
    if len(members) == 1 and members[0].weight == 1:
        return members[0].children
    return (And(members, (0, len(prompt))),)


def _split(text: str) -> Iterator[tuple[int, int]]:
    """The ranges between the ANDs."""
    start = 0
    for match in AND.finditer(text):
        if match[0] == "AND":
            yield start, match.start()
            start = match.end()
    yield start, len(text)


def _member(source: Source, start: int, stop: int, lenient: bool) -> Member:
    """A member and the weight `:n` at its end."""
    place = source.place(start, stop)
    found = _weight_at_end(source, start, stop, lenient)
    if found is None:
        return Member(_nodes(source, start, stop, stop, lenient), place=place)
    return Member(_nodes(source, start, found.stop, stop, lenient), found.weight, place)


@dataclass(frozen=True)
class _WeightAtEnd:
    weight: float
    stop: int  # where the text before it ends


def _weight_at_end(source: Source, start: int, stop: int, lenient: bool) -> _WeightAtEnd | None:
    colon = source.text.rfind(":", start, stop)
    match = MEMBER_WEIGHT.fullmatch(source.text, colon, stop) if colon >= 0 else None
    if match is None or _escaped(source.text, colon):
        return None
    try:
        weight = number(match[1], source.prompt, source.place(*match.span(1)))
    except PromptError:
        if not lenient:
            raise
        return None
    return _WeightAtEnd(weight, start + len(source.text[start:colon].rstrip()))


def _escaped(text: str, position: int) -> bool:
    before = text[:position]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def _nodes(source: Source, start: int, stop: int, end: int, lenient: bool) -> Nodes:
    """The brackets of a member. end: where the member ends, with its weight."""
    if not lenient:
        return Brackets(source, start, stop, end).read()
    try:
        nodes = Brackets(source, start, stop, end, lenient=True).read()
    except PromptError:  # the original takes the whole for text, but for its emphasis
        nodes = Brackets(source, start, stop, end, lenient=True, schedules=False).read()
    return _breaks_weighted(nodes) if any(isinstance(n, Break) for n in every(nodes)) else nodes


def _breaks_weighted(nodes: Nodes, factor: float = 1.0) -> Nodes:
    """A BREAK is a text of weight -1 to the original, and a break only where that is its weight.

    factor: that of the brackets around.
    """
    return tuple(_break_weighted(node, factor) for node in nodes)


def _break_weighted(node: Node, factor: float) -> Node:
    match node:
        case Break(place) if factor != 1:
            return Weight(-1.0, (Text("BREAK", place),), place=place)
        case Weight(factor=float(own), children=children):
            return replace(node, children=_breaks_weighted(children, own * factor))
        case Weight(children=children):  # the numbers of a schedule, none of which is 1 for long
            return replace(node, children=_breaks_weighted(children, math.nan))
        case Schedule(before=before, after=after):
            before, after = (_breaks_weighted(held, factor) for held in (before, after))
            return replace(node, before=before, after=after)
        case Alternate(options=options):
            held = (_breaks_weighted(option, factor) for option in options)
            return replace(node, options=tuple(held))
    return node
