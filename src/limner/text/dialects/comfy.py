r"""The dialect of ComfyUI.

(x) 1.1 times the weight around it    (x:n) the weight n, whatever is around it
\( a bracket as text    embedding:name a textual inversion

Square brackets, BREAK and AND are text. Where this differs from the original, unless `lenient`: a
bracket without its partner is text by itself, a bracket may hold a weight alone, and a weight that
is not finite is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import isfinite

from limner.text.dialects.common import DEEPEST, decimal, number, too_deep
from limner.text.nodes import Embedding, Node, Nodes, Text, Weight, joined

UP = 1.1
TOKEN = re.compile(
    r"""
      (?P<escaped>   \\[()] )
    | (?P<open>      \( )
    | (?P<close>     \) )
    | (?P<embedding> \bembedding:(?P<name>(?:[^\s,():\\]|\\(?![()]))+) )
    | (?P<text>      (?: [^\\()e]++ | e(?!mbedding:) )++ | . )
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
    if lenient:
        return _as_the_original(prompt, tokens, len(prompt))
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
            frames[-1].nodes.append(_weight(frame, token.end(), prompt))
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


def _leaf(token: re.Match[str], stop: int | None = None) -> Node:
    """What a token says, of its text as far as `stop`."""
    start, end = token.span()
    whole, end = stop is None or end <= stop, end if stop is None else min(end, stop)
    if token["embedding"] and whole:
        return Embedding(token["name"], (start, end))
    return Text(token[0][-1] if token["escaped"] else token[0][: end - start], (start, end))


def _weight(frame: Frame, stop: int, prompt: str) -> Weight:
    """What a bracket holds, and its weight: the last colon counts."""
    place = (frame.start, stop)
    nodes = joined(frame.nodes)
    last = nodes[-1] if nodes else None
    if not isinstance(last, Text) or ":" not in last.text:
        return Weight(UP, nodes, place=place)
    text, _, written = last.text.rpartition(":")
    if NUMBER.fullmatch(written) is None:
        return Weight(UP, nodes, place=place)
    factor = number(written, prompt, (stop - 1 - len(written), stop - 1))
    shorter = Text(text, last.place and (last.place[0], stop - 2 - len(written)))
    return Weight(factor, (*nodes[:-1], *([shorter] if text else [])), sets=True, place=place)


def _as_the_original(
    prompt: str, tokens: Sequence[re.Match[str]], stop: int, depth: int = 0
) -> Nodes:
    """What the original makes of some tokens, whether their brackets have partners or not.

    stop: where their text ends, which may be within the last.
    """
    nodes: list[Node] = []
    for group in _cut(tokens):
        first, last = group[0], group[-1]
        if not (first["open"] and last["close"]):
            nodes += (_leaf(token, stop) for token in group)
        elif depth < DEEPEST:
            nodes.append(_bracket(prompt, group, depth))
        else:
            raise too_deep(prompt, first.span())
    return joined(nodes)


def _cut(tokens: Sequence[re.Match[str]]) -> Iterator[Sequence[re.Match[str]]]:
    """Texts and brackets, as the original cuts them: where as many have closed as have opened.

    A closer without an opener counts as well, so that the brackets behind it are text until an
    opener without a closer has made up for it.
    """
    begun, open_now = 0, 0
    for index, token in enumerate(tokens):
        if token["open"]:
            if open_now == 0 and begun < index:
                yield tokens[begun:index]
                begun = index
            open_now += 1
        elif token["close"]:
            open_now -= 1
            if open_now == 0:
                yield tokens[begun : index + 1]
                begun = index + 1
    if begun < len(tokens):
        yield tokens[begun:]


def _bracket(prompt: str, tokens: Sequence[re.Match[str]], depth: int) -> Weight:
    """A bracket, whose weight stands behind its last colon unless that is its first letter."""
    place = tokens[0].start(), tokens[-1].end()
    start, stop, inner = place[0] + 1, place[1] - 1, tokens[1:-1]
    colon = prompt.rfind(":", start, stop)
    if colon > start and NUMBER.fullmatch(prompt, colon + 1, stop):
        factor = float(prompt[colon + 1 : stop])
        if isfinite(factor):
            kept = [token for token in inner if token.start() < colon]
            children = _as_the_original(prompt, kept, colon, depth + 1)
            return Weight(factor, children, sets=True, place=place)
    return Weight(UP, _as_the_original(prompt, inner, stop, depth + 1), place=place)


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
