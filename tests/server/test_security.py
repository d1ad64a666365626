"""What the server refuses, each as its peers were broken by: hosts, origins, keys, sizes, URLs."""

from __future__ import annotations

import base64
import contextlib
import http.server
import io
import json
import socket
import struct
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from PIL import Image, PngImagePlugin
from running import ANN, BOB, Running
from starlette.routing import Route

from limner.errors import UsageError
from limner.server.app import application
from limner.server.keys import Keys, presented
from limner.server.problems import UNEXPECTED
from limner.server.security import OPEN, host_of

JOBS = "/api/v1/jobs"
ASKED = {"prompt": "a cat", "seed": 1, "steps": 1}
DOORS = ("/api/v1/jobs", "/sdapi/v1/txt2img", "/v1/images/generations")


def routes(running: Running) -> Iterator[tuple[str, str]]:
    """(method, path) of every route there is, its parameters filled in."""
    for route in application(running.service).routes:
        assert isinstance(route, Route)
        path = route.path.replace("{id}", "0" * 32).replace("{number:int}", "0")
        for method in route.methods or ():
            yield method, path.replace("{name}", "tiny")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "", "127.0.0.1.evil.example"])
def test_a_name_that_was_pointed_here_is_refused(client: httpx2.Client, host: str) -> None:
    answer = client.get("/api/v1/capabilities", headers={"Host": host})
    assert answer.status_code == 400
    assert "models" not in answer.text


def test_hosts_are_read_as_they_are_written() -> None:
    assert host_of("LocalHost:7860") == "localhost"
    assert host_of("[::1]:7860") == "[::1]"
    for wrong in ("localhost:x", "[::1", "[::1]x", "a@localhost"):
        assert host_of(wrong) not in ("localhost", "[::1]")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("door", DOORS)
def test_a_page_of_another_origin_changes_nothing(
    client: httpx2.Client, server: Running, door: str, headers: dict[str, str]
) -> None:
    before = sum(server.service.counts.values()) + len(server.service.live())
    answer = client.post(door, json=ASKED, headers=headers)
    assert answer.status_code == 403
    assert sum(server.service.counts.values()) + len(server.service.live()) == before


def test_the_servers_own_page_may_ask(client: httpx2.Client, server: Running) -> None:
    headers = {"Origin": server.url, "Sec-Fetch-Site": "same-origin"}
    assert client.post(JOBS, json=ASKED, headers=headers).status_code == 202


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
@pytest.mark.parametrize("door", DOORS)
def test_what_a_form_can_send_is_refused(client: httpx2.Client, door: str, kind: str) -> None:
    body = json.dumps(ASKED).encode()
    answer = client.post(door, content=body, headers={"Content-Type": kind})
    assert answer.status_code == 415
    chunked = client.post(door, content=iter([body]), headers={"Content-Type": kind})
    assert chunked.status_code == 415


def test_no_answer_may_be_read_by_another_origin_or_shown_in_a_frame(
    client: httpx2.Client,
) -> None:
    for path in ("/api/v1/capabilities", "/nothing", "/v1/models", "/sdapi/v1/options"):
        headers = client.get(path, headers={"Origin": "https://evil.example"}).headers
        assert not [name for name in headers if name.startswith("access-control")]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "server" not in headers
    assert client.options(JOBS, headers={"Origin": "https://evil.example"}).status_code == 405


def test_reading_changes_nothing(client: httpx2.Client, server: Running) -> None:
    made = client.post(JOBS, json={"prompt": "a cat", "steps": 400, "solver": "euler"}).json()
    for method, path in routes(server):
        if method == "GET" and "events" not in path:
            client.get(path.replace("0" * 32, made["id"]))
    assert client.get(made["links"]["self"]).json()["status"] != "cancelled"
    client.post(made["links"]["cancel"])


def test_no_route_but_the_open_ones_answers_without_a_key(keyed: Running) -> None:
    with keyed.client() as nobody, keyed.client("c" * 20) as wrong:
        for method, path in routes(keyed):
            if path in OPEN:
                continue
            for client in (nobody, wrong):
                answer = client.request(method, path, json=ASKED if method == "POST" else None)
                assert answer.status_code == 401, (method, path)
                assert answer.headers["www-authenticate"].startswith("Basic")


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {ANN}"},
        {"Authorization": "Basic " + base64.b64encode(f"x:{ANN}".encode()).decode()},
        {"Cookie": f"limner-key={ANN}"},
        {"Authorization": "", "Cookie": f"limner-key={ANN}"},
    ],
)
def test_a_key_is_taken_as_clients_send_it(keyed: Running, headers: dict[str, str]) -> None:
    with keyed.client() as client:
        assert client.get("/v1/models", headers=headers).status_code == 200


