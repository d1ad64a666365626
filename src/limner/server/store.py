"""The table of jobs, in SQLite: what was finished is there after the process, however it ended.

A job and its pictures are written in one transaction, so a job that is told as completed has them.
Owners are kept by name; prompts are kept, as they are in the pictures themselves, for as long as
the pictures are.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from limner.errors import OutputError, UsageError
from limner.pipeline.request import Request
from limner.server.jobs import Job, State

SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, model TEXT NOT NULL, door TEXT NOT NULL, task TEXT,
    status TEXT NOT NULL, created REAL NOT NULL, started REAL, finished REAL,
    request TEXT NOT NULL, facts TEXT NOT NULL, error TEXT,
    once TEXT, asked TEXT, expired INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS jobs_once ON jobs (owner, once) WHERE once IS NOT NULL;
CREATE INDEX IF NOT EXISTS jobs_finished ON jobs (finished);
CREATE TABLE IF NOT EXISTS images (
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE, number INTEGER NOT NULL,
    file BLOB NOT NULL, PRIMARY KEY (job, number)
) STRICT;
"""
LOST = {
    "code": "restarted",
    "message": "the server was stopped before this was finished: ask again",
}
FORGOTTEN = 86_400.0  # seconds for which an expired job is still told as such


class Store:
    """The jobs of a file; None: of this process alone. For all threads."""

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.RLock()
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            name = ":memory:" if path is None else str(path)
            self._database = sqlite3.connect(name, check_same_thread=False, timeout=5.0)
            self._database.executescript("PRAGMA journal_mode=WAL; PRAGMA foreign_keys=ON;")
            self._database.executescript(SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise OutputError(f"cannot keep jobs in {path}: {error}") from None
        self._fail_unfinished()

    def close(self) -> None:
        with self._lock:
            self._database.close()

    def add(self, job: Job, once: str | None = None, asked: str | None = None) -> None:
        """Write a new job. once: the caller's key for it; asked: what it came with.

        Raises UsageError where the caller has used that key.
        """
        row = (
            job.id, job.owner, job.model, job.door, job.task, job.status.value, job.created,
            job.request.to_json(), "{}", once, asked,
        )  # fmt: skip
        columns = "id, owner, model, door, task, status, created, request, facts, once, asked"
        marks = ", ".join("?" * len(row))
        with self._lock, self._database:
            try:
                self._database.execute(f"INSERT INTO jobs ({columns}) VALUES ({marks})", row)
            except sqlite3.IntegrityError:
                raise UsageError("this Idempotency-Key was used before") from None

    def once(self, owner: str, once: str) -> tuple[str, str] | None:
        """(id, what it came with) of the job that an owner sent with a key."""
        with self._lock:
            query = "SELECT id, asked FROM jobs WHERE owner = ? AND once = ?"
            found = self._database.execute(query, (owner, once)).fetchone()
        return None if found is None else (str(found[0]), str(found[1]))

    def finish(self, job: Job, images: Sequence[bytes] = (), status: State | None = None) -> None:
        """Write how a job ended, and its pictures. status: that it has from then on."""
        facts = {
            "images": len(images), "seeds": list(job.seeds), "warnings": list(job.warnings),
            "interrupted": job.interrupted, "step": job.step, "total": job.total,
        }  # fmt: skip
        error = None if job.error is None else json.dumps(job.error)
        values = (
            (status or job.status).value, job.started, job.finished, job.request.to_json(),
            json.dumps(facts), error, job.id,
        )  # fmt: skip
        with self._lock, self._database:
            self._database.execute(
                "UPDATE jobs SET status=?, started=?, finished=?, request=?, facts=?, error=? "
                "WHERE id=?",
                values,
            )
            self._database.executemany(
                "INSERT INTO images (job, number, file) VALUES (?, ?, ?)",
                [(job.id, number, file) for number, file in enumerate(images)],
            )

    def image(self, id: str, number: int) -> bytes | None:
        """A picture of a job as its PNG file."""
        with self._lock:
            query = "SELECT file FROM images WHERE job = ? AND number = ?"
            found = self._database.execute(query, (id, number)).fetchone()
        return None if found is None else bytes(found[0])

    def job(self, id: str) -> tuple[Job, bool] | None:
        """A job, and whether its pictures have expired."""
        with self._lock:
            columns = (
                "id, owner, model, door, task, status, created, started, finished, request, "
                "facts, error, expired"
            )
            cursor = self._database.execute(f"SELECT {columns} FROM jobs WHERE id = ?", (id,))
            found = cursor.fetchone()
        if found is None:
            return None
        row = dict(zip(columns.split(", "), found, strict=True))
        return _job(row), bool(row["expired"])

    def expire(self, before: float, now: float) -> None:
        """Forget the pictures and prompts of jobs that ended before a time."""
        with self._lock, self._database:
            self._database.execute(
                "DELETE FROM images WHERE job IN (SELECT id FROM jobs WHERE finished < ?)",
                (before,),
            )
            self._database.execute(
                """UPDATE jobs SET expired = 1, request = '{"prompt": ""}', asked = NULL
                WHERE finished < ? AND expired = 0""",
                (before,),
            )
            self._database.execute("DELETE FROM jobs WHERE finished < ?", (now - FORGOTTEN,))

    def _fail_unfinished(self) -> None:
        """What an earlier process left undone has failed."""
        with self._lock, self._database:
            self._database.execute(
                "UPDATE jobs SET status = 'failed', error = ?, finished = created "
                "WHERE status IN ('queued', 'running')",
                (json.dumps(LOST),),
            )


def _job(row: dict[str, Any]) -> Job:
    facts = json.loads(row["facts"])
    job = Job(
        id=row["id"],
        owner=row["owner"],
        model=row["model"],
        door=row["door"],
        task=row["task"],
        request=Request.from_json(row["request"]),
        created=row["created"],
        started=row["started"],
        finished=row["finished"],
        status=State(row["status"]),
        error=None if row["error"] is None else json.loads(row["error"]),
        images=facts.get("images", 0),
        seeds=tuple(facts.get("seeds", ())),
        warnings=tuple(facts.get("warnings", ())),
        interrupted=facts.get("interrupted", False),
        step=facts.get("step", 0),
        total=facts.get("total", 0),
    )
    if job.status.ended:
        job.tell(job.status.value, **({"error": job.error} if job.error else {}))
    return job
