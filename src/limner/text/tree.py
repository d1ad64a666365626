"""A prompt as a tree, whatever its dialect, and what holds in it at a step of sampling."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace

from limner.errors import UsageError
from limner.text import dialects, spans
from limner.text.dialect import LONGEST_PROMPT, Dialect
from limner.text.nodes import (
    Alternate,
    And,
    Blend,
    Conjunction,
    Embedding,
    Lora,
    Node,
    Nodes,
    Schedule,
    Several,
    Swap,
    Tag,
    every,
)
from limner.text.resolve import GLUE, resolve

Spans = tuple[spans.Span | spans.Break, ...]


@dataclass(frozen=True)
class Part:
    """One member of an AND, a blend or a conjunction; the whole of any other prompt."""

    tree: Tree
    weight: float = 1.0


@dataclass(frozen=True)
class Stage:
    """What holds from the step `first` to the step `last`, both included; steps count from 1.

    members: the spans and the weight of each of the tree's parts.
    """

    first: int
    last: int
    members: tuple[tuple[Spans, float], ...]

    @property
    def spans(self) -> Spans:
        """Of a prompt of one part."""
        return _only(self.members)


@dataclass(frozen=True)
class Tree:
    """A prompt that was parsed. `str` of it is a prompt that parses to an equal tree.

    source: the prompt as it was written, which the places of the nodes count in.
    """

    children: Nodes
    dialect: Dialect = Dialect.A1111
    source: str = field(default="", compare=False)

    def spans(self, step: int = 1, steps: int = 20) -> Spans:
        """The texts and weights that hold at a step, merged as the dialect's system merges.

        A swap counts with its original words: see `edited`. Raises UsageError for a prompt of
        several parts, each of which has spans of its own: see `parts`.
        """
        return _only(self.members(step, steps))

    def members(self, step: int = 1, steps: int = 20) -> tuple[tuple[Spans, float], ...]:
        """The spans that hold at a step, and the weight, of each part."""
        if not 1 <= step <= steps:
            raise UsageError(f"step must be from 1 to {steps}, the number of steps, not {step}")
        return tuple(
            (resolve(nodes, self.dialect, step, steps), weight) for nodes, weight in self._leaves()
        )

    def timeline(self, steps: int = 20) -> tuple[Stage, ...]:
        """The fewest ranges of steps within each of which the same holds."""
        if steps < 1:
            raise UsageError(f"steps must be at least 1, not {steps}")
        stages: list[Stage] = []
        for first, last in _ranges(self.children, steps):
            stage = Stage(first, last, self.members(first, steps))
            if stages and _said(stages[-1]) == _said(stage):
                stages[-1] = replace(stages[-1], last=last)
            else:
                stages.append(stage)
        return tuple(stages)

    @property
    def kind(self) -> type[Several] | None:
        """What the parts are members of: `And`, `Blend` or `Conjunction`; None of one part."""
        several = self._several()
        return None if several is None else type(several)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The members of an AND, a blend or a conjunction with their weights, or the one whole."""
        return tuple(Part(replace(self, children=c), weight) for c, weight in self._leaves())

    @property
    def tags(self) -> tuple[Tag, ...]:
        """The tags that Limner does not know, in their order."""
        return tuple(node for node in every(self.children) if isinstance(node, Tag))

    @property
    def loras(self) -> tuple[Lora, ...]:
        return tuple(node for node in every(self.children) if isinstance(node, Lora))

    @property
    def embeddings(self) -> tuple[Embedding, ...]:
        return tuple(node for node in every(self.children) if isinstance(node, Embedding))

    @property
    def swaps(self) -> tuple[Swap, ...]:
        return tuple(node for node in every(self.children) if isinstance(node, Swap))

    @property
    def edited(self) -> Tree:
        """The same with the new words of every swap in place of the original ones."""
        return self.with_original(())

    def with_original(self, swaps: Collection[Swap]) -> Tree:
        """The same with the original words of these swaps, and the new words of all others."""

        def chosen(node: Node) -> Nodes:
            if not isinstance(node, Swap):
                return (node,)
            return node.original if node in swaps else node.edited

        return self.changed(chosen)

    def changed(self, change: Callable[[Node], Nodes]) -> Tree:
        """The tree with what `change` makes of each node, called from the innermost outwards."""
        from limner.text.change import changed

        return replace(self, children=changed(self.children, change, GLUE[self.dialect]))

    def __str__(self) -> str:
        return dialects.write(self.children, self.dialect)

    def __repr__(self) -> str:
        return f"Tree({self.dialect.value}, {list(self.children)})"

    def _several(self) -> Several | None:
        found = [n for n in self.children if isinstance(n, And | Blend | Conjunction)]
        return found[0] if found else None

    def _leaves(self) -> Iterator[tuple[Nodes, float]]:
        several = self._several()
        if several is None:
            yield self.children, 1.0
            return
        for member in several.members:
            yield member.children, member.weight


def parse(
    prompt: str, dialect: str = "a1111", lenient: bool = False, negative: bool = False
) -> Tree:
    """The tree of a prompt.

    lenient: read what the dialect's own system reads, also where Limner would rather raise; what
    makes that system fail is plain text. Never raises PromptError.
    negative: the prompt is a negative one, in which A1111 splits no AND.
    Raises PromptError, which marks the place, and UsageError for an unknown dialect and for more
    than `LONGEST_PROMPT` characters.
    """
    if len(prompt) > LONGEST_PROMPT:
        raise UsageError(
            f"the prompt has {len(prompt)} characters: at most {LONGEST_PROMPT} are right"
        )
    named = dialects.dialect_named(dialect)
    children = dialects.read(prompt, named, lenient=lenient, negative=negative)
    return Tree(children, named, prompt)


def _only(members: tuple[tuple[Spans, float], ...]) -> Spans:
    if len(members) != 1:
        raise UsageError(
            f"this prompt has {len(members)} parts, each with spans of its own: "
            "tree.parts and tree.members() give them"
        )
    return members[0][0]


def _ranges(nodes: Nodes, steps: int) -> Iterator[tuple[int, int]]:
    """Ranges within which no schedule changes; every step by itself where something alternates."""
    timed = [node for node in every(nodes) if isinstance(node, Schedule | Alternate)]
    lasts = {steps, *(node.last_step(steps) for node in timed if isinstance(node, Schedule))}
    if any(isinstance(node, Alternate) for node in timed):
        lasts = set(range(1, steps + 1))
    first = 1
    for last in sorted(lasts - {0}):
        yield first, last
        first = last + 1


def _said(stage: Stage) -> list[list[tuple[str, float] | None]]:
    """What a stage says, without where it stands in the prompt."""
    return [
        [(s.text, s.weight) if isinstance(s, spans.Span) else None for s in held]
        for held, _ in stage.members
    ]
