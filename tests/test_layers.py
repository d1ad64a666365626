"""Which way the imports run: a layer imports only the layers below it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import limner

SOURCE = Path(limner.__file__).parent

# From the bottom up; the names of one row do not import each other.
ROWS = (
    ("errors", "version"),
    ("types",),
    ("nn",),
    ("text", "models", "diffusion", "language"),
    ("checkpoints", "data", "prompt", "explain"),
    ("pipeline", "training", "evaluate"),
    ("emoji",),
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
        ("from .. import server", {"server"}),
        ("import torch, numpy\nfrom limnery import x", set()),
    ],
)
def test_reader_finds_imports(source: str, found: set[str]) -> None:
    assert {layer(name) for name in imported(source, "limner.models")} == found
