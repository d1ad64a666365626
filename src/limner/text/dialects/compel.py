r"""The dialect of Compel.

cat+ 1.1    cat- 0.9    cat++ 1.1 * 1.1    (a cat)+ and "a cat"+ likewise    (a cat)1.5
cat.swap(dog, t_start=0.2)    (a cat).attend(1.5)    \( \) \" as text
("a cat", "a dog").blend(0.7, 0.3)    ("a cat", "a dog").and(1, 0.5)
withLora(name, 0.5), useLora(name, 0.5): in a prompt, in a member, before and behind a blend

What does not parse is text. Where this differs from the original: `\+`, `\-` and `\\` are text,
for which the original has no way of writing; and members whose weights cannot be used are errors.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from limner.errors import PromptError
from limner.text.dialects.common import number
from limner.text.dialects.compel_elements import Reader
from limner.text.dialects.compel_writing import write
from limner.text.nodes import Blend, Conjunction, Member, Node, Nodes, Swap, every

__all__ = ["read", "write"]

MEMBER = re.compile(r'[ \t\r\n]*"((?:[^"\\]|\\.)*)"[ \t\r\n]*(?=[,)])', re.DOTALL)
MARK = re.compile(r'\\.|"(?:[^"\\]|\\.)*"|[(),]', re.DOTALL)
CALL = re.compile(r"\.(blend|and)\(([^()]*)\)[ \t\r\n]*")
NO_MEAN = "no_normalize"


@dataclass(frozen=True)
class Call:
    """`(members).name(arguments)`, as places in the prompt."""

    members: tuple[tuple[int, int], ...]
    name: str
    arguments: tuple[int, int]
    stop: int


def read(prompt: str, lenient: bool = False, negative: bool = False) -> Nodes:
    try:
        return _read(prompt, lenient)
    except PromptError:
        if not lenient:
            raise
        return Reader(prompt, len(prompt), lenient).plain()


def _read(prompt: str, lenient: bool) -> Nodes:
    reader = Reader(prompt, len(prompt), lenient)
    before, start = reader.loras(0)
    call = _call(prompt, start)
    if call is None or (call.name == "and" and before):
        return reader.prompt(0)
    behind, stop = reader.loras(call.stop) if call.name == "blend" else ((), call.stop)
    if lenient and call.name == "and":  # the original heeds nothing behind it
        stop = len(prompt)
    if stop < len(prompt):
        raise PromptError(
            f"nothing may stand behind .{call.name}(): it is of the whole prompt",
            prompt,
            (stop, len(prompt)),
        )
    return (*before, _several(call, prompt, lenient), *behind)


def _call(prompt: str, start: int) -> Call | None:
    """The `.blend()` or `.and()` that a prompt is from `start` on, if it is one."""
    if not prompt.startswith("(", start):
        return None
    members, depth, first = [], 0, start + 1
    for mark in MARK.finditer(prompt, start):
        depth += {"(": 1, ")": -1}.get(mark[0], 0)
        if (mark[0] == "," and depth == 1) or depth == 0:
            members.append((first, mark.start()))
            first = mark.end()
        if depth == 0:
            call = CALL.match(prompt, mark.end())
            return call and Call(tuple(members), call[1], call.span(2), call.end())
    return None


def _several(call: Call, prompt: str, lenient: bool) -> Node:
    weights, mean = _weights(call, prompt)
    members = tuple(
        _member(prompt, place, weight, lenient)
        for place, weight in zip(call.members, weights, strict=True)
    )
    whole = (0, len(prompt))
    if call.name == "and":
        return Conjunction(members, whole)
    swap = next((node for node in every(members) if isinstance(node, Swap)), None)
    if swap is not None:
        raise PromptError("a blend cannot hold a .swap()", prompt, swap.place or whole)
    if mean and not lenient and sum(weights) == 0:
        raise PromptError(
            "the weights of a blend must not add up to 0: its mean divides by their sum",
            prompt,
            call.arguments,
        )
    return Blend(members, mean, whole)


def _weights(call: Call, prompt: str) -> tuple[list[float], bool]:
    """The weight of each member, and whether a blend is their mean."""
    start, stop = call.arguments
    written, place = [], start
    for argument in prompt[start:stop].split(","):
        written.append((argument.strip(), (place, place + len(argument))))
        place += len(argument) + 1
    mean = not (call.name == "blend" and written[-1][0] == NO_MEAN)
    if not mean:
        written.pop()
    if len(written) <= 1 and not any(text for text, _ in written):
        return [1.0] * len(call.members), mean
    weights = [number(text, prompt, place) for text, place in written]
    if len(weights) != len(call.members):
        raise PromptError(
            f".{call.name}() must have one weight for each of its {len(call.members)} prompts, "
            f"not {len(weights)}",
            prompt,
            (start, max(stop, start + 1)),
        )
    return weights, mean


def _member(prompt: str, place: tuple[int, int], weight: float, lenient: bool) -> Member:
    quoted = MEMBER.match(prompt, place[0], place[1] + 1)
    start, stop = quoted.span(1) if quoted else place
    return Member(Reader(prompt, stop, lenient).member(start), weight, place)
