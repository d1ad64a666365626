"""`limner serve` as a process: what it says, what it refuses, how it starts, ends and is killed."""

from __future__ import annotations

import io
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from PIL import Image
from running import ANN, Running

from limner.cli import main
from limner.errors import UsageError
from limner.pipeline import Painter
from limner.server.jobs import State
from limner.server.page import FILES
from limner.server.running import Options, bytes_of, prepared, sources_of
from limner.server.store import Store

JOBS = "/api/v1/jobs"
LONG = {"prompt": "a cat", "steps": 1000, "solver": "euler", "seed": 1}


@contextmanager
def started(
    model: Path, state: Path, *more: str
) -> Iterator[tuple[subprocess.Popen[bytes], httpx2.Client]]:
    """`limner serve` on a free port, ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "limner", "serve", "--model", str(model), "--port", str(port)]
    process = subprocess.Popen([*command, "--state", str(state), "--device", "cpu", *more])
    client = httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)
    try:
        until = time.monotonic() + 90
        while time.monotonic() < until:
            try:
                if client.get("/health/ready").status_code == 200:
                    break
            except httpx2.TransportError:
                time.sleep(0.05)
        yield process, client
    finally:
        client.close()
        process.kill()
        process.wait(10)


def test_a_killed_server_has_every_finished_picture_and_tells_the_rest(
    tiny_model: Path, tmp_path: Path
) -> None:
    with started(tiny_model, tmp_path) as (process, client):
        asked = {"prompt": "a red apple", "seed": 1, "steps": 2}
        made = client.post(JOBS, json=asked, headers={"Idempotency-Key": "k"}).json()
        done = client.get(made["links"]["self"], params={"wait": 20}).json()
        assert done["status"] == "completed"
        picture = client.get(done["images"][0]).content
        left = client.post(JOBS, json=LONG).json()
        process.kill()
        process.wait(10)
    with started(tiny_model, tmp_path) as (process, client):
        again = client.get(made["links"]["self"]).json()
        assert again["status"] == "completed"
        assert client.get(again["images"][0]).content == picture
        lost = client.get(left["links"]["self"]).json()
        assert lost["status"] == "failed"
        assert lost["error"]["code"] == "restarted"
        same = client.post(JOBS, json=asked, headers={"Idempotency-Key": "k"}).json()
        assert same["id"] == made["id"]
        text = client.get(f"{left['links']['self']}/events").text
        assert "event: failed" in text

        # and a signal to end lets what is under way end, and takes nothing more
        last = client.post(JOBS, json={**LONG, "steps": 200}).json()
        process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        assert client.get("/health/ready").json()["why"] == "the server is going down"
        refused = client.post(JOBS, json=asked)
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1
        assert client.get("/health/live").status_code == 200
        assert process.wait(40) == 0
    found = Store(tmp_path / "jobs.sqlite").job(last["id"])
    assert found is not None
    assert found[0].status is State.COMPLETED
    file = Store(tmp_path / "jobs.sqlite").image(last["id"], 0)
    assert Image.open(io.BytesIO(file or b"")).size == (16, 16)


def test_what_would_run_is_said(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "keys").write_text(f"ann:{ANN}\n")
    words = ["serve", "--check", "--model", f"mine={tiny_model}", "--state", str(tmp_path)]
    words += ["--host", "0.0.0.0", "--api-key-file", str(tmp_path / "keys"), "--memory", "2G"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "http://0.0.0.0:7860, a key is asked for" in said
    assert "model mine: " in said
    assert "2000 MB" in said
    assert ANN not in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--host", "0.0.0.0"], "--api-key-file"),
        (["--memory", "much"], "--memory much"),
        (["--memory", "1k"], "a larger --memory"),
        (["--model", "nothing/there"], "missing"),
        (["--api-key-file", "nothing"], "cannot be read"),
        (["--model", "emoji", "--model", "emoji"], "two models are called emoji"),
        (["--engine", "quick"], "engine 'quick' is unknown: one of auto, eager"),
    ],
)
def test_what_cannot_run_is_said_before_it_does(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", "--check", *words]) in (1, 2)
    assert said in capsys.readouterr().err


def test_sizes_and_names_are_read() -> None:
    assert bytes_of("4G") == 4 * 10**9
    assert bytes_of("1.5 mb") == 1_500_000
    assert list(sources_of(())) == ["emoji", "emoji-pairs", "emoji-restyle"]
    with pytest.raises(UsageError, match="model name"):
        prepared(Options(models=["a b=emoji"]))


def test_a_folder_is_called_by_all_of_its_name(tmp_path: Path) -> None:
    """What stands behind its last point is no ending, as a file's is."""
    paths = [tmp_path / "sd-1.4", tmp_path / "sd-1.5", tmp_path / "sd-2.1.safetensors"]
    for path in paths[:2]:
        path.mkdir()
    paths[2].touch()
    assert list(sources_of([str(path) for path in paths])) == ["sd-1.4", "sd-1.5", "sd-2.1"]


def test_a_server_has_its_engine_and_nobody_waits_until_that_is_ready(
    tiny_model: Path, tmp_path: Path
) -> None:
    options = Options(models=[f"x={tiny_model}"], state=tmp_path, device="cpu", engine="openvino")
    found: list[Painter] = []
    prepared(options).models.fetch("x", found.append)
    assert (found[0].engine.name, found[0].engine.waits) == ("openvino", False)


def test_figures_tell_of_jobs_and_of_nobody(server: Running, client: httpx2.Client) -> None:
    made = client.post(JOBS, json={"prompt": "a secret apple", "steps": 1}).json()
    client.get(made["links"]["self"], params={"wait": 20})
    text = client.get("/metrics").text
    assert "limner_jobs_total" in text
    assert 'limner_call_seconds_count{kind="denoise"}' in text
    for told in ("secret", made["id"]):
        assert told not in text


def test_logs_have_no_ids_and_one_line_each(
    client: httpx2.Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "limner.server.requests")
    made = client.post(JOBS, json={"prompt": "a secret\r\napple", "steps": 1}).json()
    client.get(made["links"]["self"], params={"wait": 20})
    client.get("/a%0d%0aINFO%20forged")
    lines = [record.getMessage() for record in caplog.records]
    assert any('"path": "/api/v1/jobs/ID"' in line for line in lines)
    for line in lines:
        assert "secret" not in line
        assert made["id"] not in line
        assert "\n" not in line
        assert "\r" not in line


def test_the_page_asks_for_nothing_from_elsewhere(client: httpx2.Client) -> None:
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    own = [path for path in FILES if path != "/page/lit.js"]
    for text in (client.get("/docs").text, *(client.get(path).text for path in FILES)):
        assert "http://" not in text
        assert "https://" not in text
    assert "<script>" not in page.text
    for path in own:
        text = client.get(path).text
        for name in ("style=", " onclick", "innerHTML", "eval(", "document.write", "unsafeHTML"):
            assert name not in text, path


def test_a_key_goes_into_a_cookie_that_no_script_can_read(keyed: Running) -> None:
    with keyed.client() as client:
        assert client.get("/").status_code == 200
        assert client.post("/login", json={"key": "wrong"}).status_code == 401
        answer = client.post("/login", json={"key": ANN})
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert client.get("/api/v1/capabilities").status_code == 200


def test_a_table_that_cannot_be_written_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    words = ["serve", "--state", str(tmp_path / "file" / "x"), "--model", "emoji", "--port", "1"]
    assert main(words) == 1
    assert "cannot keep jobs" in capsys.readouterr().err
