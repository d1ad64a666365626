r"""The dialect of ComfyUI.

(x) 1.1 times the weight around it    (x:n) the weight n, whatever is around it
\( a bracket as text    embedding:name a textual inversion

Square brackets, BREAK and AND are text. Where this differs from the original: a bracket without
its partner is text by itself, and a weight that is not finite is an error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from limner.errors import PromptError
from limner.text.dialects.common import DEEPEST, decimal, number, too_deep
from limner.text.nodes import Embedding, Node, Nodes, Text, Weight, joined

UP = 1.1
TOKEN = re.compile(
    r"""
      (?P<escaped>   \\[()] )
    | (?P<open>      \( )
    | (?P<close>     \) )
    | (?P<embedding> \bembedding:(?P<name>[^\s,():\\]+) )
    | (?P<text>      [^\\()e]+ | . )
    """,
    re.VERBOSE | re.DOTALL,
)
NUMBER = re.compile(r"\s*[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|inf|infinity|nan)\s*", re.IGNORECASE)
SPECIAL = re.compile(r"[()]")


@dataclass
class Frame:
    start: int = 0
    nodes: list[Node] = field(default_factory=list)


def read(prompt: str, lenient: bool = False, negative: bool = False) -> Nodes:
    tokens = list(TOKEN.finditer(prompt))
    paired = _paired(tokens)
    frames = [Frame()]
    for index, token in enumerate(tokens):
        if index not in paired:
            frames[-1].nodes.append(_leaf(token))
        elif token["open"]:
            frames.append(Frame(token.start()))
            if len(frames) > DEEPEST + 1:
                raise too_deep(prompt, token.span())
        else:
            frame = frames.pop()
            frames[-1].nodes.append(_weight(frame, token.end(), prompt, lenient))
    return joined(frames[0].nodes)


def _paired(tokens: list[re.Match[str]]) -> set[int]:
    """The brackets that have a partner, by their numbers among the tokens."""
    paired: set[int] = set()
    waiting: list[int] = []
    for index, token in enumerate(tokens):
        if token["open"]:
            waiting.append(index)
        elif token["close"] and waiting:
            paired |= {waiting.pop(), index}
    return paired


def _leaf(token: re.Match[str]) -> Node:
    if token["embedding"]:
        return Embedding(token["name"], token.span())
    return Text(token[0][-1] if token["escaped"] else token[0], token.span())


def _weight(frame: Frame, stop: int, prompt: str, lenient: bool) -> Weight:
    """What a bracket holds, and its weight: the last colon counts."""
    place = (frame.start, stop)
    nodes = joined(frame.nodes)
    last = nodes[-1] if nodes else None
    if not isinstance(last, Text) or ":" not in last.text:
        return Weight(UP, nodes, place=place)
    text, _, written = last.text.rpartition(":")
    factor = _factor(written, prompt, (stop - 1 - len(written), stop - 1), lenient)
    if factor is None:
        return Weight(UP, nodes, place=place)
    shorter = Text(text, last.place and (last.place[0], stop - 2 - len(written)))
    return Weight(factor, (*nodes[:-1], *([shorter] if text else [])), sets=True, place=place)


def _factor(written: str, prompt: str, place: tuple[int, int], lenient: bool) -> float | None:
    if NUMBER.fullmatch(written) is None:
        return None
    try:
        return number(written, prompt, place)
    except PromptError:
        if not lenient:
            raise
        return None


def write(nodes: Nodes) -> str:
    """A backslash before a bracket would take it for text: a space keeps them apart."""
    pieces = [""]
    for node in nodes:
        apart = isinstance(node, Weight) and pieces[-1].endswith("\\")
        pieces += [" " if apart else "", _written(node)]
    return "".join(pieces)


def _written(node: Node) -> str:
    match node:
        case Text(text):
            return SPECIAL.sub(r"\\\g<0>", text)
        case Embedding(name):
            return f"embedding:{name}"
        case Weight(factor, children, sets) if isinstance(factor, float):
            inner = write(children)
            if sets:
                return f"({inner}:{decimal(factor)})"
            return f"({inner} )" if inner.endswith("\\") else f"({inner})"
    raise TypeError(f"ComfyUI has no {type(node).__name__}: convert the tree first")
