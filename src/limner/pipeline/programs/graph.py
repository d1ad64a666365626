"""ComfyUI's graph as it is saved: nodes with inputs, each a value or a link to another's output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

HELD = ("value", "text", "string", "int", "float", "number", "seed", "prompt", "Text")
"""What nodes that do nothing but hold a value call it."""


@dataclass(frozen=True)
class Link:
    """The output of a node, by the node's name and the output's number."""

    name: str
    output: int


@dataclass(frozen=True)
class Node:
    """A node of the graph. kind: its class, as ComfyUI names it."""

    name: str
    kind: str
    inputs: Mapping[str, Any]

    def link(self, *names: str) -> Link | None:
        """The first of these inputs that is a link."""
        links = (_link(self.inputs.get(name)) for name in names)
        return next((link for link in links if link is not None), None)

    @property
    def links(self) -> Iterator[Link]:
        """Of all inputs."""
        found = map(_link, self.inputs.values())
        return (link for link in found if link is not None)


class Graph:
    """Nodes by name; what is none, or links nowhere, is not there. used: those that were read."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        self.used = set[str]()
        self.nodes = {
            str(name): Node(str(name), node["class_type"], node["inputs"])
            for name, node in record.items()
            if is_node(node)
        }

    def at(self, link: Link | None) -> Node | None:
        """The node that a link leads to."""
        return None if link is None else self.nodes.get(link.name)

    def value(self, node: Node, name: str) -> Any:
        """The value of an input, wherever it comes from; None where no node holds it."""
        value = node.inputs.get(name)
        seen = set[str]()
        while (link := _link(value)) is not None:
            held = self.at(link)
            if held is None or held.name in seen:
                return None
            seen.add(held.name)
            key = next((key for key in (name, *HELD) if key in held.inputs), None)
            if key is None:
                return None
            self.used.add(held.name)
            value = held.inputs[key]
        return value

    def upstream(self, starts: Sequence[Node], by: Sequence[str] = ()) -> Iterator[Node]:
        """The nodes that others rest on, nearest first, each once.

        by: the inputs of which the first that is a link is followed; none: all.
        """
        waiting = list({node.name: node for node in starts}.values())
        seen = {node.name for node in waiting}
        for node in waiting:  # which grows
            yield node
            for link in _chosen(node, by):
                found = self.at(link)
                if found is not None and found.name not in seen:
                    seen.add(found.name)
                    waiting.append(found)


def is_node(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and isinstance(value.get("class_type"), str)
        and isinstance(value.get("inputs"), Mapping)
    )


def _chosen(node: Node, by: Sequence[str]) -> Iterator[Link]:
    if not by:
        yield from node.links
    elif (link := node.link(*by)) is not None:
        yield link


def _link(value: Any) -> Link | None:
    if not (isinstance(value, list) and len(value) == 2):
        return None
    name, output = value
    if not isinstance(name, str | int) or isinstance(output, bool) or not isinstance(output, int):
        return None
    return Link(str(name), output)
