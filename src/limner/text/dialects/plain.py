"""No dialect: every character is text."""

from __future__ import annotations

from limner.text.nodes import Nodes, Text


def read(prompt: str, lenient: bool = False, negative: bool = False) -> Nodes:
    return (Text(prompt, (0, len(prompt))),) if prompt else ()


def write(nodes: Nodes) -> str:
    return "".join(node.text for node in nodes if isinstance(node, Text))
