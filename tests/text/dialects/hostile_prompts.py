"""Times all that is done with prompts of 10^4 characters, the most there may be, all nested.

Run with the name of a dialect; prints as JSON what took a second or more of the processor's time.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator

from limner.prompt import PromptError, Tree, parse

N = 1_000
EVERY = [
    "(" * N + "a" + ")" * N,
    "(" * 10 * N,
    "( " * 5 * N,
    ")" * 10 * N,
    "(" * 49 + "(a) " * 2 * N,
    "(a)" * 3 * N,
    "(a:1.5)" * N,
    "(a:" + "1" * 9_900 + ")",
    "(a" + ":  1" * 2_400,
    " " * 10 * N,
    "\\" * 10 * N,
    "cat, " * 2 * N,
]
OWN = {
    "a1111": [
        "[" * N + "a" + "]" * N,
        "([" * 25 + ")]" * 4 * N,
        "[a:" * N + "b" + ":5]" * N,
        "[a|" * N + "b" + "]" * N,
        "[a:b:5]" * 1_400,
        "(a [b) c] " * N,
        "a AND " * 1_600,
        "a BREAK " * 1_200,
        ":" * 10 * N,
        "<a:" * 3 * N,
        "<" + "a" * 9 * N,
        "<lora:x:1>" * N,
        "#" * 10 * N,
    ],
    "compel": [
        '"(' * 5 * N,
        '" ' * 5 * N,
        '("a", ' * 1_600,
        "(" + '"a",' * 2 * N + '"b").and()',
        "+" * 10 * N,
        "a" + "-" * 9 * N,
        "a+" * 5 * N,
        "a.b+ " * 2 * N,
        "(a)1.5 " * N,
        "(a)" + "1" * 9_900,
        "a.swap(" * N,
        "a.swap(b)" * N,
    ],
    "comfy": ["embedding:" * N, "embedding:a " * 800],
    "plain": [],
}


def seconds(dialect: str, prompt: str) -> Iterator[tuple[str, float]]:
    """What is done with a prompt, and how long it takes."""
    trees: list[Tree] = []

    def timed(name: str, work: Callable[[], object]) -> tuple[str, float]:
        began = time.process_time()
        work()
        return name, time.process_time() - began

    def read(lenient: bool) -> None:
        try:
            trees.append(parse(prompt, dialect, lenient))
        except PromptError:
            assert not lenient

    yield timed("parse", lambda: read(False))
    if not trees:
        yield timed("parse leniently", lambda: read(True))
    tree = trees[0]
    yield timed("spans", tree.members)
    yield timed("timeline", lambda: tree.timeline(5))
    yield timed("print", lambda: str(tree))
    yield timed("repr", lambda: repr(tree))
    yield timed("hash", lambda: hash(tree))
    yield timed("compare", lambda: tree == tree.changed(lambda node: (node,)))


if __name__ == "__main__":
    name = sys.argv[1]
    prompts = [*EVERY, *OWN[name]]
    slow = [
        (prompt[:20], what, took)
        for prompt in prompts
        for what, took in seconds(name, prompt)
        if took >= 1
    ]
    print(json.dumps({"prompts": len(prompts), "slow": slow}))
