"""Answers and bodies: JSON in and out, and what is wrong in the way of the door that was used."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from limner.server.problems import ProblemError

BODY_SECONDS = 30.0  # for which a body may take to come


class Json(JSONResponse):
    """JSON in UTF-8, with no number that JSON has not."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")


class ProblemJson(Json):
    media_type = "application/problem+json"


def rendered(problem: ProblemError, path: str) -> Response:
    """What is wrong, as clients of the door expect it."""
    status, headers = problem.status, problem.headers
    if path.startswith("/v1/"):
        status = 400 if status == 422 else status
        kind = "invalid_request_error" if status < 500 else "server_error"
        said = {
            "message": problem.detail, "type": kind, "param": problem.more.get("param"),
            "code": problem.code,
        }  # fmt: skip
        if status >= 500 and "Retry-After" not in headers:
            headers = {**headers, "x-should-retry": "false"}
        return Json({"error": said}, status, headers)
    if path.startswith("/sdapi/"):
        title = problem.body["title"]
        return Json(
            {"error": title, "detail": problem.detail, "body": "", "errors": problem.detail},
            status,
            headers,
        )
    return ProblemJson(problem.body, status, headers)


async def body_of(request: Request) -> bytes:
    """The body, if it comes in time."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.body()
    except TimeoutError:
        raise ProblemError(408, "slow", "the body took too long") from None
    except ClientDisconnect:
        raise ProblemError(400, "disconnected", "the body did not come") from None


async def object_of(request: Request) -> dict[str, Any]:
    """A JSON object; no body at all is an empty one."""
    return read_object(await body_of(request))


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a body. Raises ProblemError for what is none."""
    if not body.strip():
        return {}
    try:
        found = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise ProblemError(400, "json", "the body is no JSON in UTF-8") from None
    if not isinstance(found, dict):
        raise ProblemError(422, "json", "a JSON object is right")
    return found


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number that JSON has")
