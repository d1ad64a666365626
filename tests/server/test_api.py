"""Our own API, over HTTP on a loopback port, with the tiny model."""

from __future__ import annotations

import base64
import io
import json
import threading
import time
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from PIL import Image
from running import ANN, BOB, Running, serving

import limner
from limner import Request
from limner.pipeline.metadata import read_request
from limner.pipeline.schema import schema
from limner.server.service import Limits

JOBS = "/api/v1/jobs"
BROKEN = '("a", "b").blend(x)'


def painted(client: httpx2.Client, **fields: Any) -> dict[str, Any]:
    """A job at its end."""
    made = client.post(JOBS, json={"prompt": "a red apple", "seed": 1, **fields})
    assert made.status_code == 202, made.text
    return client.get(made.headers["location"], params={"wait": 20}).json()


def picture(file: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(file))).astype(int)


def data_url(image: Image.Image) -> str:
    file = io.BytesIO()
    image.save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def events(client: httpx2.Client, id: str, **how: Any) -> list[tuple[int, str, dict[str, Any]]]:
    """All events of a job, until its stream ends."""
    text = client.get(f"{JOBS}/{id}/events", **how).text
    found = []
    for block in text.split("\n\n"):
        said = dict(line.split(": ", 1) for line in block.splitlines() if line[:1] != ":")
        if said:
            found.append((int(said["id"]), said["event"], json.loads(said["data"])))
    return found


def test_a_job_is_what_python_paints(
    client: httpx2.Client, tiny_model: Path, tmp_path: Path
) -> None:
    made = client.post(JOBS, json={"prompt": "a red apple", "seed": 7, "count": 2, "steps": 3})
    assert made.status_code == 202
    job = made.json()
    assert made.headers["location"] == job["links"]["self"] == f"{JOBS}/{job['id']}"
    assert len(job["id"]) == 32
    done = client.get(f"{JOBS}/{job['id']}", params={"wait": 20}).json()
    assert done["status"] == "completed"
    assert done["seeds"] == [7, 8]
    asked = Request(prompt="a red apple", seed=7, count=2, steps=3)
    result = limner.load(tiny_model, device="cpu").paint(asked)
    for url, image in zip(done["images"], result.images, strict=True):
        answer = client.get(url)
        assert answer.headers["content-type"] == "image/png"
        assert abs(picture(answer.content) - np.asarray(image).astype(int)).max() <= 1
    (tmp_path / "one.png").write_bytes(client.get(done["images"][1]).content)
    assert read_request(tmp_path / "one.png").seed == 8


