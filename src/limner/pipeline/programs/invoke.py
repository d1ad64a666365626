"""InvokeAI's records: `invokeai_metadata` since version 3, `sd-metadata` before.

It writes prompts as Compel reads them. Before version 3 what was to be led away from stood in the
prompt, in square brackets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from limner.diffusion.names import NoiseMode, solver_and_schedule
from limner.pipeline.infotext import Infotext
from limner.pipeline.programs.said import Said, size, whole
from limner.text.dialect import Dialect

# Its names of diffusers' schedulers, where they are not spelled as Limner's own or these solve in
# another order; `_k` behind one says Karras' levels.
SOLVERS = {
    "kdpm_2": "dpm2",
    "kdpm_2_a": "dpm2_ancestral",
    "dpm_2": "dpm2",
    "dpm_2_a": "dpm2_ancestral",
    "dpmpp_2s": "DPMSolverSinglestepScheduler",
    "dpmpp_2m": "DPMSolverMultistepScheduler",
    "deis": "DEISMultistepScheduler",
    "unipc": "UniPCMultistepScheduler",
}
BRACKETS = re.compile(r"\[([^\[\]]*)\]")
USED = {
    "positive_prompt", "negative_prompt", "seed", "steps", "cfg_scale", "width", "height",
    "scheduler", "clip_skip", "rand_device", "model", "cfg_rescale_multiplier",
}  # fmt: skip
OLD = {"prompt", "seed", "steps", "cfg_scale", "width", "height", "sampler", "type"}


def wrote(record: Mapping[str, Any]) -> bool:
    old = record.get("image")
    return "positive_prompt" in record or (isinstance(old, Mapping) and "prompt" in old)


def read(record: Mapping[str, Any]) -> Infotext:
    said = Said(Dialect.COMPEL)
    image = record if "positive_prompt" in record else record["image"]
    for key, read in (
        ("positive_prompt", "prompt"),
        ("negative_prompt", "negative"),
        ("prompt", _with_negative),
        ("seed", "seed"),
        ("steps", "steps"),
        ("cfg_scale", "guidance"),
        ("cfg_rescale_multiplier", "guidance_rescale"),
        ("scheduler", _solver),
        ("sampler", _solver),
        ("clip_skip", _skipped),
        ("rand_device", _noise),
    ):
        said.take(key, image.get(key), read)
    if (both := size(image.get("width"), image.get("height"))) is not None:
        said.take("size", *both)
    if image is record:
        said.tell("Model", _named(record.get("model")))
        said.rest(record, USED)
    else:
        said.tell("Model", _named(record.get("model_weights")))
        said.rest(image, OLD)
    return said.infotext()


def _solver(name: Any) -> dict[str, Any]:
    plain = str(name).removesuffix("_k").removeprefix("k_")
    found, _ = solver_and_schedule(SOLVERS.get(plain, plain))
    return {"solver": found} | ({"schedule": "karras"} if str(name).endswith("_k") else {})


def _skipped(value: Any) -> dict[str, Any]:
    """How many layers are skipped: none is the model's own."""
    count = whole(value)
    return {"clip_skip": count + 1} if count else {}


def _noise(device: Any) -> dict[str, Any]:
    modes = {"cpu": NoiseMode.CPU.value, "cuda": NoiseMode.NV.value}
    return {"noise": modes.get(device, device)}


def _with_negative(prompt: Any) -> dict[str, Any]:
    """A text, or a list of weighted ones, of which the first is read."""
    if isinstance(prompt, list) and len(prompt) == 1 and isinstance(prompt[0], Mapping):
        prompt = prompt[0].get("prompt")
    if not isinstance(prompt, str):
        raise ValueError("this is no text")
    negative = " ".join(match[1].strip() for match in BRACKETS.finditer(prompt))
    return {"prompt": " ".join(BRACKETS.sub(" ", prompt).split()), "negative": negative}


def _named(model: Any) -> Any:
    """The name of a model that is described."""
    if not isinstance(model, Mapping):
        return model
    return next((model[key] for key in ("model_name", "name") if key in model), None)
