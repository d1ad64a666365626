"""Models that are loaded while others are painted with, on a running server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from running import Running, serving

import limner
from limner.errors import CheckpointError
from limner.pipeline.painter import Painter
from limner.server.models import Shelf

JOBS = "/api/v1/jobs"
ASKED = {"prompt": "a cat", "seed": 1, "steps": 2}


class Gate:
    """Loads a model once it is open, and says when it was asked to."""

    def __init__(self, model: Path) -> None:
        self.model = model
        self.asked, self.open = threading.Event(), threading.Event()

    def load(self) -> Painter:
        self.asked.set()
        assert self.open.wait(30)
        return limner.load(self.model, device="cpu")


@contextmanager
def gated(model: Path) -> Iterator[tuple[Running, Gate]]:
    """A server whose second model comes when it is let."""
    gate = Gate(model)
    with serving(model, shelves={"two": Shelf(load=gate.load, size=1)}) as running:
        try:
            yield running, gate
        finally:
            gate.open.set()


def test_a_job_of_the_first_model_goes_on_while_a_second_one_is_loaded(tiny_model: Path) -> None:
    with gated(tiny_model) as (running, gate), running.client() as client:
        later = client.post(JOBS, json={**ASKED, "model": "two"}).json()
        assert gate.asked.wait(20)
        first = client.post(JOBS, json=ASKED).json()
        done = client.get(first["links"]["self"], params={"wait": 20}).json()
        assert done["status"] == "completed"
        assert client.get(later["links"]["self"]).json()["status"] == "queued"
        assert client.get("/health/ready").status_code == 200
        gate.open.set()
        done = client.get(later["links"]["self"], params={"wait": 20}).json()
        assert done["status"] == "completed"
        assert done["model"] == "two"


def test_a_job_is_cancelled_while_its_model_is_loaded(tiny_model: Path) -> None:
    with gated(tiny_model) as (running, gate), running.client() as client:
        later = client.post(JOBS, json={**ASKED, "model": "two"}).json()
        assert gate.asked.wait(20)
        ended = client.post(later["links"]["cancel"]).json()
        assert ended["status"] == "cancelled"


def test_a_door_waits_for_a_model_and_others_do_not(tiny_model: Path) -> None:
    made: list[int] = []
    asked = {"prompt": "a cat", "n": 1, "num_inference_steps": 1}

    with gated(tiny_model) as (running, gate), running.client() as client:

        def painted() -> None:
            with running.client() as other:
                answer = other.post("/v1/images/generations", json={**asked, "model": "two"})
                made.append(answer.status_code)

        thread = threading.Thread(target=painted)
        thread.start()
        assert gate.asked.wait(20)
        assert client.post("/v1/images/generations", json=asked).status_code == 200
        assert made == []
        gate.open.set()
        thread.join(20)
        assert made == [200]


def test_a_model_that_cannot_be_loaded_is_told_and_may_be_asked_for_again(tiny_model: Path) -> None:
    tries: list[int] = []

    def load() -> Painter:
        tries.append(1)
        if len(tries) == 1:
            raise CheckpointError("/secret/place is broken")
        return limner.load(tiny_model, device="cpu")

    with (
        serving(tiny_model, shelves={"two": Shelf(load=load, size=1)}) as running,
        running.client() as client,
    ):
        for wanted in ("failed", "completed"):
            made = client.post(JOBS, json={**ASKED, "model": "two"}).json()
            done = client.get(made["links"]["self"], params={"wait": 20}).json()
            assert done["status"] == wanted
            assert "secret" not in str(done["error"])


def test_a_first_model_that_cannot_be_loaded_is_told(tiny_model: Path) -> None:
    def broken() -> Painter:
        raise CheckpointError("broken")

    shelves = {"tiny": Shelf(load=broken, size=1)}
    with serving(tiny_model, shelves=shelves, ready=False) as running, running.client() as client:
        for _ in range(100):
            said = client.get("/health/ready")
            if said.json()["why"] == "the first model could not be loaded":
                break
        assert said.status_code == 503
        assert said.json()["why"] == "the first model could not be loaded"
