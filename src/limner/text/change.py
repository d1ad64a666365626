"""A tree with other nodes in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from limner.text.nodes import (
    Alternate,
    And,
    Blend,
    Conjunction,
    Member,
    Node,
    Nodes,
    Schedule,
    Swap,
    Weight,
    joined,
)

Change = Callable[[Node], Nodes]


def changed(nodes: Nodes, change: Change, glue: str = "") -> Nodes:
    """The nodes with what `change` makes of each, called from the innermost outwards.

    glue: what comes between two texts that become neighbours.
    """
    return joined([new for node in nodes for new in change(_within(node, change, glue))], glue)


def _within(node: Node, change: Change, glue: str) -> Node:
    """The node with its children changed."""

    def new(nodes: Nodes) -> Nodes:
        return changed(nodes, change, glue)

    def members(several: And | Blend | Conjunction) -> tuple[Member, ...]:
        return tuple(replace(member, children=new(member.children)) for member in several.members)

    match node:
        case Weight():
            return replace(node, children=new(node.children))
        case Schedule():
            return replace(node, before=new(node.before), after=new(node.after))
        case Alternate():
            return replace(node, options=tuple(map(new, node.options)))
        case Swap():
            return replace(node, original=new(node.original), edited=new(node.edited))
        case And() | Blend() | Conjunction():
            return replace(node, members=members(node))
    return node
