"""What every request passes before a door sees it: host, origin, key, kind of body, headers.

another host        a page elsewhere that had its name point here (DNS rebinding)
another origin      a page elsewhere whose form or script comes with a person's cookies (CSRF)
no key              anybody
another body        what a form can send without asking first
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from limner.server.answers import rendered
from limner.server.keys import COOKIE, EVERYBODY, Keys, presented
from limner.server.page import FILES
from limner.server.problems import ProblemError

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
READING = ("GET", "HEAD", "OPTIONS")
OPEN = (*FILES, "/login", "/health/live", "/health/ready")
"""What says nothing of anybody, and is answered without a key."""
MULTIPART = ("/v1/images/edits",)
MAX_BODY = 20 * 2**20  # bytes
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Guard:
    """hosts: names that the server is called by. keys: None: nobody is asked for one."""

    app: ASGIApp
    hosts: Collection[str]
    keys: Keys | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            scope["limner.owner"] = self.checked(scope)
        except ProblemError as problem:
            await rendered(problem, scope["path"])(scope, receive, sent)
            return
        await self.app(scope, receive, sent)

    def checked(self, scope: Scope) -> str:
        """The owner of a request. Raises ProblemError for one that is not taken."""
        headers, path = Headers(scope=scope), str(scope["path"])
        if host_of(headers.get("host")) not in self.hosts:
            raise ProblemError(
                400, "host", "the server is not called by this name: --allow-host adds one"
            )
        if scope["method"] not in READING:
            check_origin(headers, scope["scheme"])
            check_body(headers, path)
        return self.owner(headers, path)

    def owner(self, headers: Headers, path: str) -> str:
        if self.keys is None:
            return EVERYBODY
        cookie = cookie_parser(headers.get("cookie", "")).get(COOKIE)
        key = presented(headers.get("authorization"), cookie)
        owner = None if key is None else self.keys.owner(key)
        if owner is not None:
            return owner
        if path in OPEN:
            return ""
        scripted = headers.get("sec-fetch-dest", "document") != "document"
        way = "Bearer realm" if scripted else "Basic realm"  # Basic opens a browser's own dialogue
        said = {"WWW-Authenticate": f'{way}="Limner", charset="UTF-8"'}
        raise ProblemError(401, "key", "a key is missing or wrong: Authorization: Bearer KEY", said)


def host_of(header: str | None) -> str:
    """The name in a Host header without its port, "" where it is none."""
    text = (header or "").strip().lower()
    if text.startswith("["):
        name, bracket, port = text.partition("]")
        return f"{name}]" if bracket and port[:1] in ("", ":") else ""
    name, _, port = text.partition(":")
    return name if not port or port.isdecimal() else ""


def check_origin(headers: Headers, scheme: str) -> None:
    """Nothing is changed for a page of another origin, whoever sits before it."""
    site = headers.get("sec-fetch-site")
    origin = headers.get("origin")
    own = f"{scheme}://{headers.get('host', '')}"
    if site in ("cross-site", "same-site") or (
        origin is not None and origin.lower() != own.lower()
    ):
        raise ProblemError(403, "origin", "a page of another origin cannot ask for this")


def check_body(headers: Headers, path: str) -> None:
    """JSON, and a form where that is the API; nothing that a page can send unasked."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    length = headers.get("content-length", "0" if "transfer-encoding" not in headers else "?")
    if length == "0":
        return
    if kind == "application/json" or (kind == "multipart/form-data" and path in MULTIPART):
        return
    right = "multipart/form-data" if path in MULTIPART else "application/json"
    raise ProblemError(415, "content_type", f"a body of {right} is right")


def owner_of(scope: Any) -> str:
    """Whose request it is, of one that came through the guard."""
    return str(scope["limner.owner"])
