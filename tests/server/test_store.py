"""The table of jobs: what is written is there after its process, and forgotten in time."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from running import Running, serving

from limner import Request
from limner.errors import UsageError
from limner.server.jobs import Job, State
from limner.server.service import Limits
from limner.server.store import FORGOTTEN, Store


def job(**more: object) -> Job:
    return Job(owner="ann", model="tiny", request=Request(prompt="a cat"), door="limner", **more)


def test_a_job_is_read_as_it_was_written(tmp_path: Path) -> None:
    store, one = Store(tmp_path / "jobs"), job(task="mine")
    store.add(one)
    one.status, one.finished, one.seeds = State.COMPLETED, time.time(), (7,)
    one.warnings = ("a word",)
    store.finish(one, [b"png"])
    store.close()
    found = Store(tmp_path / "jobs").job(one.id)
    assert found is not None
    again, expired = found
    assert not expired
    assert (again.id, again.task, again.seeds, again.warnings) == (
        one.id,
        "mine",
        (7,),
        one.warnings,
    )
    assert again.images == 1
    assert [event.kind for event in again.events()] == ["completed"]


def test_what_was_not_finished_has_failed_after_a_restart(tmp_path: Path) -> None:
    store, one = Store(tmp_path / "jobs"), job()
    store.add(one)
    found = Store(tmp_path / "jobs").job(one.id)
    assert found is not None
    assert found[0].status is State.FAILED
    assert found[0].error is not None
    assert found[0].error["code"] == "restarted"


def test_a_key_is_one_owners_and_once(tmp_path: Path) -> None:
    store = Store()
    store.add(job(), once="k", asked="x")
    with pytest.raises(UsageError, match="used before"):
        store.add(job(), once="k", asked="x")
    assert store.once("bob", "k") is None
    assert store.once("ann", "k") is not None


def test_pictures_and_prompts_are_forgotten_in_time(tmp_path: Path) -> None:
    store, one = Store(), job()
    store.add(one)
    one.status, one.finished = State.COMPLETED, 100.0
    store.finish(one, [b"png"])
    store.expire(99.0, 200.0)
    assert store.image(one.id, 0) == b"png"
    store.expire(101.0, 200.0)
    assert store.image(one.id, 0) is None
    found = store.job(one.id)
    assert found is not None
    assert found[1]
    assert found[0].request.prompt == ""
    store.expire(101.0, 101.0 + FORGOTTEN)
    assert store.job(one.id) is None


def test_a_file_of_jobs_is_its_owners_alone(tmp_path: Path) -> None:
    Store(tmp_path / "folder" / "jobs")
    assert (tmp_path / "folder" / "jobs").stat().st_mode & 0o077 == 0


def test_what_has_expired_is_told_as_gone(tiny_model: Path) -> None:
    with serving(tiny_model, limits=Limits(keep=0.5)) as running, running.client() as client:
        made = client.post("/api/v1/jobs", json={"prompt": "a cat", "steps": 1}).json()
        client.get(made["links"]["self"], params={"wait": 20})
        gone = expired(running, made["links"]["self"])
        assert gone == 410


def expired(running: Running, url: str) -> int:
    """The status of a job when its time is over."""
    with running.client() as client:
        for _ in range(20):
            time.sleep(0.3)
            client.post("/api/v1/jobs", json={"prompt": "a dog", "steps": 1})
            status = client.get(url).status_code
            if status != 200:
                return status
    return 200
