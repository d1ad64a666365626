"""`limner schema`: what a request is, for programs."""

from __future__ import annotations

import json

from limner.cli import streams
from limner.pipeline.schema import schema


def command() -> None:
    """Print the JSON schema (draft 2020-12) of a request: fields, types, ranges, defaults.

    A line of limner batch is such an object; a picture's own record is one, too.
    """
    streams.tell(json.dumps(schema(), indent=2, ensure_ascii=False))
