"""A1111's infotext: how a picture was painted, as the text that most programs write and read.

    <prompt, one line or several>
    Negative prompt: <left out if empty>
    Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 5, Size: 512x768, ...

The last line holds parameters only where `PARAMETER` matches at least three times; a value with a
comma, a colon or a newline is quoted as JSON has it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from limner.diffusion.elsewhere import (
    A1111_SAMPLERS,
    A1111_SCHEDULES,
    A1111_TIMES,
    a1111,
    a1111_schedule,
    written,
)
from limner.diffusion.names import NoiseMode, solver_and_schedule
from limner.errors import RequestError
from limner.pipeline.request import Request
from limner.pipeline.statement import FIELDS
from limner.text.dialect import Dialect, Weighting
from limner.version import __version__

Reader = Callable[[str, Mapping[str, Any]], dict[str, Any]]
"""(a value, the fields so far) -> the fields that it says; ValueError where it says none."""

NEGATIVE = "Negative prompt:"
OWN = "Limner"
LEAST_PARAMETERS = 3

# The published pattern is \s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$), searched for again
# and again. Here what cannot begin a match is taken whole, as a word or as what is between words,
# and nothing is given back, so that the time grows with the length and not with its square.
PARAMETER = re.compile(
    r"""(?P<key>\w[\w \-/]++):\s*+(?P<value>"(?:\\.|[^\\"])++"(?=,|\Z)|[^,]*+),?"""
    r"""|\w[\w \-/]*+|\W++"""
)

# A1111's names of weightings; Limner writes dialect and weighting by its own.
EMPHASIS = {
    "Original": {"weighting": Weighting.SCALE.value},
    "No norm": {"weighting": Weighting.SCALE_PLAIN.value},
    "Ignore": {"weighting": Weighting.IGNORE.value},
    "None": {"dialect": Dialect.PLAIN.value},
}
# A1111 says nothing of the RNG where it was the GPU's.
UNSAID = {"noise": NoiseMode.NV.value}


@dataclass(frozen=True, kw_only=True)
class Infotext:
    """What an infotext says: fields of a `Request`, and what no field stands for, in its words."""

    fields: dict[str, Any]
    others: dict[str, str]

    @property
    def request(self) -> Request:
        """What the text asks for; what it does not say is left to the model."""
        return Request(**self.fields)


def format(
    request: Request,
    *,
    model: str | None = None,
    model_hash: str | None = None,
    others: Mapping[str, str] | None = None,
) -> str:
    """The infotext of one picture; fields of None are left out.

    model, model_hash: the checkpoint's name and `model_hash`, where there are such. others: what
    else is to be said of how it was painted, by key.
    """
    parameters: dict[str, object] = {
        "Model hash": model_hash,
        "Model": model,
        "Hires steps": hires_steps(request.steps, request.refine) if _enlarged(request) else None,
    }
    for name, field in FIELDS.items():
        key, write = field.about.infotext, WRITERS.get(name)
        if key:
            value = getattr(request, name) if write is None else write(request)
            parameters |= {} if value is None else {key: value}
    said = {key: parameters[key] for key in sorted(parameters, key=_place)}
    said |= {**(others or {}), "Version": f"{OWN} {__version__}"}
    lines = [request.prompt]
    if request.negative:
        lines.append(f"{NEGATIVE} {request.negative}")
    shown = (f"{key}: {quote(value)}" for key, value in said.items() if value is not None)
    lines.append(", ".join(shown))
    return "\n".join(lines)


