"""The package's own Python files, to read: where the page's formulas lead, name by name.

`/source/diffusion/guidance.py#Guidance.combined`: every class and function of a file has an anchor
of its qualified name, every line one of its number (`#L12`). A path is looked up in a table of the
package's files; none of a client's reaches the disk.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from html import escape
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import limner
from limner.server.page import document
from limner.server.problems import not_found

PACKAGE = Path(limner.__file__).parent
Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def routes() -> list[Route]:
    """GET /source/{path}, read-only."""

    async def source(request: Request) -> Response:
        """A file of the package with anchors at its lines and definitions."""
        name = request.path_params["path"]
        return document(f"{name}: Limner", await run_in_threadpool(shown, name))

    return [Route("/source/{path:path}", source, methods=["GET"])]


@cache
def files() -> dict[str, Path]:
    """The package's Python files by their path in it, as `diffusion/guidance.py`."""
    return {path.relative_to(PACKAGE).as_posix(): path for path in PACKAGE.rglob("*.py")}


@cache
def shown(name: str) -> str:
    """A file as HTML. Raises ProblemError where the package has none of that name."""
    if name not in files():
        raise not_found("file")
    text = files()[name].read_text("utf-8")
    opened, closed = _anchors(text)
    lines = "".join(
        f'{"".join(opened.get(number, []))}<span class="line" id="L{number}">{escape(line)}</span>'
        f"\n{'</span>' * closed.get(number, 0)}"
        for number, line in enumerate(text.splitlines(), 1)
    )
    return (
        f'<main><p class="row"><a href="/">Limner</a><span>src/limner/{escape(name)}</span></p>'
        f'<pre class="source" tabindex="0" role="region" aria-label="{escape(name)}">{lines}</pre>'
        "</main>"
    )


def _anchors(text: str) -> tuple[dict[int, list[str]], dict[int, int]]:
    """What opens before each line, and how much ends behind it: a named span a definition."""
    opened: dict[int, list[str]] = {}
    closed: dict[int, int] = {}
    for name, node in _definitions(ast.parse(text)):
        first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
        opened.setdefault(first, []).append(f'<span class="definition" id="{escape(name)}">')
        last = node.end_lineno or node.lineno
        closed[last] = closed.get(last, 0) + 1
    return opened, closed


def _definitions(node: ast.AST, within: str = "") -> Iterator[tuple[str, Definition]]:
    """Classes and functions by qualified name, outer ones first; a name's first alone."""
    seen = set()
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Definition) and child.name not in seen:
            seen.add(child.name)
            yield f"{within}{child.name}", child
            yield from _definitions(child, f"{within}{child.name}.")
