"""What a folder's scheduler_config.json means for a model, and what one of ours holds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from limner.checkpoints.settings import Sampling
from limner.diffusion.prediction import Prediction, prediction_named
from limner.diffusion.process import EDM, DiscreteDiffusion, Process
from limner.diffusion.scheduler_config import plan_from_dict, prediction_name
from limner.diffusion.scheduler_process import process_from_dict
from limner.errors import CheckpointError, UsageError

DIFFUSERS_PREDICTIONS = {"epsilon": "epsilon", "v": "v_prediction", "sample": "sample"}
EDM_PREDICTIONS = {"edm": "epsilon", "v": "v_prediction"}
# diffusers' scheduler for a folder of ours: the plainest, set as for every Stable Diffusion
DDIM = {
    "_class_name": "DDIMScheduler",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
}


def described_by(scheduler: Mapping[str, Any], file: Path) -> tuple[Process, Prediction]:
    """The process and the prediction of a scheduler; CheckpointError names the file."""
    try:
        process = process_from_dict(scheduler)
        return process, prediction_named(prediction_name(scheduler), process)
    except (KeyError, TypeError, ValueError, UsageError) as error:
        raise CheckpointError(f"{file} does not describe a noise process: {error}") from None


def sampled_by(
    scheduler: Mapping[str, Any], sampling: Sampling, process: Process
) -> tuple[Sampling, tuple[str, ...]]:
    """The sampling as a scheduler of diffusers has it, and what of that Limner does not do."""
    try:
        plan = plan_from_dict(scheduler, process)
    except (KeyError, TypeError, ValueError, UsageError) as error:
        note = (
            f"its scheduler is not followed ({error}): {sampling.solver} and {sampling.schedule} "
            "levels are taken unless others are asked for"
        )
        return sampling, (note,)
    return sampling.by_scheduler(plan), plan.notes


def plain_scheduler(process: Process, prediction: str) -> tuple[str, dict[str, Any]]:
    """(its library, its configuration) of the plainest scheduler for a process."""
    if isinstance(process, DiscreteDiffusion) and prediction in DIFFUSERS_PREDICTIONS:
        told = {"prediction_type": DIFFUSERS_PREDICTIONS[prediction]}
        return "diffusers", process.to_dict() | DDIM | told
    if isinstance(process, EDM) and prediction in EDM_PREDICTIONS:
        told = {"_class_name": "EDMEulerScheduler", "prediction_type": EDM_PREDICTIONS[prediction]}
        return "diffusers", process.to_dict() | told
    return "limner", {**process.to_dict(), "prediction_type": prediction}
