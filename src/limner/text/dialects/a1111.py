r"""The dialect of AUTOMATIC1111's web UI.

(x) 1.1    [x] 1/1.1    (x:n) n    \( a bracket as text    BREAK a new chunk    # a comment
[a:b:w] a, then b    [b:w] nothing, then b    [a::w] a, then nothing    [x|y] in turn
a :1.2 AND b :0.5    <lora:name:text_encoder:unet>    <anything:else>

Where this differs from the original: a bracket keeps the BREAK in it, a schedule that cannot be
read is an error and not text, and `:n` at the end of a prompt is its weight only beside an AND.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from limner.errors import PromptError
from limner.text.change import changed
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
    return _breaks_as_text(nodes) if any(isinstance(n, Break) for n in every(nodes)) else nodes


def _breaks_as_text(nodes: Nodes) -> Nodes:
    """The original takes a BREAK within an emphasis for text."""
    return tuple(map(_without_breaks, nodes))


def _without_breaks(node: Node) -> Node:
    match node:
        case Weight(children=children):
            return replace(node, children=changed(children, _text_for_break))
        case Schedule(before=before, after=after):
            return replace(node, before=_breaks_as_text(before), after=_breaks_as_text(after))
        case Alternate(options=options):
            return replace(node, options=tuple(map(_breaks_as_text, options)))
    return node


def _text_for_break(node: Node) -> Nodes:
    return (Text("BREAK", node.place),) if isinstance(node, Break) else (node,)
