"""Fooocus' record, of its scheme `fooocus`; that of its scheme `a1111` is an infotext.

It weights as A1111 does and reads brackets as ComfyUI does. The styles' own words are not painted:
they are told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from limner.pipeline.infotext import Infotext
from limner.pipeline.programs.said import Said, sampled, schedule, size
from limner.text.dialect import Dialect, Weighting

RESOLUTION = re.compile(r"\(?\s*(\d{1,9})\s*[,x\u00d7]\s*(\d{1,9})\s*\)?")
USED = {
    "prompt", "negative_prompt", "seed", "steps", "guidance_scale", "resolution", "sampler",
    "scheduler", "clip_skip", "base_model", "metadata_scheme", "full_prompt",
    "full_negative_prompt", "base_model_hash",
}  # fmt: skip


def wrote(record: Mapping[str, Any]) -> bool:
    """Its keys, or the labels of its log for them, which it writes with capitals and blanks."""
    return record.get("metadata_scheme") == "fooocus" or {"prompt", "performance"} <= {
        *_plain(record)
    }


def read(record: Mapping[str, Any]) -> Infotext:
    said, plain = Said(Dialect.COMFY), _plain(record)
    said.fields["weighting"] = Weighting.SCALE.value
    for key, read in (
        ("prompt", "prompt"),
        ("negative_prompt", "negative"),
        ("seed", "seed"),
        ("steps", "steps"),
        ("guidance_scale", "guidance"),
        ("sampler", sampled),
        ("scheduler", schedule),
        ("clip_skip", "clip_skip"),
    ):
        said.take(key, plain.get(key), read)
    resolution = plain.get("resolution")
    match = RESOLUTION.fullmatch(resolution) if isinstance(resolution, str) else None
    both = size(match[1], match[2]) if match else None
    if both is not None:
        said.take("resolution", *both)
    else:
        said.tell("resolution", resolution)
    said.tell("Model", plain.get("base_model"))
    said.rest(plain, USED)
    return said.infotext()


def _plain(record: Mapping[str, Any]) -> dict[str, Any]:
    return {key.lower().replace(" ", "_"): value for key, value in record.items()}
