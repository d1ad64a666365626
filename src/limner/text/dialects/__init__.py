"""Prompt dialects: each turns a prompt into the common tree, and such a tree into a prompt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from limner.errors import PromptError, UsageError
from limner.text.dialect import Dialect
from limner.text.dialects import a1111, comfy, compel, plain
from limner.text.nodes import Nodes, Text
from limner.text.tree import Tree


@dataclass(frozen=True)
class Grammar:
    """Both directions of a dialect.

    read(prompt, lenient, negative): raises PromptError where the prompt does not follow it.
    """

    read: Callable[[str, bool, bool], Nodes]
    write: Callable[[Nodes], str]


GRAMMARS = {
    Dialect.A1111: Grammar(a1111.read, a1111.write),
    Dialect.COMPEL: Grammar(compel.read, compel.write),
    Dialect.COMFY: Grammar(comfy.read, comfy.write),
    Dialect.PLAIN: Grammar(plain.read, plain.write),
}


def parse(
    prompt: str, dialect: str = "a1111", lenient: bool = False, negative: bool = False
) -> Tree:
    """The tree of a prompt.

    lenient: read what the dialect's own system reads, also where Limner would rather raise; what
    makes that system fail is plain text. Never raises PromptError.
    negative: the prompt is a negative one, in which A1111 splits no AND.
    Raises PromptError, which marks the place, and UsageError for an unknown dialect.
    """
    grammar = GRAMMARS[dialect_named(dialect)]
    try:
        children = grammar.read(prompt, lenient, negative)
    except PromptError:
        if not lenient:
            raise
        children = (Text(prompt, (0, len(prompt))),) if prompt else ()
    return Tree(children, dialect_named(dialect), prompt)


def write(tree: Tree) -> str:
    """A prompt in the tree's dialect that parses to an equal tree."""
    return GRAMMARS[tree.dialect].write(tree.children)


def dialect_named(name: str) -> Dialect:
    try:
        return Dialect(name)
    except ValueError:
        raise UsageError(f"dialect must be one of {', '.join(Dialect)}, not {name!r}") from None
