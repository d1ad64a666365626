"""A tree as a prompt of Compel."""

from __future__ import annotations

import re
from dataclasses import fields

from limner.text.dialects.common import decimal
from limner.text.dialects.compel_elements import MINUS, PLUS
from limner.text.nodes import (
    Blend,
    Conjunction,
    Lora,
    Member,
    Node,
    Nodes,
    Swap,
    SwapLimits,
    Text,
    Weight,
)

MOST_SIGNS = 9  # cat+++++++++; beyond it the number is easier to read
SIMPLE_WORD = re.compile(r"\w+(?:['-]\w+)*")
SPECIAL = re.compile(r'[()"]|\\(?=[()"+\-\\]|$)|[+-](?=[+\-(),."=]|$)')


def write(nodes: Nodes) -> str:
    return _written(nodes)


def _several(node: Blend | Conjunction) -> str:
    members = ", ".join(map(_member, node.members))
    weights = [decimal(member.weight) for member in node.members]
    if isinstance(node, Conjunction):
        return f"({members}).and({', '.join(weights)})"
    weights += [] if node.mean else ["no_normalize"]
    return f"({members}).blend({', '.join(weights)})"


def _member(member: Member) -> str:
    return f'"{_written(member.children)}"'


def _written(nodes: Nodes) -> str:
    return " ".join(filter(None, map(_node, nodes)))


def _node(node: Node) -> str:
    match node:
        case Text(text):
            return " ".join(map(_word, re.findall(r"[^ \t\r\n]+", text)))
        case Weight(factor, children) if isinstance(factor, float):
            return _weight(factor, children)
        case Swap(original, edited, limits):
            options = "".join(f", {name}={value}" for name, value in _options(limits))
            return f'{_bracket(original)}.swap("{_written(edited)}"{options})'
        case Lora(name, text_encoder):
            return f"withLora({name}, {decimal(text_encoder)})"
        case Blend() | Conjunction():
            return _several(node)
    raise TypeError(f"Compel has no {type(node).__name__}: convert the tree first")


def _word(word: str) -> str:
    return SPECIAL.sub(r"\\\g<0>", word)


def _weight(factor: float, children: Nodes) -> str:
    inner = _bracket(children)
    signs = _signs(factor)
    if signs is not None:
        simple = SIMPLE_WORD.fullmatch(inner[1:-1]) is not None
        return f"{inner[1:-1] if simple else inner}{signs}"
    return f"{inner}.attend({decimal(factor)})" if factor < 0 else f"{inner}{decimal(factor)}"


def _signs(factor: float) -> str | None:
    """The pluses or minuses that a factor is."""
    for count in range(1, MOST_SIGNS + 1):
        for base, sign in ((PLUS, "+"), (MINUS, "-")):
            if factor == base**count:
                return sign * count
    return None


def _bracket(nodes: Nodes) -> str:
    return f"({_written(nodes)})"


def _options(limits: SwapLimits) -> list[tuple[str, str]]:
    """The limits that are not the default."""
    default = SwapLimits()
    pairs = [(f.name, getattr(limits, f.name), getattr(default, f.name)) for f in fields(limits)]
    return [(name, decimal(value)) for name, value, usual in pairs if value != usual]
