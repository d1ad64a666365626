"""From the nodes of a tree to the spans that hold at one step."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from math import prod
from typing import NamedTuple

from limner.text.dialect import Dialect
from limner.text.nodes import (
    Alternate,
    Break,
    Embedding,
    Node,
    Nodes,
    Schedule,
    Swap,
    Text,
    Weight,
    around,
)
from limner.text.spans import Break as SpanBreak
from limner.text.spans import Span

GLUE = {  # what comes between neighbours that merge
    Dialect.A1111: "",
    Dialect.COMPEL: " ",
    Dialect.COMFY: "",
    Dialect.PLAIN: "",
}


class Piece(NamedTuple):
    """A span before merging. group: counts the brackets, each of which begins a new group."""

    span: Span | SpanBreak
    group: int


def resolve(nodes: Nodes, dialect: Dialect, step: int, steps: int) -> tuple[Span | SpanBreak, ...]:
    """The spans that hold at a step, merged as the dialect's system merges neighbours.

    A1111 and Compel merge those of one weight. ComfyUI tokenises each bracket by itself, so there
    only what stands in the same one is merged.
    """
    walk = _Walk(step, steps, inner_first=dialect is Dialect.A1111)
    walk.into(nodes)
    by_group = dialect is Dialect.COMFY
    merged: list[Span | SpanBreak] = []
    for key, run in groupby(walk.pieces, lambda piece: _key(piece, by_group)):
        found = [piece.span for piece in run]
        texts = [span for span in found if isinstance(span, Span)]
        merged += found if key is None else [_merged(texts, GLUE[dialect])]
    return tuple(merged)


def _key(piece: Piece, by_group: bool) -> object:
    """What neighbours must share to be merged; None for a break."""
    if not isinstance(piece.span, Span):
        return None
    return (piece.group, piece.span.weight) if by_group else piece.span.weight


def _merged(run: list[Span], glue: str) -> Span:
    if len(run) == 1:
        return run[0]
    place = around(run[0].place, run[-1].place)
    return Span(glue.join(span.text for span in run), run[0].weight, place)


@dataclass
class _Walk:
    """Collects the pieces of the nodes in their order.

    inner_first: in which order the factors of nested brackets are multiplied, which decides the
    last bit of a weight and so whether two neighbours are of one weight.
    """

    step: int
    steps: int
    inner_first: bool
    pieces: list[Piece] = field(default_factory=list)
    factors: list[float] = field(default_factory=list)
    weight: float = 1.0
    groups: int = 0

    def into(self, nodes: Nodes) -> None:
        for node in nodes:
            self.node(node)

    def node(self, node: Node) -> None:
        match node:
            case Text(text, place) if text:
                self.pieces.append(Piece(Span(text, self.weight, place), self.groups))
            case Embedding(place=place):
                self.pieces.append(Piece(Span(node.word, self.weight, place), self.groups))
            case Break(place):
                self.pieces.append(Piece(SpanBreak(place), self.groups))
            case Schedule() | Alternate():
                self.into(node.at(self.step, self.steps))
            case Swap(original=original):
                self.into(original)
            case Weight():
                self.weighted(node)

    def weighted(self, node: Weight) -> None:
        outer, before = self.factors, self.weight
        self.factors = ([] if node.sets else outer) + [self.number(node.factor)]
        self.weight = prod(reversed(self.factors) if self.inner_first else self.factors)
        self.groups += 1
        self.into(node.children)
        self.groups += 1
        self.factors, self.weight = outer, before

    def number(self, factor: float | Schedule | Alternate) -> float:
        """A factor that changes over time, as it is at this step."""
        while isinstance(factor, Schedule | Alternate):
            (held,) = factor.at(self.step, self.steps)
            if isinstance(held, Text):
                return float(held.text)
            assert isinstance(held, Schedule | Alternate)
            factor = held
        return factor
