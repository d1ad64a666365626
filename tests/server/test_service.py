"""What a service keeps of jobs, and when it tells of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest
from running import Running, serving

from limner.server import service
from limner.server.jobs import Job, State

JOBS = "/api/v1/jobs"


def painted(client: httpx2.Client, **more: Any) -> dict[str, Any]:
    made = client.post(JOBS, json={"prompt": "a cat", "steps": 2, **more})
    return client.get(made.headers["location"], params={"wait": 20}).json()


def test_nobody_is_told_of_an_end_before_it_is_written(
    server: Running, client: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, finish = [], server.service.store.finish

    def watched(job: Job, *how: Any) -> None:
        seen.append((job.status, job.images))
        finish(job, *how)

    monkeypatch.setattr(server.service.store, "finish", watched)
    assert painted(client)["status"] == "completed"
    assert seen == [(State.RUNNING, 0)]


def test_an_end_that_cannot_be_written_is_told(
    server: Running, client: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(server.service.store, "finish", full)
    ended = painted(client)
    assert (ended["status"], ended["images"]) == ("failed", [])
    assert ended["error"]["code"] == "store"


def test_the_last_jobs_alone_are_in_memory_and_all_are_there(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MOST_ENDED", 2)
    with serving(tiny_model) as running, running.client() as client:
        made = [painted(client, seed=n) for n in range(4)]
        for job in made:
            again = client.get(job["links"]["self"]).json()
            assert again["status"] == "completed"
            assert again["seeds"] == job["seeds"]
            assert client.get(job["images"][0]).status_code == 200
            assert "event: completed" in client.get(job["links"]["events"]).text
        assert len(running.service._jobs) == 2


def test_what_jobs_hold_is_bounded(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MOST_HELD", 1)
    with serving(tiny_model) as running, running.client() as client:
        first, last = (painted(client, keep_steps=True, heatmaps=True) for _ in range(2))
        assert client.get(f"{last['links']['self']}/steps/1").status_code == 200
        assert client.get(f"{first['links']['self']}/steps/1").status_code == 404
        assert client.get(first["images"][0]).status_code == 200
