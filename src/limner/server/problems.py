"""What is wrong with a request, as people and programs are told: RFC 9457's problem details."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from limner.errors import NumericsError, PromptError, UsageError

UNEXPECTED = "something unexpected went wrong in the server; its log says more"


class ProblemError(Exception):
    """An answer that is no success.

    code: a word for programs. detail: a sentence that says what would be right. more: further
    members of the details. headers: of the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers or {}
        self.more = more

    @property
    def body(self) -> dict[str, Any]:
        """The details: type, title, status, detail, code, and what more there is."""
        title = HTTPStatus(self.status).phrase
        said = {"type": "about:blank", "title": title, "status": self.status}
        return {**said, "detail": self.detail, "code": self.code, **self.more}


def problem_of(error: Exception) -> ProblemError:
    """What a person is told of an error. Only those raised on purpose say what they say.

    Of the others, which may hold paths and inner matters, nothing is told but that they are.
    """
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, PromptError):
        start, stop = error.place
        return ProblemError(422, "prompt", error.summary, place=[start, stop])
    if isinstance(error, UsageError):
        return ProblemError(422, "request", str(error))
    if isinstance(error, NumericsError):  # the same request would do so again
        return ProblemError(422, "numerics", str(error))
    if isinstance(error, MemoryError) or "memory" in str(error).lower():
        return ProblemError(
            507, "memory", "memory was short: a smaller size or fewer pictures are right"
        )
    return ProblemError(500, "internal", UNEXPECTED)


def not_found(what: str = "job") -> ProblemError:
    return ProblemError(404, "not_found", f"there is no such {what}")
