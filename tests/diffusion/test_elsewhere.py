"""Samplers and schedules by the names of A1111 and ComfyUI, and what these paint by them."""

from __future__ import annotations

import pytest

from limner.diffusion.elsewhere import (
    A1111_AUTOMATIC,
    A1111_DISCARDS,
    A1111_SAMPLERS,
    A1111_SCHEDULES,
    A1111_TIMES,
    COMFYUI_DISCARDS,
    Sampled,
    a1111,
    a1111_schedule,
    comfyui,
)
from limner.diffusion.names import SCHEDULE_NAMES, SOLVER_NAMES
from limner.diffusion.process import DiscreteDiffusion
from limner.diffusion.schedules import AYS_SIGMAS, Schedule, levels
from limner.errors import RequestError

SD1 = DiscreteDiffusion()


def _sigmas(sampled: Sampled, steps: int) -> list[float]:
    assert sampled.schedule is not None
    made = levels(SD1, steps, sampled.schedule, discard_penultimate=sampled.discard_penultimate)
    return [level.sigma for level in made]


def test_the_tables_name_what_there_is() -> None:
    solvers = {*A1111_SAMPLERS, *A1111_AUTOMATIC, *A1111_TIMES, *A1111_DISCARDS, *COMFYUI_DISCARDS}
    assert solvers <= SOLVER_NAMES.keys()
    schedules = {*A1111_SCHEDULES, *A1111_AUTOMATIC.values(), *A1111_TIMES.values()}
    assert schedules <= SCHEDULE_NAMES.keys()


@pytest.mark.parametrize(
    ("name", "steps", "begins"),
    [
        ("Beta", 20, [14.6, 14.4, 14.0]),
        ("Align Your Steps", 11, AYS_SIGMAS[Schedule.AYS_SD1]),
        ("Uniform", 20, [14.61, 10.75]),
    ],
)
def test_a1111_schedules_have_its_numbers(name: str, steps: int, begins: list[float]) -> None:
    sigmas = _sigmas(a1111("Euler", name), steps)
    assert sigmas[: len(begins)] == pytest.approx(begins, abs=0.05)
    assert len(sigmas) == steps + 1


def test_kl_optimal_of_a1111_ends_at_the_least_noise() -> None:
    sigmas = _sigmas(a1111("Euler", "KL Optimal"), 10)
    assert len(sigmas) == 11
    assert sigmas[-1] == pytest.approx(0.029167, abs=1e-6)
    comfy = _sigmas(comfyui("euler", "kl_optimal"), 11)
    assert comfy == pytest.approx([*sigmas, 0])


@pytest.mark.parametrize("sampler", ["DPM2", "DPM2 a", "DPM++ 3M SDE"])
def test_some_samplers_leave_the_last_level_but_one_out(sampler: str) -> None:
    whole = _sigmas(a1111("Euler", "Karras"), 11)
    assert _sigmas(a1111(sampler, "Karras"), 10) == [*whole[:-2], 0]
    assert a1111(f"{sampler} Karras") == a1111(sampler, "Karras")
    in_comfy = {"DPM2": "dpm_2", "DPM2 a": "dpm_2_ancestral", "DPM++ 3M SDE": "dpmpp_3m_sde"}
    assert comfyui(in_comfy[sampler], "karras").discard_penultimate == ("3M" not in sampler)


@pytest.mark.parametrize("sampler", ["uni_pc", "uni_pc_bh2"])
def test_unipc_of_comfyui(sampler: str) -> None:
    assert comfyui(sampler, "normal").discard_penultimate


@pytest.mark.parametrize("schedule", [None, "Automatic", "Karras"])
def test_samplers_of_a1111_that_go_their_own_way(schedule: str | None) -> None:
    for sampler in ("DDIM", "PLMS"):
        found = a1111(sampler, schedule)
        assert found.schedule == "ddim_uniform"
        times = [level.t for level in levels(SD1, 30, found.schedule)][:-1]
        assert times == pytest.approx([*reversed(range(1, 1000, 33))], abs=1e-8)
    # 1, ..., 1/1000 of a thousand times at both ends of each of its steps
    unipc = a1111("UniPC", schedule)
    whole = _sigmas(a1111("Euler", "Uniform"), 21)
    assert _sigmas(unipc, 20) == [*whole[:-2], 0]


def test_automatic_rests_on_the_sampler() -> None:
    assert a1111("DPM++ 2M", "Automatic").schedule == "karras"
    assert a1111("DPM++ 2M SDE", "Automatic").schedule == "exponential"
    assert a1111("Euler a", "Automatic").schedule == "uniform"
    assert a1111("DPM++ 2M").schedule == "uniform"
    assert comfyui("dpmpp_2m").schedule is None


def test_names_of_the_same_letters_are_told_apart() -> None:
    """As A1111 writes them, or as Limner and ComfyUI do."""
    assert (a1111_schedule("Beta"), a1111_schedule("beta")) == ("beta_sigmas", "beta")
    assert comfyui("euler", "beta").schedule == "beta"
    assert a1111_schedule("Align Your Steps") == "ays_whole"
    with pytest.raises(RequestError, match="'Turbo' is unknown"):
        a1111("Euler", "Turbo")
