"""Every option of a scheduler that changes numbers is read, or told where Limner lacks it."""

from __future__ import annotations

import inspect
import json
import math
from typing import Any

import diffusers
import pytest

from limner.diffusion.scheduler_config import plan_from_dict
from limner.diffusion.scheduler_defaults import DEFAULTS
from limner.diffusion.scheduler_notes import DETAILS, READ, TABLE, notes_of
from limner.diffusion.scheduler_process import completed, process_from_dict

SD = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
TOLD = {option for option, *_ in TABLE}


@pytest.mark.parametrize("name", DEFAULTS)
def test_defaults_are_those_of_diffusers(name: str) -> None:
    if name == "DPMSolverSDEScheduler":  # needs torchsde, without which it is a stand-in
        pytest.skip("its signature is not to be seen without torchsde")
    parameters = inspect.signature(getattr(diffusers, name).__init__).parameters
    theirs = {n: p.default for n, p in parameters.items() if n != "self"}
    assert DEFAULTS[name] == theirs


@pytest.mark.parametrize("name", DEFAULTS)
def test_every_option_is_read_or_told_or_a_detail(name: str) -> None:
    assert DEFAULTS[name].keys() <= READ | DETAILS | TOLD


def _notes(name: str, **options: Any) -> tuple[str, ...]:
    return notes_of(completed({"_class_name": name, **options}))


# fmt: off
CASES: list[tuple[str, dict[str, Any], str]] = [
    ("DPMSolverMultistepScheduler", {"solver_order": 3}, "sets solver_type 'midpoint', which Limner does otherwise"),  # noqa: E501
    ("UniPCMultistepScheduler", {"use_karras_sigmas": True, "final_sigmas_type": "sigma_min"}, "not asked once more"),  # noqa: E501
    ("DDPMScheduler", {"clip_sample": False, "variance_type": "fixed_large"}, "the small one"),
    ("DPMSolverMultistepScheduler", {"variance_type": "learned_range"}, "learned variance"),
    ("EulerDiscreteScheduler", {"interpolation_type": "log_linear"}, "linearly"),
    ("FlowMatchEulerDiscreteScheduler", {"use_dynamic_shifting": True}, "at every size"),
    ("FlowMatchEulerDiscreteScheduler", {"invert_sigmas": True}, "not inverted"),
    ("FlowMatchEulerDiscreteScheduler", {"stochastic_sampling": True}, "no fresh noise"),
    ("UniPCMultistepScheduler", {"predict_x0": False}, "works on x_0"),
    ("UniPCMultistepScheduler", {"disable_corrector": [0]}, "every step is corrected"),
    ("UniPCMultistepScheduler", {"solver_p": {}}, ""),
    ("PNDMScheduler", {}, "no Runge-Kutta steps"),
    ("LCMScheduler", {"original_inference_steps": 100}, "50 times"),
    ("LCMScheduler", {"timestep_scaling": 1.0}, "not mixed"),
    ("DDIMScheduler", {"clip_sample": False, "timestep_spacing": "trailing"}, "next level"),
    ("DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++", "solver_order": 3, "solver_type": "heun"}, "differs in a sign"),  # noqa: E501
]
QUIET: list[tuple[str, dict[str, Any]]] = [
    ("DDIMScheduler", {}), ("DDPMScheduler", {"variance_type": "fixed_small_log"}),
    ("UniPCMultistepScheduler", {"thresholding": True, "lower_order_final": False}),
    ("DEISMultistepScheduler", {}), ("FlowMatchEulerDiscreteScheduler", {"shift_terminal": 0.1}),
    ("DPMSolverMultistepScheduler", {"lambda_min_clipped": -5.1, "final_sigmas_type": "sigma_min"}),
    ("PNDMScheduler", {"skip_prk_steps": True}),
    ("EulerDiscreteScheduler", {"clip_sample": True, "skip_prk_steps": False}),
    ("DPMSolverMultistepScheduler", {"euler_at_final": True, "lambda_min_clipped": -math.inf}),
    ("UniPCMultistepScheduler", {"timestep_spacing": "trailing"}),
    ("EDMEulerScheduler", {}), ("FlowMatchEulerDiscreteScheduler", {"shift": 3.0}),
]
# fmt: on


@pytest.mark.parametrize(("name", "options", "said"), CASES)
def test_what_is_not_done_is_told(name: str, options: dict[str, Any], said: str) -> None:
    notes = _notes(name, **options)
    assert len(notes) == (1 if said else 0)
    assert all(said in note and name in note for note in notes)


def test_every_row_of_the_table_is_tried() -> None:
    tried = " ".join(note for name, options, _ in CASES for note in _notes(name, **options))
    untried = {sentence for option, _, _, sentence in TABLE if sentence not in tried}
    assert untried == {"the predictor is UniPC's own"}
    assert _notes("UniPCMultistepScheduler", solver_p={"_class_name": "DDIMScheduler"})


@pytest.mark.parametrize(("name", "options"), QUIET)
def test_what_a_class_does_not_read_and_what_changes_nothing_is_not_told(
    name: str, options: dict[str, Any]
) -> None:
    assert _notes(name, **options) == ()


def test_options_that_are_left_out_of_a_file_are_the_classs_own() -> None:
    config = {"_class_name": "PNDMScheduler", **SD, "skip_prk_steps": True, "steps_offset": 1}
    process = process_from_dict(config)
    whole = json.loads(diffusers.PNDMScheduler.from_config(config).to_json_string())
    assert plan_from_dict(config, process) == plan_from_dict(whole, process_from_dict(whole))
