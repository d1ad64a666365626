"""Prompts: what they mean in each dialect, at each step, and in another dialect.

>>> from limner import prompt
>>> tree = prompt.parse("a (red:1.3) [cat:dog:0.5]", dialect="a1111")
>>> [(span.text, span.weight) for span in tree.spans(step=1, steps=20)]
[('a ', 1.0), ('red', 1.3), (' cat', 1.0)]
>>> print(prompt.convert(prompt.parse("a (red:1.3) cat"), "compel"))
a (red)1.3 cat
"""

from __future__ import annotations

from limner.errors import PromptError
from limner.text.convert import Converted, convert
from limner.text.dialect import Dialect
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
    Schedule,
    Swap,
    SwapLimits,
    Tag,
    Text,
    Weight,
)
from limner.text.spans import Span
from limner.text.tree import Part, Stage, Tree, parse

__all__ = [
    "Alternate",
    "And",
    "Blend",
    "Break",
    "Conjunction",
    "Converted",
    "Dialect",
    "Embedding",
    "Lora",
    "Member",
    "Node",
    "Part",
    "PromptError",
    "Schedule",
    "Span",
    "Stage",
    "Swap",
    "SwapLimits",
    "Tag",
    "Text",
    "Tree",
    "Weight",
    "convert",
    "parse",
]
