"""A tree as a prompt of A1111."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from limner.text.dialects.a1111_brackets import DOWN, UP
from limner.text.dialects.common import decimal
from limner.text.nodes import (
    Alternate,
    And,
    Break,
    Embedding,
    Lora,
    Member,
    Node,
    Nodes,
    Schedule,
    Tag,
    Text,
    Weight,
    every,
)

SPECIAL = r"[\\()\[\]#]|<(?=\w+:)|\bAND\b|\bBREAK\b"
IN_BRACKETS = re.compile(rf"{SPECIAL}|[:|]")
OUTSIDE = re.compile(rf"{SPECIAL}|:(?=\s*[+-]?[.\d]+\s*$)")  # not `:n` that is no weight
BESIDE_TIMED = re.compile(rf"{OUTSIDE.pattern}|\|")  # a bare bar undoes them, read leniently


def write(nodes: Nodes) -> str:
    if len(nodes) != 1 or not isinstance(nodes[0], And):
        return _outside(nodes)
    *others, last = nodes[0].members
    return "AND".join([*(_member(member, space=" ") for member in others), _member(last)])


def _member(member: Member, space: str = "") -> str:
    """A member and its weight. space: what keeps the word AND behind it apart."""
    text = _outside(member.children)
    if member.weight == 1 and (not space or text[-1:].isspace()):
        return text
    return f"{text}:{decimal(member.weight)}{space}"


def _outside(nodes: Nodes) -> str:
    timed = any(isinstance(node, Schedule | Alternate) for node in every(nodes))
    return _written(nodes, BESIDE_TIMED if timed else OUTSIDE)


def _written(nodes: Nodes, special: re.Pattern[str]) -> str:
    pieces: list[str] = []
    after_break = False
    for is_text, run in groupby(nodes, lambda node: isinstance(node, Text | Lora | Tag)):
        if is_text:
            pieces.append(_run(list(run), special, after_break))
        else:
            pieces += map(_node, run)
        after_break = pieces[-1] == BREAK
    return "".join(pieces)


BREAK = " BREAK "


def _node(node: Node) -> str:
    match node:
        case Break():
            return BREAK
        case Weight():
            return _weight(node)
        case Schedule():
            return _schedule(node)
        case Alternate(options=options):
            return f"[{'|'.join(map(_inner, options))}]"
        case Embedding():
            return node.word
    raise TypeError(f"A1111 has no {type(node).__name__}: convert the tree first")


def _inner(nodes: Nodes) -> str:
    return _written(nodes, IN_BRACKETS)


def _weight(node: Weight) -> str:
    inner = _inner(node.children)
    if isinstance(node.factor, Schedule | Alternate):
        return f"({inner}:{_node(node.factor)})"
    if node.factor == DOWN:
        return f"[{inner}]"
    return f"({inner})" if node.factor == UP else f"({inner}:{decimal(node.factor)})"


def _schedule(node: Schedule) -> str:
    until = decimal(node.until)
    if node.fraction and "." not in until:
        until += ".0"
    before = f"{_inner(node.before)}:" if node.before else ""
    after = _inner(node.after)
    return f"[{before}{after}:{until}]"


def _run(nodes: Sequence[Node], special: re.Pattern[str], after_break: bool) -> str:
    """Texts and the tags among them; escapes are needed as if the tags were not there."""
    texts = [node.text if isinstance(node, Text) else "" for node in nodes]
    whole = "".join(texts)
    escaped = {match.start() for match in special.finditer(whole)}
    if after_break and whole[:1].isspace():
        escaped.add(0)
    pieces, position = [], 0
    for node, text in zip(nodes, texts, strict=True):
        places = range(position, position + len(text))
        pieces += [f"\\{whole[i]}" if i in escaped else whole[i] for i in places]
        pieces.append(_tag(node))
        position += len(text)
    return "".join(pieces)


def _tag(node: Node) -> str:
    match node:
        case Tag(name=name, arguments=arguments):
            return f"<{name}:{arguments}>"
        case Lora():
            strengths = [decimal(node.text_encoder), decimal(node.unet)]
            by_position = any("=" not in other for other in node.others)
            if strengths[0] == strengths[1] and not by_position:
                strengths.pop()
            return f"<{':'.join(['lora', node.name, *strengths, *node.others])}>"
    return ""
