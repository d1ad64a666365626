"""Names of solvers and schedules: complete tables, and the spellings that people use."""

from __future__ import annotations

import diffusers
import pytest

from limner.diffusion.names import (
    SCHEDULE_NAMES,
    SOLVER_NAMES,
    schedule_name,
    solver_and_schedule,
    solver_name,
)
from limner.diffusion.schedules import Schedule
from limner.diffusion.solvers import SOLVERS
from limner.errors import RequestError

A1111 = {
    "DPM++ 2M": "dpmpp_2m",
    "DPM++ SDE": "dpmpp_sde",
    "DPM++ 2M SDE": "dpmpp_2m_sde",
    "DPM++ 2M SDE Heun": "dpmpp_2m_sde_heun",
    "DPM++ 2S a": "dpmpp_2s_ancestral",
    "DPM++ 3M SDE": "dpmpp_3m_sde",
    "Euler a": "euler_ancestral",
    "Euler": "euler",
    "LMS": "lms",
    "Heun": "heun",
    "DPM2": "dpm2",
    "DPM2 a": "dpm2_ancestral",
    "DDIM": "ddim",
    "PLMS": "plms",
    "UniPC": "unipc",
    "LCM": "lcm",
    "DPM fast": "dpm_fast",
    "DPM adaptive": "dpm_adaptive",
    "Restart": "restart",
}
COMFY = {
    "euler": "euler",
    "euler_ancestral": "euler_ancestral",
    "heun": "heun",
    "dpm_2": "dpm2",
    "dpm_2_ancestral": "dpm2_ancestral",
    "lms": "lms",
    "dpmpp_2s_ancestral": "dpmpp_2s_ancestral",
    "dpmpp_sde_gpu": "dpmpp_sde",
    "dpmpp_2m": "dpmpp_2m",
    "dpmpp_2m_sde_gpu": "dpmpp_2m_sde",
    "dpmpp_3m_sde": "dpmpp_3m_sde",
    "ddpm": "ddpm",
    "lcm": "lcm",
    "deis": "deis",
    "ddim": "ddim",
    "uni_pc": "unipc",
    "uni_pc_bh2": "unipc_bh2",
    "euler_cfg_pp": "euler_cfgpp",
    "euler_ancestral_cfg_pp": "euler_ancestral_cfgpp",
    "ipndm": "ipndm",
}
SCHEDULES = {
    "Karras": "karras",
    "Exponential": "exponential",
    "Uniform": "uniform",
    "normal": "normal",
    "SGM Uniform": "sgm",
    "sgm_uniform": "sgm",
    "Simple": "simple",
    "ddim_uniform": "ddim_uniform",
    "Beta": "beta",
    "Align Your Steps": "ays",
    "Polyexponential": "polyexponential",
    "kl_optimal": "kl_optimal",
    "linear_quadratic": "linear_quadratic",
    "trailing": "trailing",
}


def test_every_solver_and_schedule_has_a_row() -> None:
    assert list(SOLVER_NAMES) == list(SOLVERS)
    assert list(SCHEDULE_NAMES) == [schedule.value for schedule in Schedule]


@pytest.mark.parametrize(
    ("names", "kind"), [(SOLVER_NAMES, "solver"), (SCHEDULE_NAMES, "schedule")]
)
def test_no_name_means_two_things(names: dict[str, tuple[str, ...]], kind: str) -> None:
    find = solver_name if kind == "solver" else schedule_name
    for own, others in names.items():
        assert [find(name) for name in (own, *others)] == [own] * (1 + len(others))


@pytest.mark.parametrize(("name", "own"), [*A1111.items(), *COMFY.items()])
def test_solvers_are_found_however_they_are_written(name: str, own: str) -> None:
    for written in (name, name.upper(), name.lower(), name.replace(" ", ""), f" {name} "):
        assert solver_name(written) == own
        assert solver_and_schedule(written) == (own, None)


@pytest.mark.parametrize(("name", "own"), SCHEDULES.items())
def test_schedules_are_found_however_they_are_written(name: str, own: str) -> None:
    for written in (name, name.upper(), name.replace(" ", "_")):
        assert schedule_name(written) == own


@pytest.mark.parametrize("solver", A1111)
@pytest.mark.parametrize("schedule", ["Karras", "Exponential", "SGM Uniform", "Beta"])
def test_a_name_of_both(solver: str, schedule: str) -> None:
    both = A1111[solver], SCHEDULES[schedule]
    assert solver_and_schedule(f"{solver} {schedule}") == both
    assert solver_and_schedule(f"{solver}_{schedule}".lower()) == both


def test_classes_of_diffusers_exist() -> None:
    classes = [n for names in SOLVER_NAMES.values() for n in names if n.endswith("Scheduler")]
    assert len(classes) > 15
    assert all(hasattr(diffusers, name) for name in classes)


def test_an_unknown_name_is_answered_with_its_neighbours() -> None:
    with pytest.raises(RequestError, match="solver 'eulr' is unknown: one of euler"):
        solver_name("eulr")
    with pytest.raises(RequestError, match="schedule 'karas' is unknown: one of karras is right"):
        schedule_name("karas")
    with pytest.raises(RequestError, match=r"'zzz' is unknown: one of euler, heun, .*lcm is right"):
        solver_and_schedule("zzz")
    with pytest.raises(RequestError, match="'' is unknown"):
        solver_name("")