def parse(text: str) -> Infotext:
    """What any text says, in linear time; no text is an error.

    A parameter whose value no `Request` takes, such as an unknown sampler, is among the others.
    """
    body, parameters = split(text.strip())
    prompt, negative = halves(body)
    fields: dict[str, Any] = {"prompt": clean(prompt), "negative": clean(negative)}
    if parameters:
        fields |= UNSAID
    others = dict(parameters)
    own = parameters.get("Version", "").startswith(OWN)
    for key, read in (OWN_READERS if own else READERS).items():
        if key not in parameters or (key == "Eta" and _of_ddim_alone(parameters)):
            continue
        try:
            said = read(parameters[key], fields)
            Request(**{**fields, **said})
        except (ValueError, OverflowError, RecursionError):
            continue
        fields |= said
        del others[key]
    return Infotext(fields=fields, others=others)


def is_one(text: str) -> bool:
    """Whether a text has what only an infotext has: parameters, or a negative prompt."""
    _, parameters = split(text.strip())
    return bool(parameters) or f"\n{NEGATIVE}" in f"\n{text}"


def _of_ddim_alone(parameters: Mapping[str, str]) -> bool:
    """Whether Eta says nothing: stable-diffusion.cpp writes it always, and heeds it in DDIM."""
    theirs = parameters.get("Version", "").startswith("stable-diffusion.cpp")
    return theirs and not parameters.get("Sampler", "").startswith(("ddim", "DDIM"))


def split(text: str) -> tuple[str, dict[str, str]]:
    """The text before the line of parameters, and these; none if the last line is no such line."""
    body, _, line = text.rpartition("\n")
    found = list(pairs(line))
    return (body, dict(found)) if len(found) >= LEAST_PARAMETERS else (text, {})


def pairs(line: str) -> Iterator[tuple[str, str]]:
    """Each key and its value, unquoted."""
    for match in PARAMETER.finditer(line):
        if match["key"] is not None:
            yield match["key"], unquote(match["value"].strip())


def halves(body: str) -> tuple[str, str]:
    """Prompt and negative prompt: the latter begins at the first line that says so."""
    before, found, negative = f"\n{body}".partition(f"\n{NEGATIVE}")
    return before.strip(), negative.strip() if found else ""


def quote(value: object) -> str:
    """A value as it stands in the line: whole numbers without a point, JSON where needed."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if re.search(r'[,:\n"]', text) else text


def unquote(text: str) -> str:
    """The inverse of `quote`; what is no JSON string stays as it is."""
    if not (len(text) > 1 and text[0] == text[-1] == '"'):
        return text
    try:
        return clean(json.loads(text))
    except ValueError:
        return text


def clean(text: str) -> str:
    """The text with a question mark for each half of a character that came without the other."""
    return text.encode(errors="replace").decode()


def _sampler(name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """A sampler as A1111 has it; stable-diffusion.cpp calls the uniform schedule discrete."""
    found = a1111(name.removesuffix(" discrete"))
    discards = {"discard_penultimate": True} if found.discard_penultimate else {}
    return {"solver": found.solver, "schedule": found.schedule, **discards}


def _own_sampler(name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """A solver that Limner wrote, by A1111's name or its own; the schedule is said beside it."""
    solver, schedule = solver_and_schedule(name)
    return {"solver": solver} | ({} if schedule is None else {"schedule": schedule})


