"""The nodes of a prompt's tree: one vocabulary for all dialects.

Each node knows its place, (start, stop) in the prompt as it was written, or None if it stands
nowhere in it. Two nodes are equal if they say the same, wherever they stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from itertools import groupby
from typing import TypeAlias

FOLDER = re.compile(r"[/\\]")
ENDING = re.compile(r"\.(safetensors|pt|bin)(?![^\W_])", re.IGNORECASE)

Place: TypeAlias = tuple[int, int] | None


class Node:
    """What all nodes have: a repr of what they say, without the place."""

    __slots__ = ()

    def __repr__(self) -> str:
        values = [getattr(self, field.name) for field in fields(self) if field.name != "place"]  # type: ignore[arg-type]
        return f"{type(self).__name__}({', '.join(_short(value) for value in values)})"


Nodes: TypeAlias = tuple[Node, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Text(Node):
    """Text as the tokenizer is to read it: escapes are resolved."""

    text: str
    place: Place = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, repr=False)
class Weight(Node):
    """Its children with a weight.

    factor: what multiplies the weight around it, or replaces it if `sets`. In A1111 the number may
    change over time, as in `(a:[1.2:1.5:5])`: it is then what the number is written as.
    """

    factor: float | Schedule | Alternate
    children: Nodes
    sets: bool = False
    place: Place = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, repr=False)
class Break(Node):
    """What comes after it begins a new chunk of tokens."""

    place: Place = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, repr=False)
class Schedule(Node):
    """`before` up to and with a step, `after` from then on.

    until: the number of that step, or its share of all steps if `fraction`.
    """

    before: Nodes
    after: Nodes
    until: float
    fraction: bool = False
    place: Place = field(default=None, compare=False)

    def last_step(self, steps: int) -> int:
        """The last of the steps 1 ... `steps` at which `before` holds; 0 if it never does."""
        until = self.until * steps if self.fraction else self.until
        return max(0, int(min(until, steps)))

    def at(self, step: int, steps: int) -> Nodes:
        return self.before if step <= self.last_step(steps) else self.after


@dataclass(frozen=True, slots=True, repr=False)
class Alternate(Node):
    """The options in turn, another at each step."""

    options: tuple[Nodes, ...]
    place: Place = field(default=None, compare=False)

    def at(self, step: int, steps: int) -> Nodes:
        return self.options[(step - 1) % len(self.options)]


@dataclass(frozen=True, slots=True, repr=False)
class Member(Node):
    """One of several prompts, with its weight among them."""

    children: Nodes
    weight: float = 1.0
    place: Place = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, repr=False)
class And(Node):
    """A1111's AND: each member guides the picture by itself, weighted."""

    members: tuple[Member, ...]
    place: Place = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, repr=False)
class Blend(Node):
    """Compel's `.blend()`: the weighted mean of the members' encodings; the sum if not `mean`."""

    members: tuple[Member, ...]
    mean: bool = True
    place: Place = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, repr=False)
class Conjunction(Node):
    """Compel's `.and()`: the members' encodings one after the other, each weighted."""

    members: tuple[Member, ...]
    place: Place = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapLimits:
    """Between which shares of the steps a swap keeps the original's attention maps.

    s: those of self-attention. t: those of cross-attention.
    """

    s_start: float = 0.0
    s_end: float = 0.0
    t_start: float = 0.2
    t_end: float = 1.0

    def at(self, step: int, steps: int) -> tuple[bool, bool]:
        """Whether the maps of cross-attention, and of self-attention, are kept at a step from 1."""
        share = (step - 1) / steps
        return self.t_start <= share < self.t_end, self.s_start <= share < self.s_end


@dataclass(frozen=True, slots=True, repr=False)
class Swap(Node):
    """Compel's `.swap()`: the picture of `original` with the values of `edited` put in."""

    original: Nodes
    edited: Nodes
    limits: SwapLimits = SwapLimits()
    place: Place = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, repr=False)
class Lora(Node):
    """A LoRA and its strengths in the text encoder and the denoiser.

    others: what else stands in the tag, as it is written.
    """

    name: str
    text_encoder: float = 1.0
    unet: float = 1.0
    others: tuple[str, ...] = ()
    place: Place = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, repr=False)
class Tag(Node):
    """A `<name:arguments>` that Limner does not know."""

    name: str
    arguments: str
    place: Place = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, repr=False)
class Embedding(Node):
    """ComfyUI's `embedding:name`: the vectors of a textual inversion.

    name: as it is written, which may be a path below a folder of them.
    """

    name: str
    place: Place = field(default=None, compare=False)

    @property
    def word(self) -> str:
        """What is learned of that file: its name without folders and ending."""
        return ENDING.sub("", FOLDER.split(self.name)[-1]) or self.name


Several: TypeAlias = And | Blend | Conjunction


def joined(nodes: Sequence[Node], glue: str = "") -> Nodes:
    """The nodes with every run of texts as one text, and no empty text."""
    result: list[Node] = []
    for is_text, run in groupby(nodes, lambda node: isinstance(node, Text)):
        if is_text:
            texts = [node for node in run if isinstance(node, Text) and node.text]
            result += [_one_text(texts, glue)] if texts else []
        else:
            result += run
    return tuple(result)


def _one_text(texts: list[Text], glue: str) -> Text:
    text = glue.join(node.text for node in texts)
    return texts[0] if len(texts) == 1 else Text(text, around(texts[0].place, texts[-1].place))


def around(first: Place, last: Place) -> Place:
    """From where the first begins to where the last ends."""
    return None if first is None or last is None else (first[0], last[1])


def inside(node: Node) -> Iterator[Node]:
    """The nodes right below a node, in their order."""
    match node:
        case Weight(factor=Schedule() | Alternate() as factor, children=children):
            yield from (factor, *children)
        case Weight(children=children) | Member(children=children):
            yield from children
        case Schedule(before=first, after=second) | Swap(original=first, edited=second):
            yield from (*first, *second)
        case Alternate(options=options):
            for option in options:
                yield from option
        case And(members=members) | Blend(members=members) | Conjunction(members=members):
            yield from members


def every(nodes: Nodes) -> Iterator[Node]:
    """The nodes and all below them, each before what is in it."""
    waiting = list(reversed(nodes))
    while waiting:
        node = waiting.pop()
        yield node
        waiting += reversed(list(inside(node)))


def _short(value: object) -> str:
    """Tuples as lists: one bracket less to read where there is one child."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(_short, value))}]"
    return f"{value:.6g}" if isinstance(value, float) else repr(value)