def test_jobs_at_once_are_each_what_it_is_alone(client: httpx2.Client) -> None:
    fields = [{"seed": n, "steps": 1 + n % 2, "guidance": 1.0 + n} for n in range(4)]
    alone = [client.get(painted(client, **each)["images"][0]).content for each in fields]
    made = [client.post(JOBS, json={"prompt": "a red apple", **each}).json() for each in fields]
    for job, before in zip(made, alone, strict=True):
        done = client.get(f"{JOBS}/{job['id']}", params={"wait": 20}).json()
        assert abs(picture(client.get(done["images"][0]).content) - picture(before)).max() <= 1


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"stepps": 3}, "'stepps' is unknown"),
        ({"steps": 0}, "steps is 0"),
        ({"steps": "3"}, "steps is '3'"),
        ({"size": [17, 16]}, "17x16"),
        ({"prompt": BROKEN, "dialect": "compel"}, "(character"),
        ({"count": 10**9}, "count"),
        ({"count": 33}, "at most 32"),
        ({"steps": 1001}, "at most 1000"),
        ({"size": [8192, 8192]}, "pixels in all"),
        ({"prompt": "a" * 10_001}, "at most 10000 are right"),
        ({"solver": "nope"}, "nope"),
        ({"model": "nope"}, "no such model"),
        ({"mask": "box:0,0,1,1"}, "there is no picture"),
        ({"loras": [["x", 1]]}, "x:1"),
        ({"keep_steps": 1}, "keep_steps is 1"),
    ],
)
def test_what_cannot_be_painted_is_told_before_it_is_taken(
    client: httpx2.Client, fields: dict[str, Any], said: str
) -> None:
    answer = client.post(JOBS, json={"prompt": "a cat", **fields})
    assert answer.status_code in (404, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert said in answer.json()["detail"]
    assert set(answer.json()) >= {"type", "title", "status", "detail", "code"}


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[]", b'{"seed": NaN}', b"[" * 100_000, b"3"])
def test_a_body_that_is_no_object_is_told(client: httpx2.Client, body: bytes) -> None:
    answer = client.post(JOBS, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.json()["code"] == "json"


def test_a_key_makes_a_request_once(client: httpx2.Client) -> None:
    sent = {"json": {"prompt": "a cat", "seed": 3}, "headers": {"Idempotency-Key": "mine-1"}}
    first, second = client.post(JOBS, **sent), client.post(JOBS, **sent)
    assert first.status_code == second.status_code == 202
    assert first.json()["id"] == second.json()["id"]
    other = client.post(JOBS, json={"prompt": "a dog"}, headers=sent["headers"])
    assert other.status_code == 422
    assert other.json()["code"] == "idempotency_key"


def test_events_tell_the_way_and_can_be_replayed(client: httpx2.Client) -> None:
    job = painted(client, steps=3, seed=11)
    found = events(client, job["id"])
    kinds = [kind for _, kind, _ in found]
    assert kinds[:2] == ["queued", "running"]
    assert kinds.count("step") == 3
    assert kinds[-2:] == ["image", "completed"]
    numbers = [number for number, _, _ in found]
    assert numbers == sorted(set(numbers))
    later = events(client, job["id"], headers={"Last-Event-ID": str(numbers[2])})
    assert later == found[3:]
    last = client.get(f"{JOBS}/{job['id']}/events", headers={"Last-Event-ID": str(numbers[-1])})
    assert last.status_code == 204


def test_previews_come_to_who_listens(client: httpx2.Client, server: Running) -> None:
    made = client.post(JOBS, json={"prompt": "a cat", "steps": 300, "solver": "euler"}).json()
    found, began = [], time.monotonic()
    with server.client() as other, other.stream("GET", made["links"]["events"]) as stream:
        for line in stream.iter_lines():
            if line.startswith("event: "):
                found.append(line.removeprefix("event: "))
            if found.count("preview") == 2 or time.monotonic() - began > 20:
                break
    assert found.count("preview") == 2
    shown = client.get(made["links"]["preview"])
    assert picture(shown.content).shape[:2] == (16, 16)
    assert client.post(made["links"]["cancel"]).json()["status"] == "cancelled"


def test_a_cancelled_job_ends_at_once_and_again(client: httpx2.Client) -> None:
    made = client.post(JOBS, json={"prompt": "a cat", "steps": 1000, "solver": "euler"}).json()
    began = time.monotonic()
    ended = client.post(made["links"]["cancel"])
    assert ended.status_code == 200
    assert ended.json()["status"] == "cancelled"
    assert time.monotonic() - began < 2
    assert client.post(made["links"]["cancel"]).json()["status"] == "cancelled"
    assert events(client, made["id"])[-1][1] == "cancelled"


def test_an_interrupted_job_keeps_its_pictures_as_they_are(client: httpx2.Client) -> None:
    made = client.post(JOBS, json={"prompt": "a cat", "steps": 1000, "solver": "euler"}).json()
    while client.get(made["links"]["self"]).json()["step"] < 2:
        time.sleep(0.02)
    ended = client.post(made["links"]["cancel"], json={"keep": True}).json()
    assert ended["status"] == "completed"
    assert ended["interrupted"]
    assert picture(client.get(ended["images"][0]).content).shape[:2] == (16, 16)


def test_steps_and_heat_maps_are_kept_where_asked_for(client: httpx2.Client) -> None:
    job = painted(client, prompt="a red apple", steps=3, keep_steps=True, heatmaps=True)
    own = f"{JOBS}/{job['id']}"
    last = picture(client.get(f"{own}/steps/3").content)
    assert last.shape[:2] == (16, 16)
    assert client.get(f"{own}/steps/4").status_code == 404
    heat = client.get(f"{own}/heatmaps", params={"words": "red"})
    assert heat.status_code == 200, heat.text
    assert picture(heat.content).max() == 255
    assert client.get(f"{own}/heatmaps", params={"words": "zebra"}).status_code == 422
    plain = painted(client)
    assert client.get(f"{JOBS}/{plain['id']}/steps/1").status_code == 404
    assert client.get(f"{JOBS}/{plain['id']}/heatmaps", params={"words": "red"}).status_code == 404


LAID = {
    "layout": "collage", "size": [32, 16],
    "regions": [
        {"text": "a red apple", "box": [0, 0, 0.5, 1]},
        {"text": "a blue cat", "box": [0.5, 0, 0.5, 1]},
    ],
}  # fmt: skip


@pytest.mark.parametrize("asked", [{}, LAID], ids=["plain", "collage"])
def test_what_guidance_did_at_a_step_is_seen(
    client: httpx2.Client, asked: dict[str, object]
) -> None:
    """D = D_u + w (D_c - D_u): at the first step, guidance 0 gives D_u and guidance 1 has none."""

    def step(guidance: float, of: str) -> httpx2.Response:
        fields = {"prompt": "a red apple", "seed": 3, "steps": 2, "guidance": guidance, **asked}
        job = painted(client, keep_steps=True, **fields)
        return client.get(f"{job['links']['self']}/steps/1", params={"of": of})

    unguided = picture(step(3.0, "unguided").content)
    assert np.array_equal(unguided, picture(step(0.0, "denoised").content))
    guided = picture(step(3.0, "denoised").content)
    changed = picture(step(3.0, "difference").content)
    assert changed.shape == guided.shape[:2]
    assert changed.max() > 0
    opaque = (guided[..., 3] == 255) & (unguided[..., 3] == 255)
    by_hand = abs(guided.astype(int) - unguided).max(-1)
    assert np.array_equal(changed[opaque], by_hand[opaque])
    assert step(1.0, "unguided").status_code == 404
    assert step(3.0, "zebra").status_code == 422


def test_a_step_of_a_collage_is_laid_as_its_picture_is(client: httpx2.Client) -> None:
    job = painted(client, prompt="two", steps=2, keep_steps=True, heatmaps=True, **LAID)
    assert job["status"] == "completed", job["error"]
    final = picture(client.get(job["images"][0]).content)
    last = picture(client.get(f"{job['links']['self']}/steps/2").content)
    assert last.shape == final.shape
    assert abs(last - final).max() <= 1
    assert client.get(f"{job['links']['self']}/steps/2?picture=1").status_code == 404
    heat = client.get(f"{job['links']['self']}/heatmaps", params={"words": "apple"})
    assert picture(heat.content).shape[1] == 2 * picture(heat.content).shape[0]


def test_a_picture_is_painted_over_inside_its_mask_alone(client: httpx2.Client) -> None:
    old = Image.new("RGBA", (16, 16), (200, 10, 10, 255))
    mask = Image.new("L", (16, 16))
    mask.paste(255, (0, 0, 8, 16))
    job = painted(client, picture=data_url(old), mask=data_url(mask))
    assert job["status"] == "completed", job
    new = picture(client.get(job["images"][0]).content)
    assert np.array_equal(new[:, 8:], np.asarray(old)[:, 8:])
    assert not np.array_equal(new[:, :8], np.asarray(old)[:, :8])


def test_jobs_that_are_nobodys_or_anothers_are_not_there(keyed: Running) -> None:
    with keyed.client(ANN) as ann, keyed.client(BOB) as bob:
        job = painted(ann)
        for url in (job["links"]["self"], job["links"]["events"], job["images"][0]):
            assert ann.get(url).status_code == 200
            assert bob.get(url).status_code == 404
        assert bob.post(job["links"]["cancel"]).status_code == 404
        assert bob.get(JOBS).json() == {"jobs": []}


def test_a_full_queue_says_when_to_come_back(tiny_model: Path) -> None:
    with (
        serving(tiny_model, limits=Limits(waiting_of_owner=2)) as running,
        running.client() as client,
    ):
        long = {"prompt": "a cat", "steps": 1000, "solver": "euler"}
        made = [client.post(JOBS, json=long) for _ in range(3)]
        assert [each.status_code for each in made] == [202, 202, 429]
        assert int(made[2].headers["retry-after"]) >= 1
        for each in made[:2]:
            client.post(each.json()["links"]["cancel"])


def test_the_schema_is_the_statement_of_the_fields(client: httpx2.Client) -> None:
    said = client.get("/api/v1/schema").json()
    for name, field in schema()["properties"].items():
        assert said["properties"][name].items() >= {"type": field["type"]}.items()
    assert {"picture", "content", "model", "keep_steps", "heatmaps"} <= set(said["properties"])


def test_capabilities_name_what_there_is(client: httpx2.Client) -> None:
    said = client.get("/api/v1/capabilities").json()
    assert [model["name"] for model in said["models"]] == ["tiny", "two"]
    assert said["models"][0]["size"] == [16, 16]
    assert "dpmpp_2m" in said["solvers"]


def test_prompts_are_read_and_written(client: httpx2.Client) -> None:
    said = client.post("/api/v1/prompt/parse", json={"prompt": "a (red:1.3) cat"}).json()
    spans = said["parts"][0]["stages"][0]["spans"]
    assert [(span["text"], span["weight"]) for span in spans][1] == ("red", 1.3)
    wrong = client.post("/api/v1/prompt/parse", json={"prompt": "a (red)1.3", "dialect": "x"})
    assert wrong.status_code == 422
    asked = {"prompt": "a (red:1.3) cat", "to": "compel"}
    assert client.post("/api/v1/prompt/convert", json=asked).json()["prompt"] == "a (red)1.3 cat"
    broken = client.post("/api/v1/prompt/parse", json={"prompt": BROKEN, "dialect": "compel"})
    assert broken.status_code == 422
    assert "place" in broken.json()


def test_many_streams_of_events_end_alike(server: Running) -> None:
    with server.client() as client:
        made = client.post(JOBS, json={"prompt": "a cat", "steps": 20, "solver": "euler"}).json()
    found: list[str] = []

    def listen() -> None:
        with server.client() as own:
            found.append(events(own, made["id"])[-1][1])

    threads = [threading.Thread(target=listen) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == ["completed"] * 20
