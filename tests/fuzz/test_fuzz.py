"""Whatever is given: a LimnerError or a result, in bounded memory and time, and nothing else.

    scripts/test -n 0 -o addopts= -m slow tests/fuzz   ten minutes, the seeds 0, 1, 2, ... of each
    LIMNER_FUZZ_SECONDS=60 scripts/test ...            another length

(`-o addopts=`: without the checker of types that the other tests run under, as Limner is used.)
A failure names the target, the seed and the smallest case that shows it; `kept.py` holds those that
were mended. The plain tests take a few cases of each target, the same in every run.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from kept import KEPT
from world import TARGETS, World

from limner.errors import LimnerError

SECONDS = float(os.environ.get("LIMNER_FUZZ_SECONDS", "600"))
QUICK = 10  # cases of each target in the plain tests
EACH = 100  # cases of one seed
MOST_BYTES, MOST_SECONDS = 2**29, 20.0  # that one case may take; of processor time
UNIT = 1 if sys.platform == "darwin" else 1024


@pytest.fixture(scope="module")
def world(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    return World.made(tiny_model, tmp_path_factory.mktemp("fuzz"))


def held(name: str, world: World, case: Any) -> None:
    """Run one case: it may fail as Limner fails, and takes no more than it may."""
    run, _ = TARGETS[name]
    before, began = _peak(), time.process_time()
    with contextlib.suppress(LimnerError):
        run(world, case)
    assert _peak() - before < MOST_BYTES
    assert time.process_time() - began < MOST_SECONDS


def fuzzed(name: str, world: World, number: int | None, count: int) -> None:
    """So many cases of a target; number: the seed, None for those of every run."""

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=number is None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    @given(case=TARGETS[name][1])
    def cases(case: Any) -> None:
        held(name, world, case)

    if number is not None:
        cases = seed(number)(cases)
    cases()


@pytest.mark.parametrize("name", TARGETS)
def test_a_few_of_each(name: str, world: World) -> None:
    fuzzed(name, world, None, QUICK)


@pytest.mark.parametrize("name", TARGETS)
def test_what_went_wrong_once(name: str, world: World) -> None:
    for case in KEPT.get(name, ()):
        held(name, world, case)


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_for_ten_minutes(name: str, world: World) -> None:
    began, number = time.monotonic(), 0
    while time.monotonic() - began < SECONDS / len(TARGETS):
        try:
            fuzzed(name, world, number, EACH)
        except BaseException as error:
            error.add_note(f"target {name}, seed {number}")
            raise
        number += 1


def _peak() -> int:
    """The most memory that this process has held so far, in bytes."""
    return UNIT * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
