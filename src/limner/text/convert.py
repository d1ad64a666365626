"""A prompt in another dialect, as far as it can be said there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import TypeAlias

from limner.text.dialect import Dialect
from limner.text.dialects import dialect_named
from limner.text.nodes import (
    Alternate,
    And,
    Blend,
    Break,
    Conjunction,
    Embedding,
    Lora,
    Member,
    Node,
    Nodes,
    Schedule,
    Swap,
    Tag,
    Text,
    Weight,
    joined,
)
from limner.text.resolve import GLUE
from limner.text.tree import Tree, parse


@dataclass(frozen=True)
class Converted:
    """text: the prompt in the other dialect. tree: what it parses to.

    notes: a line for everything that cannot be said there.
    """

    text: str
    tree: Tree
    notes: tuple[str, ...]

    def __str__(self) -> str:
        return self.text


def convert(tree: Tree, dialect: str) -> Converted:
    """The same prompt in another dialect as far as it can be said, and notes of what cannot.

    Raises UsageError for an unknown dialect.
    """
    target = dialect_named(dialect)
    if target is tree.dialect:
        return Converted(str(tree), tree, ())
    flattening = _Flattening(target)
    flattening.into(tree.children, 1.0)
    text = str(Tree(_built(flattening.leaves, target, GLUE[tree.dialect]), target))
    return Converted(text, parse(text, target), tuple(dict.fromkeys(flattening.notes)))


Leaf: TypeAlias = tuple[Node, float]  # a text, a break or a tag, with its weight


@dataclass
class _Flattening:
    """Collects what can be said of a tree: leaves with the weight of all brackets around them.

    Only A1111 says anything over time, only Compel swaps: in another dialect neither can be said.
    """

    target: Dialect
    leaves: list[Leaf] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def into(self, nodes: Nodes, weight: float) -> None:
        for node in nodes:
            self.node(node, weight)

    def node(self, node: Node, weight: float) -> None:
        match node:
            case Text():
                self.leaves.append((self.text(node, weight), weight))
            case Weight(children=children):
                self.into(children, self.weight(node, weight))
            case Embedding():
                self.embedding(node, weight)
            case Break():
                self.chunk()
            case Lora() | Tag():
                self.tag(node)
            case Schedule() | Alternate():
                self.timed(node, weight)
            case Swap(edited=edited):
                self.lose("a .swap(): its new words are kept")
                self.into(edited, weight)
            case And() | Blend() | Conjunction():
                self.several(node)

    def lose(self, what: str) -> None:
        self.notes.append(f"{self.target} cannot say {what}")

    def text(self, node: Text, weight: float) -> Text:
        if self.target is Dialect.COMPEL and weight != 1 and "=" in node.text:
            self.lose("= in a text with a weight: it is left out")
            return Text(node.text.replace("=", " "))
        return node

    def weight(self, node: Weight, outer: float) -> float:
        """The weight in a bracket."""
        if self.target is Dialect.PLAIN:
            self.lose("a weight: all are 1")
            return 1.0
        factor = node.factor
        while not isinstance(factor, float):
            self.lose("a weight that changes over time: that of the first step is kept")
            factor = _number(factor)
        return factor if node.sets else outer * factor

    def embedding(self, node: Embedding, weight: float) -> None:
        if self.target is Dialect.COMFY:
            self.leaves.append((node, weight))
            return
        if self.target is not Dialect.A1111:  # where the name alone calls the embedding
            self.lose(f"embedding:{node.name}: its name is kept as text")
        self.leaves.append((Text(node.word), weight))

    def chunk(self) -> None:
        if self.target in (Dialect.A1111, Dialect.COMPEL):
            self.leaves.append((Break(), 1.0))
            return
        self.lose("BREAK: what follows it is not in a new chunk")
        self.leaves.append((Text(" "), 1.0))

    def tag(self, node: Lora | Tag) -> None:
        says = {Dialect.A1111: True, Dialect.COMPEL: isinstance(node, Lora)}
        if not says.get(self.target, False):
            self.lose(f"the tag of {node.name}: it is left out")
            return
        if isinstance(node, Lora) and self.target is Dialect.COMPEL:
            if node.text_encoder != node.unet or node.others:
                self.lose(f"more than one strength of the LoRA {node.name}: the denoiser's is kept")
            node = Lora(node.name, node.unet, node.unet)
        self.leaves.append((node, 1.0))

    def timed(self, node: Schedule | Alternate, weight: float) -> None:
        what = "a schedule" if isinstance(node, Schedule) else "an alternation"
        self.lose(f"{what}: what holds at the first step is kept")
        self.into(node.at(1, FIRST_OF), weight)

    def several(self, node: And | Blend | Conjunction) -> None:
        """Members one after the other: an .and() is what A1111 says with BREAK."""
        breaks = isinstance(node, Conjunction) and self.target is Dialect.A1111
        if not breaks:
            name = {And: "AND", Blend: ".blend()", Conjunction: ".and()"}[type(node)]
            self.lose(f"{name}: its members are one text")
        elif any(member.weight != 1 for member in node.members):
            self.lose("the weights of an .and(): they are those of its members' texts")
        for index, member in enumerate(node.members):
            if index > 0:
                self.leaves.append((Break() if breaks else Text(" "), 1.0))
            self.into(member.children, member.weight if breaks else 1.0)


FIRST_OF = 1000  # steps, of which the first is asked for: a fraction of them is not yet over


def _number(factor: Schedule | Alternate) -> float | Schedule | Alternate:
    (held,) = factor.at(1, FIRST_OF)
    if isinstance(held, Text):
        return float(held.text)
    assert isinstance(held, Schedule | Alternate)
    return held


def _built(leaves: list[Leaf], target: Dialect, glue: str) -> Nodes:
    """Leaves to nodes: neighbours of one weight in one bracket, and breaks as the dialect says."""
    chunks: list[list[Leaf]] = [[]]
    for leaf in leaves:
        if isinstance(leaf[0], Break):
            chunks.append([])
        else:
            chunks[-1].append(leaf)
    built = [joined(list(_weighted(chunk, target, glue))) for chunk in chunks]
    if len(built) > 1 and target is Dialect.COMPEL:
        return (Conjunction(tuple(Member(nodes) for nodes in built)),)
    return tuple(n for i, nodes in enumerate(built) for n in (*([Break()] if i else []), *nodes))


def _weighted(leaves: list[Leaf], target: Dialect, glue: str) -> Iterator[Node]:
    """One bracket for neighbours of one weight. glue: what the tree's own dialect puts between."""
    for index, (weight, run) in enumerate(groupby(leaves, key=lambda leaf: leaf[1])):
        nodes = joined([node for node, _ in run], glue)
        if index > 0 and glue:
            yield Text(glue)
        if weight == 1 or all(isinstance(node, Text) and node.text.isspace() for node in nodes):
            yield from nodes
        else:
            rounded = float(f"{weight:.10g}")  # 1.1 * 1.1 is 1.21
            yield Weight(rounded, nodes, sets=target is Dialect.COMFY)
