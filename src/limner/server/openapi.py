"""Our own API as an OpenAPI document, made from its routes and the statement of a job's fields."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from starlette.routing import Route

from limner.pipeline.statement import FIELDS
from limner.server.fields import job_schema
from limner.server.shots import Seen
from limner.text.dialect import Dialect
from limner.version import __version__

PARAMETER = re.compile(r"\{(\w+)(?::(\w+))?\}")
HEX, WHOLE = {"type": "string", "pattern": "^[0-9a-f]{32}$"}, {"type": "integer", "minimum": 0}
DIALECT = {"type": ["string", "null"], "enum": [*(each.value for each in Dialect), None]}
PROMPT = {"type": "string", "description": FIELDS["prompt"].about.help}
QUERIES: dict[str, dict[str, Any]] = {
    "/jobs/{id}": {"wait": {"type": "number", "minimum": 0, "maximum": 60}},
    "/jobs/{id}/events": {"after": WHOLE},
    "/jobs/{id}/steps/{number}": {"picture": WHOLE, "of": {"type": "string", "enum": list(Seen)}},
    "/jobs/{id}/heatmaps": {
        "words": {"type": "string", "minLength": 1, "maxLength": 200},
        "picture": WHOLE,
    },
}
NUMBER, WHOLES = {"type": "number"}, {"type": "array", "items": WHOLE}
NAME = {"type": ["string", "null"]}
PICTURES = ("/jobs/{id}/images/{number}", "/jobs/{id}/steps/{number}", "/jobs/{id}/preview")
KINDS = {
    **dict.fromkeys((*PICTURES, "/jobs/{id}/heatmaps"), "image/png"),
    "/jobs/{id}/events": "text/event-stream",
}
"""What is answered with, where it is not JSON."""


def _object(properties: dict[str, Any], needed: Sequence[str] = ()) -> dict[str, Any]:
    said = {"type": "object", "properties": properties, "additionalProperties": False}
    return said | ({"required": list(needed)} if needed else {})


LEVEL = _object(dict.fromkeys(("t", "alpha", "sigma"), NUMBER), ("t", "alpha", "sigma"))
REQUEST = {"type": "object", "description": "A request, as JSON has it."}
PLAN = {
    "model": {"type": "string"}, "request": REQUEST, "total": {"type": ["integer", "null"]},
    "notes": {"type": "array", "items": {"type": "string"}},
    "levels": {"type": "array", "items": LEVEL}, "context": WHOLES, "latent": WHOLES,
    "stride": WHOLE, "denoiser": {"type": "string"}, "solver_source": {"type": "string"},
    "prediction": {"type": "string"},
}  # fmt: skip
RECORD = {
    "request": REQUEST, "model": NAME,
    "others": {"type": "object", "additionalProperties": {"type": "string"}},
}  # fmt: skip
ANSWERS = {
    "/plan": _object(PLAN, list(PLAN)),
    "/record": _object(RECORD, list(RECORD)),
}
"""What the JSON that is answered with looks like, where that is stated."""


def openapi(routes: Sequence[Route], root: str, models: tuple[str, ...]) -> dict[str, Any]:
    """The document (OpenAPI 3.1) of the routes below a root."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        path = PARAMETER.sub(r"{\1}", route.path)
        for method in sorted((route.methods or set()) - {"HEAD"}):
            operation = _operation(route, path.removeprefix(root), method, models)
            paths.setdefault(path, {})[method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Limner", "version": __version__},
        "paths": paths,
        "components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
        "security": [{}, {"key": []}],
    }


def _operation(route: Route, own: str, method: str, models: tuple[str, ...]) -> dict[str, Any]:
    said: dict[str, Any] = {
        "operationId": f"{method.lower()}{re.sub(r'[^a-z]+', '_', own)}".rstrip("_"),
        "summary": (route.endpoint.__doc__ or "").strip().split("\n")[0],
        "parameters": _parameters(route.path, own, method),
        "responses": _answers(own, method),
    }
    if method == "POST":
        schema, required = _body(own, models)
        content = {"application/json": {"schema": schema}}
        said["requestBody"] = {"required": required, "content": content}
    return said


def _parameters(path: str, own: str, method: str) -> list[dict[str, Any]]:
    found = [
        {"name": name, "in": "path", "required": True, "schema": WHOLE if kind else HEX}
        for name, kind in PARAMETER.findall(path)
    ]
    queries = QUERIES.get(own, {}) if method == "GET" else {}
    found += [{"name": name, "in": "query", "schema": schema} for name, schema in queries.items()]
    if (own, method) == ("/jobs", "POST"):
        once = {"type": "string", "pattern": "^[!-~]{1,128}$"}
        found.append({"name": "Idempotency-Key", "in": "header", "schema": once})
    if own == "/jobs/{id}/events":
        found.append({"name": "Last-Event-ID", "in": "header", "schema": WHOLE})
    return found


def _answers(own: str, method: str) -> dict[str, Any]:
    kind = KINDS.get(own, "application/json")
    schema = {"schema": ANSWERS[own]} if own in ANSWERS else {}
    done = {"description": "Done.", "content": {kind: schema}}
    problem = {"description": "What is wrong.", "content": {"application/problem+json": {}}}
    answers: dict[str, Any] = {"202" if (own, method) == ("/jobs", "POST") else "200": done}
    if own == "/jobs/{id}/events":
        answers["204"] = {"description": "All was told."}
    return {**answers, "4XX": problem, "503": problem}


def _body(own: str, models: tuple[str, ...]) -> tuple[dict[str, Any], bool]:
    """(the schema of what is sent, whether it must be)."""
    if own == "/record":
        file = {"type": "string", "contentEncoding": "base64"}
        return _object({"picture": file}, ("picture",)), True
    if own in ("/jobs", "/plan"):
        return job_schema(models), True
    if own == "/jobs/{id}/cancel":
        return _object({"keep": {"type": "boolean", "default": False}}), False
    if own == "/prompt/parse":
        model = {"type": ["string", "null"], "enum": [*models, None]}
        steps = FIELDS["steps"].schema()
        read = {"prompt": PROMPT, "dialect": DIALECT, "steps": steps, "model": model}
        return _object(read), True
    return _object({"prompt": PROMPT, "from": DIALECT, "to": DIALECT}), True
