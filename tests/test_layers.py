"""Which way the imports run: a layer imports only the layers below it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import limner

SOURCE = Path(limner.__file__).parent

# From the bottom up; the names of one row do not import each other.
ROWS = (
    ("errors", "version"),
    ("types", "files", "generators"),
    ("nn",),
    ("text", "models", "diffusion", "language"),
    ("checkpoints", "data", "prompt"),
    ("engine",),
    ("explain",),
    ("pipeline",),
    ("training", "evaluate"),
    ("emoji",),
    ("loading",),
    ("limner",),  # the public surface, which hands out what the pipeline has
    ("server",),
    ("cli",),
    ("__main__",),
)
RANK = {name: rank for rank, row in enumerate(ROWS) for name in row}

MODULES = sorted(path for path in SOURCE.rglob("*.py") if path != SOURCE / "__init__.py")


def imported(source: str, package: str = "limner") -> Iterator[str]:
    """Every module of Limner that a module's source imports, in functions too, by its full name.

    package: the full name of the package that the module is in, for relative imports.
    """
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) + 1 - node.level]
            base = ".".join(
                [*parents, *filter(None, [node.module])] if node.level else [node.module or ""]
            )
            names = [f"{base}.{alias.name}" for alias in node.names]
        yield from (name for name in names if name.split(".")[0] == "limner")


def layer(name: str) -> str:
    """The layer of a module: `limner.models.unet` -> `models`; what is in none is the surface."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in RANK else "limner"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_module_imports_only_layers_below(path: Path) -> None:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    own = parts[0]
    package = ".".join(["limner", *parts[:-1]])
    others = {layer(name) for name in imported(path.read_text("utf-8"), package)} - {own}
    wrong = {other for other in others if RANK[other] >= RANK[own]}
    assert not wrong, f"{own} may not import {sorted(wrong)}"


def module_name(path: Path) -> str:
    """`models/unet.py` -> `limner.models.unet`; a package is its `__init__.py`."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(["limner", *(part for part in parts if part != "__init__")])


def import_graph(sources: Mapping[str, tuple[str, str]]) -> dict[str, set[str]]:
    """Which of these modules each imports: by name (source, package)."""
    graph = {}
    for name, (source, package) in sources.items():
        found = {
            one if one in sources else one.rpartition(".")[0] for one in imported(source, package)
        }
        graph[name] = (found & sources.keys()) - {name}
    return graph


def circles(graph: Mapping[str, set[str]]) -> set[frozenset[str]]:
    """The sets of two modules or more of which each reaches each other."""

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        ahead = [start]
        while ahead:
            new = graph[ahead.pop()] - seen
            seen |= new
            ahead += new
        return seen

    ways = {name: reached(name) for name in graph}
    within = {name: frozenset(o for o in way if name in ways[o]) for name, way in ways.items()}
    return {circle for circle in within.values() if len(circle) > 1}


def test_no_modules_import_each_other() -> None:
    """`TYPE_CHECKING` and imports in functions included."""
    sources = {}
    for path in MODULES:
        name = module_name(path)
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        sources[name] = (path.read_text("utf-8"), package)
    assert circles(import_graph(sources)) == set()


def test_circles_are_found() -> None:
    sources = {
        "limner.a": ("from limner.b import x", "limner"),
        "limner.b": ("if TYPE_CHECKING:\n    from limner import c", "limner"),
        "limner.c": ("def f():\n    from . import a", "limner"),
        "limner.d": ("import limner.a", "limner"),
    }
    assert circles(import_graph(sources)) == {frozenset({"limner.a", "limner.b", "limner.c"})}


def test_table_has_every_package() -> None:
    packages = {path.relative_to(SOURCE).parts[0].removesuffix(".py") for path in MODULES}
    assert packages <= set(RANK)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import limner.cli.main", {"cli"}),
        ("from limner import errors", {"errors"}),
        ("from limner import load", {"limner"}),
        ("import limner", {"limner"}),
        ("def f():\n    from limner.data import emoji", {"data"}),
        ("if TYPE_CHECKING:\n    from limner.nn.attention import Attention", {"nn"}),
        ("from . import unet", {"models"}),
        ("from ..text import masks", {"text"}),
        ("from .. import serve", {"serve"}),
        ("import torch, numpy\nfrom limnery import x", set()),
    ],
)
def test_reader_finds_imports(source: str, found: set[str]) -> None:
    assert {layer(name) for name in imported(source, "limner.models")} == found
