"""SwarmUI's record: {"sui_image_params": {...}}, over ComfyUI's sampling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from limner.pipeline.infotext import Infotext
from limner.pipeline.programs.said import Said, layers_from_end, sampled, schedule, size
from limner.text.dialect import Dialect

IMAGE = "sui_image_params"
USED = {
    "prompt", "negativeprompt", "seed", "steps", "cfgscale", "width", "height", "sampler",
    "scheduler", "clipstopatlayer", "model", "images", "aspectratio",
}  # fmt: skip


def wrote(record: Mapping[str, Any]) -> bool:
    return isinstance(record.get(IMAGE), Mapping)


def read(record: Mapping[str, Any]) -> Infotext:
    said, image = Said(Dialect.COMFY), record[IMAGE]
    for key, read in (
        ("prompt", "prompt"),
        ("negativeprompt", "negative"),
        ("seed", "seed"),
        ("steps", "steps"),
        ("cfgscale", "guidance"),
        ("sampler", sampled),
        ("scheduler", schedule),
        ("clipstopatlayer", layers_from_end),
    ):
        said.take(key, image.get(key), read)
    if (both := size(image.get("width"), image.get("height"))) is not None:
        said.take("size", *both)
    said.tell("Model", image.get("model"))
    said.rest(image, USED)
    return said.infotext()
