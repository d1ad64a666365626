"""What every test stands on: fixed random numbers and fixed numbers of threads."""

from __future__ import annotations

import os

import pytest
import torch
from hypothesis import settings

# The same examples in every run, however slow the machine.
settings.register_profile("limner", deadline=None, derandomize=True, database=None)
settings.load_profile("limner")


@pytest.fixture(autouse=True)
def _random_numbers() -> None:
    """Each test begins with the same global random state, whichever ran before it."""
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _threads(request: pytest.FixtureRequest) -> None:
    """Small tensors lose time on more than one thread; the full-size tests of `slow` gain it."""
    slow = request.node.get_closest_marker("slow") is not None
    cores = os.cpu_count() if slow else 1
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", cores)))
