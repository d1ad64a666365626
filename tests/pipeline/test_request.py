"""Requests: the names that people know become Limner's."""

from __future__ import annotations

import pytest

from limner.errors import RequestError
from limner.pipeline import Request


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ({"solver": "DPM++ 2M Karras"}, ("dpmpp_2m", "karras")),
        ({"solver": "dpm2 A karras", "schedule": "Karras"}, ("dpm2_ancestral", "karras")),
        ({"solver": "Euler a"}, ("euler_ancestral", None)),
        ({"solver": "uni_pc", "schedule": "sgm_uniform"}, ("unipc", "sgm")),
        ({"solver": "EulerAncestralDiscreteScheduler"}, ("euler_ancestral", None)),
        ({"schedule": "SGM Uniform"}, (None, "sgm")),
        ({}, (None, None)),
    ],
)
def test_names_are_kept_as_limners(
    asked: dict[str, str], kept: tuple[str | None, str | None]
) -> None:
    request = Request(prompt="a cat", **asked)
    assert (request.solver, request.schedule) == kept
    again = Request.from_json(request.to_json())
    assert (again.solver, again.schedule) == kept


def test_a_models_defaults_are_read_the_same_way() -> None:
    request = Request(prompt="a cat").with_defaults(solver="DPM++ SDE", schedule="Karras")
    assert (request.solver, request.schedule) == ("dpmpp_sde", "karras")


def test_a_solver_that_names_another_schedule_than_asked_for_is_refused() -> None:
    with pytest.raises(RequestError, match="says schedule 'karras', but schedule is 'simple'"):
        Request(prompt="a cat", solver="DPM++ 2M Karras", schedule="simple")