def test_keys_that_are_none_are_none() -> None:
    for header in ("Bearer", "Basic !!!", "Digest x", "Basic " + "/" * 8):
        assert presented(header, None) in (None, "")
    assert Keys({"ann": ANN}).owner("") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no key"),
        ("ann:short", "at least 16"),
        (f"ann:{ANN}\nann:{BOB}", "each name once"),
        (ANN, "name:key"),
        (f"../ann:{ANN}", "name:key"),
        (f"ann:{ANN}ä", "ASCII"),
    ],
)
def test_a_file_of_keys_is_read_strictly(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "keys").write_text(text, "utf-8")
    with pytest.raises(UsageError, match=said):
        Keys.read(tmp_path / "keys")


def test_anothers_jobs_cannot_be_interrupted_or_seen_at_work(keyed: Running) -> None:
    with keyed.client(ANN) as ann, keyed.client(BOB) as bob:
        made: list[httpx2.Response] = []
        asked = {
            "prompt": "a cat",
            "steps": 300,
            "sampler_name": "Euler",
            "width": 16,
            "height": 16,
        }
        thread = threading.Thread(
            target=lambda: made.append(ann.post("/sdapi/v1/txt2img", json=asked))
        )
        thread.start()
        while not keyed.service.live("ann"):
            pass
        assert bob.get("/sdapi/v1/progress").json()["state"]["job_count"] == 0
        assert bob.post("/sdapi/v1/interrupt").status_code == 200
        assert keyed.service.live("ann")
        with keyed.client(ANN) as other:
            assert other.get("/sdapi/v1/progress").json()["state"]["job_count"] == 1
            while made == [] and keyed.service.live("ann")[0].step == 0:
                pass
            other.post("/sdapi/v1/interrupt")
        thread.join(20)
        assert made[0].status_code == 200


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "..%2f..%2fetc%2fpasswd",
        "..\\..\\x",
        "a\0b",
        "/etc/passwd",
        "tiny%2f..%2ftwo",
    ],
)
def test_no_name_of_a_client_is_a_path(client: httpx2.Client, name: str) -> None:
    quoted = name.replace("\0", "%00").replace("\\", "%5c")
    for path in (f"/api/v1/jobs/{quoted}", f"/v1/models/{quoted}", f"/{quoted}"):
        answer = client.get(path)
        assert answer.status_code in (404, 400)
        assert "root:" not in answer.text
    for asked in ({**ASKED, "model": name}, {**ASKED, "style": name}, {**ASKED, "mask": name}):
        assert client.post(JOBS, json=asked).status_code in (404, 422)
    region = {**ASKED, "regions": [{"text": "a cat", "mask": name}]}
    assert client.post(JOBS, json=region).status_code == 422
    options = {"prompt": "a cat", "override_settings": {"sd_model_checkpoint": name}}
    assert client.post("/sdapi/v1/txt2img", json=options).status_code == 404
    assert (
        client.post("/v1/images/generations", json={"prompt": "x", "model": name}).status_code
        == 404
    )


def test_bodies_are_bounded_whatever_they_say(client: httpx2.Client, server: Running) -> None:
    kind = {"Content-Type": "application/json"}
    large = client.post(JOBS, content=b"x" * (21 * 2**20), headers=kind)
    assert large.status_code == 413
    chunks = (b"x" * 2**20 for _ in range(30))
    with contextlib.suppress(httpx2.TransportError):  # the server may hang up in the middle
        assert client.post(JOBS, content=chunks, headers=kind).status_code == 413
    assert client.get("/api/v1/capabilities").status_code == 200


@pytest.mark.parametrize(
    ("door", "asked"),
    [
        ("/sdapi/v1/txt2img", {"batch_size": 10**9}),
        ("/sdapi/v1/txt2img", {"batch_size": 10**5, "n_iter": 10**5}),
        ("/sdapi/v1/txt2img", {"width": 10**9}),
        ("/sdapi/v1/txt2img", {"steps": 10**9}),
        ("/sdapi/v1/txt2img", {"width": 1e308}),
        ("/sdapi/v1/txt2img", {"cfg_scale": 1e400}),
        ("/v1/images/generations", {"n": 10**9}),
        ("/v1/images/generations", {"size": "99999x99999"}),
        ("/v1/images/generations", {"num_inference_steps": 10**9}),
        ("/v1/images/generations", {"limner": {"count": 10**9}}),
        ("/api/v1/jobs", {"upscale": 4, "size": [2048, 2048]}),
    ],
)
def test_numbers_are_bounded_before_anything_is_made(
    client: httpx2.Client, door: str, asked: dict[str, object]
) -> None:
    body = json.dumps({"prompt": "a cat", **asked}).replace("Infinity", "1e400")
    answer = client.post(door, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422), answer.text