def _schedule(name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """A schedule as A1111 has it; some of its samplers go their own way whatever is said."""
    solver = fields.get("solver", "")
    schedule = a1111_schedule(name, solver)
    return {"schedule": A1111_TIMES.get(solver, schedule)}


def _own_schedule(name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"schedule": a1111_schedule(name)}


def _size(text: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    width, height = text.split("x")
    return {"size": (int(width), int(height))}


def _noise(name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    modes = {"cpu": NoiseMode.CPU, **dict.fromkeys(("nv", "gpu", "cuda"), NoiseMode.NV)}
    if name.lower() not in modes:
        raise RequestError(f"RNG {name!r} is unknown: one of CPU, NV, GPU, cuda is right")
    return {"noise": modes[name.lower()].value}


def _noise_batch(count: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"noise": NoiseMode.BATCH.value, "count": int(count)}


def _emphasis(name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    if name not in EMPHASIS:
        raise RequestError(f"Emphasis {name!r} is unknown: one of {', '.join(EMPHASIS)} is right")
    return EMPHASIS[name]


def _regions(text: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"regions": FIELDS["regions"].check(json.loads(text))}


def _said_regions(request: Request) -> str | None:
    """The regions as JSON; of a mask, that there was one."""
    if not request.regions:
        return None
    stored = FIELDS["regions"].about.kind.stored(request.regions)
    return json.dumps(stored, ensure_ascii=False)


def hires_steps(steps: int | None, refine: float | None) -> int | None:
    """How many steps painting over an enlarged picture takes."""
    return None if steps is None or refine is None else int(steps * refine)


def _denoising(text: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """How far an enlarged picture was painted over; else of an edit, which needs a picture."""
    if fields.get("upscale") is None:
        raise RequestError("a denoising strength is of an edit")
    return {"refine": float(text)}


def _hires_steps(text: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Nothing new where they are as many as the strength says: Limner has no field for others."""
    if int(text) != hires_steps(fields.get("steps"), fields.get("refine")):
        raise RequestError(f"Hires steps {text} are not those of the denoising strength")
    return {}


def _enlarged(request: Request) -> bool:
    """Whether what was enlarged is said: A1111's edits have no second painting."""
    return request.upscale not in (None, 1) and request.strength is None


def _place(key: str) -> int:
    return ORDER.index(key) if key in ORDER else len(ORDER)


def _as_read(name: str) -> Reader:
    """The reader of a field whose values are spelled as Limner has them."""
    return lambda text, fields: {name: FIELDS[name].about.kind.read(text)}


WRITERS: dict[str, Callable[[Request], object]] = {
    "solver": lambda request: written(A1111_SAMPLERS, request.solver),
    "schedule": lambda request: written(A1111_SCHEDULES, request.schedule),
    "discard_penultimate": lambda request: request.discard_penultimate or None,
    "size": lambda request: None if request.size is None else "x".join(map(str, request.size)),
    "upscale": lambda request: request.upscale if _enlarged(request) else None,
    "refine": lambda request: request.refine if _enlarged(request) else None,
    "variation_strength": lambda request: request.variation_strength or None,
    "noise": lambda request: "NV" if request.noise == NoiseMode.NV else "CPU",
    "regions": _said_regions,
    "count": lambda request: request.count if request.noise == NoiseMode.BATCH else None,
}
"""Field -> what is written of it, where that is not its value; None: nothing."""

ORDER = (
    "Steps", "Sampler", "Schedule type", "CFG scale", "Seed", "Size", "Model hash", "Model", "Eta",
    "Denoising strength", "Hires upscale", "Hires steps", "Clip skip", "Variation seed",
    "Variation seed strength", "RNG",
)  # fmt: skip
"""Keys as A1111 puts them; Limner's own come behind."""

_SPELLED: dict[str, Reader] = {
    "Emphasis": _emphasis,
    "Sampler": _sampler,
    "Size": _size,
    "RNG": _noise,
    "Regions": _regions,
}
_RESTING: dict[str, Reader] = {  # each on what was read before
    "Schedule type": _schedule,
    "Variation seed": _as_read("variation_seed"),
    "Denoising strength": _denoising,
    "Hires steps": _hires_steps,
    "Noise batch": _noise_batch,
}
READERS: dict[str, Reader] = {
    **_SPELLED,
    **{
        field.about.infotext: _as_read(name)
        for name, field in FIELDS.items()
        if field.about.infotext and field.about.infotext not in {*_SPELLED, *_RESTING}
    },
    **_RESTING,
}
"""Key -> what reads it, in an order in which each may rest on those before it."""
OWN_READERS: dict[str, Reader] = READERS | {
    "Sampler": _own_sampler,
    "Schedule type": _own_schedule,
}
"""The same of a text that Limner wrote."""
