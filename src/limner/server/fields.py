"""What a job of our own API is asked with: the one statement of a request's fields, and a few more.

Beside the fields that JSON holds there are pictures, as base64 of their files: `picture`,
`content`, and in place of their text `mask`, `style` and the mask of a region.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from limner.errors import RequestError
from limner.pipeline.kinds import Text, Truth
from limner.pipeline.request import Request
from limner.pipeline.schema import schema
from limner.pipeline.statement import FIELDS, STORED
from limner.server.uploads import file_of, is_data_url, picture_of

PICTURES = ("picture", "content")  # fields that JSON has not
PICTURED = ("mask", "style")  # fields of which a text may be a picture's file
MODEL, KEEP_STEPS, HEATMAPS = "model", "keep_steps", "heatmaps"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request, the model that paints it (None: the first), and what is kept for later looks."""

    request: Request
    model: str | None
    keep_steps: bool


def asked(values: Mapping[str, Any]) -> Asked:
    """What a JSON object asks for.

    Raises RequestError for an unknown field or a wrong value, ProblemError for a wrong picture.
    """
    values = dict(values)
    for name in values:
        if name not in (*STORED, *PICTURES, MODEL, KEEP_STEPS, HEATMAPS):
            known = ", ".join((*STORED, *PICTURES, MODEL, KEEP_STEPS, HEATMAPS))
            raise RequestError(f"{name[:40]!r} is unknown: one of {known} is right")
    model = values.pop(MODEL, None)
    keep_steps = Truth().check(KEEP_STEPS, values.pop(KEEP_STEPS, False))
    heatmaps = Truth().check(HEATMAPS, values.pop(HEATMAPS, False))
    pictures = {name: _picture(values.pop(name), name) for name in PICTURES if values.get(name)}
    for name in PICTURES:
        values.pop(name, None)
    for name in PICTURED:
        if is_data_url(values.get(name)):
            pictures[name] = _picture(values.pop(name), name)
    if isinstance(values.get("regions"), list):
        values["regions"] = [_region(each) for each in values["regions"]]
    if "prompt" not in values:
        values["prompt"] = _no_prompt(pictures)
    fields: dict[str, Any] = {name: FIELDS[name].check(value) for name, value in values.items()}
    fields |= {"attention": "mean"} if heatmaps else {}
    request = Request(**{**fields, **pictures})
    return Asked(
        request=request,
        model=None if model is None else Text().check(MODEL, model),
        keep_steps=keep_steps,
    )


def job_schema(models: tuple[str, ...]) -> dict[str, Any]:
    """The JSON schema of what `asked` takes."""
    said = schema()
    file = {"type": ["string", "null"], "contentEncoding": "base64", "default": None}
    more = {
        MODEL: {
            "type": ["string", "null"], "enum": [*models, None], "default": None,
            "description": f"Which model paints. Default: {models[0]}.",
        },
        KEEP_STEPS: {
            "type": "boolean", "default": False,
            "description": "Keep the denoised picture of each step, for steps/{number}.",
        },
        HEATMAPS: {
            "type": "boolean", "default": False,
            "description": "Keep what the denoiser looks at, for heatmaps.",
        },
        **{
            name: file | {"description": f"{FIELDS[name].about.help} A PNG, JPEG or WebP file."}
            for name in PICTURES
        },
    }  # fmt: skip
    properties = {**said["properties"], **more}
    for name in PICTURED:
        told = f"{properties[name]['description']} A picture as data:image/png;base64,..."
        properties[name] = properties[name] | {"description": told}
    return said | {"title": "Job", "properties": properties}


def _picture(text: Any, name: str) -> Any:
    return picture_of(file_of(text, name), name)


def _region(values: Any) -> Any:
    if isinstance(values, Mapping) and is_data_url(values.get("mask")):
        return {**values, "mask": _picture(values["mask"], "the mask of a region")}
    return values


def _no_prompt(pictures: Mapping[str, Any]) -> str:
    """Restyling a picture needs no words."""
    if "content" not in pictures:
        raise RequestError("a prompt is missing")
    return ""