def file_of(image: Image.Image, kind: str, **how: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


def bomb(side: int) -> bytes:
    """A PNG whose header alone is large."""
    header = struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")]
    made = b"\x89PNG\r\n\x1a\n"
    for name, data in chunks:
        made += struct.pack(">I", len(data)) + name + data
        made += struct.pack(">I", zlib.crc32(name + data))
    return made


def spoken() -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", "x" * 100_000, zip=True)
    return file_of(Image.new("RGB", (8, 8)), "PNG", pnginfo=info)


def moving() -> bytes:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    return file_of(frames[0], "PNG", save_all=True, append_images=frames[1:])


WRONG = {
    "bomb": bomb(60_000),
    "large": bomb(4097),
    "animated": moving(),
    "texts": spoken(),
    "gif": file_of(Image.new("P", (8, 8)), "GIF"),
    "bmp": file_of(Image.new("RGB", (8, 8)), "BMP"),
    "tiff": file_of(Image.new("RGB", (8, 8)), "TIFF"),
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n",
    "fits": b"SIMPLE  =                    T" + b" " * 2850,
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "cut": file_of(Image.new("RGB", (64, 64), "red"), "PNG")[:60],
    "empty": b"",
}


@pytest.mark.parametrize("name", list(WRONG))
def test_pictures_are_of_three_kinds_and_bounded(client: httpx2.Client, name: str) -> None:
    encoded = base64.b64encode(WRONG[name]).decode()
    answer = client.post(JOBS, json={**ASKED, "picture": f"data:image/png;base64,{encoded}"})
    assert answer.status_code == 422, answer.text
    asked = {"prompt": "a cat", "init_images": [encoded]}
    assert client.post("/sdapi/v1/img2img", json=asked).status_code == 422
    assert client.post("/sdapi/v1/png-info", json={"image": encoded}).status_code == 422
    files = {"image": ("../../x.png", WRONG[name], "image/png")}
    edit = client.post("/v1/images/edits", data={"prompt": "a cat"}, files=files)
    assert edit.status_code == 400, edit.text


def test_no_url_is_fetched(client: httpx2.Client) -> None:
    heard: list[str] = []

    class Canary(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with http.server.HTTPServer(("127.0.0.1", 0), Canary) as canary:
        thread = threading.Thread(target=canary.serve_forever, daemon=True)
        thread.start()
        for scheme in ("http", "HTTP"):
            url = f"{scheme}://127.0.0.1:{canary.server_address[1]}/x.png"
            for name in ("picture", "content", "mask", "style"):
                assert client.post(JOBS, json={**ASKED, name: url}).status_code == 422
            asked = {"prompt": "a cat", "init_images": [url], "mask": url}
            assert client.post("/sdapi/v1/img2img", json=asked).status_code == 422
            assert client.post("/sdapi/v1/png-info", json={"image": url}).status_code == 422
            form = {"prompt": "a cat", "image": url}
            files = {"x": ("x", b"", "image/png")}
            assert client.post("/v1/images/edits", data=form, files=files).status_code == 400
        canary.shutdown()
    assert heard == []


def test_a_file_of_the_machine_is_not_read(client: httpx2.Client, tmp_path: Path) -> None:
    path = tmp_path / "own.png"
    Image.new("RGB", (16, 16)).save(path)
    for name in ("picture", "content", "mask"):
        for said in (str(path), f"file://{path}"):
            assert client.post(JOBS, json={**ASKED, name: said}).status_code == 422
    region = {**ASKED, "regions": [{"text": "a cat", "mask": str(path)}]}
    assert client.post(JOBS, json=region).status_code == 422


def test_what_goes_wrong_inside_is_not_told(
    client: httpx2.Client, server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("/home/secret/key.txt line 3")

    monkeypatch.setattr(server.service, "position", broken)
    answer = client.post(JOBS, json=ASKED)
    assert answer.status_code == 500
    assert answer.json()["detail"] == UNEXPECTED
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text


def test_no_path_of_the_machine_is_in_an_answer(
    client: httpx2.Client, server: Running, tiny_model: Path
) -> None:
    for method, path in routes(server):
        if method == "GET":
            text = client.get(path).text
            assert str(tiny_model) not in text
            assert str(Path.home()) not in text


def test_there_are_no_web_sockets(server: Running) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as line:
        line.sendall(
            b"GET /queue/join HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            b"Sec-WebSocket-Version: 13\r\n\r\n"
        )
        assert b" 101 " not in line.recv(4096).split(b"\r\n")[0]
