"""The records of other programs, as far as they say what a `Request` has fields for.

ComfyUI     PNG chunk `prompt`, its graph; the same behind `prompt:` in a WebP's EXIF
InvokeAI    PNG chunk `invokeai_metadata`; up to version 2 `sd-metadata`
SwarmUI     JSON under `parameters` or as UserComment: `sui_image_params`
Fooocus     JSON under `parameters` or as UserComment: `metadata_scheme`, or its labels

One file a program. What a record says beside is told among the others, under its own key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from limner.errors import RequestError
from limner.pipeline.infotext import Infotext
from limner.pipeline.programs import comfy, fooocus, invoke, swarm

READERS = (swarm, fooocus, invoke, comfy)
BEGUN = re.compile(r'\s*\{\s*"')  # which no prompt begins with


def read_json(text: str) -> Infotext | None:
    """What a text says that is JSON; None where it is none, such as a prompt or an infotext.

    Raises RequestError for JSON that is no record of a program that is known here.
    """
    try:
        return _read(text)
    except RecursionError:  # in the JSON, or where something in it is told
        raise RequestError("a record of another program, nested too deep to be read") from None


def _read(text: str) -> Infotext | None:
    if not text.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(text)
    except ValueError as error:
        if BEGUN.match(text):
            raise RequestError(f"a record of another program, broken: {str(error)[:80]}") from None
        return None
    if isinstance(found, Mapping):
        for program in READERS:
            if program.wrote(found):
                return program.read(found)
    raise RequestError(
        "a record of a program that Limner does not know: those of A1111, ComfyUI, InvokeAI, "
        f"SwarmUI and Fooocus are right; it begins {text.strip()[:40]!r}"
    )
