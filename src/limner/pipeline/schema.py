"""The JSON schema of a request, made from the statement of its fields."""

from __future__ import annotations

from typing import Any

from limner.pipeline.statement import FIELDS, STORED

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """What `Request.from_values` takes, as JSON schema (draft 2020-12).

    What no schema says is left to the request itself: a size's product, what fits a model, that
    `refine` goes with `upscale` and `variation_seed` with a `variation_strength`.
    """
    return {
        "$schema": DRAFT,
        "title": "Request",
        "description": "What to paint. A field of null takes the model's own default.",
        "type": "object",
        "properties": {name: FIELDS[name].schema() for name in STORED},
        "required": [name for name in STORED if FIELDS[name].required],
        "additionalProperties": False,
    }
