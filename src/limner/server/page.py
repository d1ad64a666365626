"""The page at `/`, and what the API takes, for people."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from limner.server.answers import Json, object_of
from limner.server.fields import job_schema
from limner.server.keys import COOKIE, Keys
from limner.server.problems import ProblemError
from limner.server.service import Service

FOLDER = files("limner.server") / "page"
KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
FIRST = "index.html"
FILES = {
    "/" if each.name == FIRST else f"/page/{each.name}": (each.name, KINDS[Path(each.name).suffix])
    for each in FOLDER.iterdir()
    if Path(each.name).suffix in KINDS
}
"""Path -> file and kind: what the page is made of. It says nothing of anybody."""
HEAD = (
    '<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content="width='
    'device-width"><link rel=icon href="data:,"><link rel=stylesheet href="/page/page.css">'
)


def routes(service: Service, keys: Keys | None) -> list[Route]:
    """The page, its files, its entrance, and /docs."""

    async def docs(request: Request) -> Response:
        return document("Limner: the API", _docs(job_schema(service.models.names)))

    async def login(request: Request) -> Response:
        """Take a key for the page; the browser keeps it where no script can read it."""
        key = (await object_of(request)).get("key")
        if keys is None or not isinstance(key, str) or keys.owner(key) is None:
            raise ProblemError(401, "key", "this key is wrong")
        answer = Json({})
        secure = request.url.scheme == "https"
        answer.set_cookie(COOKIE, key, httponly=True, samesite="strict", secure=secure)
        return answer

    return [
        *(Route(path, _file(name, kind), methods=["GET"]) for path, (name, kind) in FILES.items()),
        Route("/docs", docs, methods=["GET"]),
        Route("/login", login, methods=["POST"]),
    ]


def document(title: str, body: str) -> Response:
    """A page of text alone. body: HTML."""
    return Response(f"{HEAD}<title>{escape(title)}</title>{body}</html>", media_type="text/html")


def _file(name: str, kind: str) -> Any:
    body = (FOLDER / name).read_bytes()

    async def answer(request: Request) -> Response:
        return Response(body, media_type=kind)

    return answer


def _docs(schema: dict[str, Any]) -> str:
    """The fields of a job as a table."""
    rows = []
    for name, said in schema["properties"].items():
        kind = said["type"] if isinstance(said["type"], str) else " or ".join(said["type"])
        parts = (name, kind, said.get("description", ""))
        rows.append("<tr>" + "".join(f"<td>{escape(part)}</td>" for part in parts) + "</tr>")
    said = (
        "<h1>POST /api/v1/jobs</h1><p>A JSON object with these fields; as JSON schema at "
        '<a href="/api/v1/schema">/api/v1/schema</a>. Beside it: /sdapi/v1 as A1111 has it, /v1 as '
        "OpenAI has it.</p>"
    )
    return f"<main>{said}<table>{''.join(rows)}</table></main>"
