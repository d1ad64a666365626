"""Every package that pyproject.toml asks for is pinned, at a version that it allows."""

from __future__ import annotations

import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent


def pins() -> dict[str, str]:
    """Name -> version of constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in pairs}


def test_requirements_are_pinned_within_their_ranges() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wanted = [*project["build-system"]["requires"], *project["project"]["dependencies"]]
    for extra in project["project"]["optional-dependencies"].values():
        wanted += extra
    found = pins()
    for requirement in map(Requirement, wanted):
        name = canonicalize_name(requirement.name)
        if name == "limner":
            continue
        assert name in found, f"{name} has no line in constraints.txt"
        assert requirement.specifier.contains(found[name]), f"{name} {found[name]}: {requirement}"
