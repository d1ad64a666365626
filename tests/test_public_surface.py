"""What `limner` offers is explicit, documented and importable; so is the tree of errors."""

from __future__ import annotations

import inspect
import re

import pytest

import limner
from limner import errors

BRANCH = re.compile(r"^(?P<indent>[│├└─ ]*)(?P<name>\w+Error) {2,}\S")


def test_names_are_sorted() -> None:
    assert limner.__all__ == sorted(limner.__all__)
    assert dir(limner) == limner.__all__


@pytest.mark.parametrize("name", limner.__all__)
def test_name_resolves_and_is_documented(name: str) -> None:
    value = getattr(limner, name)
    if name == "__version__":
        assert re.fullmatch(r"\d+\.\d+\.\d+", value)
    else:
        doc = inspect.getdoc(value)
        assert doc is not None
        # A dataclass without a docstring is given its own signature as one.
        assert not doc.startswith(f"{name}(")


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'palette'"):
        _ = limner.palette


def drawn_tree(doc: str) -> dict[str, str | None]:
    """Name of each error in the drawn tree -> name of its parent."""
    parents: dict[str, str | None] = {}
    path: list[str] = []
    for branch in filter(None, map(BRANCH.match, doc.splitlines())):
        depth = len(branch["indent"]) // 4
        path[depth:] = [branch["name"]]
        parents[branch["name"]] = path[depth - 1] if depth else None
    return parents


def test_error_tree_is_drawn_as_it_is() -> None:
    classes = [
        value
        for value in vars(errors).values()
        if inspect.isclass(value) and issubclass(value, Exception)
    ]
    real = {
        cls.__name__: next((base.__name__ for base in cls.__bases__ if base in classes), None)
        for cls in classes
    }
    assert errors.__doc__ is not None
    assert drawn_tree(errors.__doc__) == real
    assert [name for name, parent in real.items() if parent is None] == ["LimnerError"]
