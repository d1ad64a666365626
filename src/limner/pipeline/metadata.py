"""A picture's own record of how it was painted: Limner's, which is exact, and an infotext."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from limner.errors import RequestError
from limner.pipeline import infotext
from limner.pipeline.embedded import COMMENT, GRID, LIMNER, OTHERS, PARAMETERS, read_texts
from limner.pipeline.request import Request
from limner.pipeline.result import PLAIN, Result
from limner.pipeline.sweeps import Axis

BLANK = "\0 \t\r\n"


@dataclass(frozen=True, kw_only=True)
class Record:
    """What a picture says of itself: a request, and what its infotext says that no field takes.

    model: the name of what painted it. others: empty where the request is Limner's own record.
    """

    request: Request
    model: str | None = None
    others: Mapping[str, str] = field(default_factory=dict)


def texts(
    result: Result,
    index: int,
    model: Path | None = None,
    others: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The texts of picture `index`: how this picture alone is painted (see `Request.alone`).

    model: the folder or file that painted it, which the infotext names. others: what else the
    infotext says, by key.
    """
    alone = result.request.alone(index)
    return _of_request(alone, alone, model, {**made_by(result), **(others or {})})


def sheet_texts(
    result: Result, model: Path | None = None, others: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The texts of a sheet of all pictures: the request of all, and the infotext of the first."""
    others = {**made_by(result), **(others or {})}
    return _of_request(result.request, result.request.alone(0), model, others)


def grid_texts(
    first: Request,
    axes: Sequence[Axis],
    model: Path | None = None,
    others: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The texts of a sheet along axes: the request of the first cell, and what varies from it."""
    varied = json.dumps({axis.name: axis.values for axis in axes}, ensure_ascii=False)
    return {**_of_request(first, first, model, others), GRID: varied}


def made_by(result: Result) -> dict[str, str]:
    """What ran the model, for an infotext, where that was not what runs every model."""
    return {} if result.engine == PLAIN else {"Engine": result.engine}


def _of_request(
    request: Request, told: Request, model: Path | None, others: Mapping[str, str] | None
) -> dict[str, str]:
    """Limner's own record of one request, and the infotext of another."""
    return {LIMNER: request.to_json(), PARAMETERS: described(told, model, others)}


def described(request: Request, model: Path | None, others: Mapping[str, str] | None = None) -> str:
    """The infotext, with the model's name, and its hash where it is one file."""
    if model is None:
        return infotext.format(request, others=others)
    code = model_hash(model.resolve()) if model.is_file() else None
    return infotext.format(request, model=model_name(model), model_hash=code, others=others)


def model_name(model: Path) -> str:
    """What a picture calls the model of a folder or file."""
    path = model.resolve()
    return path.stem if path.is_file() else path.name


@lru_cache(maxsize=16)
def model_hash(path: Path) -> str:
    """The first ten hex digits of a file's SHA-256, by which others know it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:10]


def read_record(path: Path) -> Record:
    """Limner's own record in a PNG, JPEG or WebP, else an infotext or another program's record.

    Raises RequestError where there is none: what a camera or a person wrote is no infotext.
    """
    return record_of(read_texts(path), str(path))


def record_of(found: Mapping[str, str], name: str = "the picture") -> Record:
    """The same of a picture's texts by keyword. name: what errors call the picture."""
    said = _said(found)
    model = None if said is None else said.others.get("Model")
    if LIMNER in found:
        return Record(request=Request.from_json(found[LIMNER]), model=model)
    if said is not None:
        return Record(request=said.request, model=model, others=said.others)
    raise RequestError(
        f"{name} holds no record of how it was painted: Limner's, A1111's, ComfyUI's, InvokeAI's, "
        "SwarmUI's and Fooocus' are read"
    )


def _said(found: Mapping[str, str]) -> infotext.Infotext | None:
    """What the texts of a picture say of its painting; of its own keyword any text is a prompt."""
    from limner.pipeline.programs import read_json

    for keyword in (PARAMETERS, COMMENT, *OTHERS):
        text = found.get(keyword, "").strip(BLANK)
        if text and (said := None if LIMNER in found else read_json(text)) is not None:
            return said
        own = keyword == PARAMETERS and text
        if own or (keyword not in OTHERS and infotext.is_one(text)):
            return infotext.parse(text)
    return None


def read_request(path: Path) -> Request:
    """The request of a picture that Limner or another program painted.

    Raises RequestError as `read_record` does.
    """
    return read_record(path).request
