"""Prompt dialects: each turns a prompt into the common nodes, and such nodes into a prompt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from limner.errors import PromptError, UsageError
from limner.text.dialect import Dialect
from limner.text.dialects import a1111, comfy, compel, plain
from limner.text.nodes import Nodes, Text


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


def read(prompt: str, dialect: Dialect, *, lenient: bool, negative: bool) -> Nodes:
    """The nodes of a prompt; what no lenient reading takes is plain text.

    Raises PromptError where the prompt does not follow the dialect, unless lenient.
    """
    try:
        return GRAMMARS[dialect].read(prompt, lenient, negative)
    except PromptError:
        if not lenient:
            raise
        return (Text(prompt, (0, len(prompt))),) if prompt else ()


def write(nodes: Nodes, dialect: Dialect) -> str:
    """A prompt in a dialect that reads as equal nodes."""
    return GRAMMARS[dialect].write(nodes)


def dialect_named(name: str) -> Dialect:
    try:
        return Dialect(name)
    except ValueError:
        raise UsageError(f"dialect must be one of {', '.join(Dialect)}, not {name!r}") from None
