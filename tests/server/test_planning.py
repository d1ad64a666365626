"""What a job would paint, and what a picture says it was painted with."""

from __future__ import annotations

import base64
import io

import httpx2
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from limner import Request

JOBS, PLAN, RECORD = "/api/v1/jobs", "/api/v1/plan", "/api/v1/record"


def encoded(texts: dict[str, str]) -> str:
    """A small PNG with texts, in base64."""
    said, file = PngInfo(), io.BytesIO()
    for keyword, text in texts.items():
        said.add_text(keyword, text)
    Image.new("RGB", (8, 8)).save(file, "PNG", pnginfo=said)
    return base64.b64encode(file.getvalue()).decode()


def test_a_plan_is_what_is_painted_then(client: httpx2.Client) -> None:
    asked = {"prompt": "a red apple", "seed": 7, "steps": 3}
    found = client.post(PLAN, json=asked).json()
    made = client.post(JOBS, json=asked).json()
    done = client.get(made["links"]["self"], params={"wait": 20}).json()
    assert found["request"] == done["request"]
    assert found["total"] == done["total"]
    sigmas = [level["sigma"] for level in found["levels"]]
    assert len(sigmas) == 4
    assert sigmas == sorted(sigmas, reverse=True)
    width, height = found["request"]["size"]
    _, *shape = found["latent"]
    assert [found["stride"] * side for side in shape] == [height, width]


@pytest.mark.parametrize(
    ("fields", "status"),
    [({"prompt": "a", "x": 1}, 422), ({}, 422), ({"prompt": "a", "model": "no"}, 404)],
)
def test_a_plan_of_what_cannot_be_is_refused(
    client: httpx2.Client, fields: dict[str, object], status: int
) -> None:
    assert client.post(PLAN, json=fields).status_code == status


def test_a_picture_gives_its_request_back(client: httpx2.Client) -> None:
    made = client.post(JOBS, json={"prompt": "a red apple", "seed": 2**60, "steps": 2}).json()
    done = client.get(made["links"]["self"], params={"wait": 20}).json()
    file = base64.b64encode(client.get(done["images"][0]).content).decode()
    found = client.post(RECORD, json={"picture": file}).json()
    assert found["request"] == done["request"]
    assert found["others"] == {}


def test_an_infotext_of_another_program_is_read(client: httpx2.Client) -> None:
    text = "a cat\nNegative prompt: a dog\nSteps: 9, Seed: 5, Size: 64x32, Hashes: x, Model: sd"
    found = client.post(RECORD, json={"picture": encoded({"parameters": text})}).json()
    request = Request.from_values(found["request"])
    assert (request.prompt, request.negative, request.steps) == ("a cat", "a dog", 9)
    assert found["model"] == "sd"
    assert "Hashes" in found["others"]


@pytest.mark.parametrize("texts", [{}, {"limner": "{}"}, {"limner": '{"prompt": 3}'}])
def test_what_holds_no_record_is_refused_without_a_path(
    client: httpx2.Client, texts: dict[str, str]
) -> None:
    answer = client.post(RECORD, json={"picture": encoded(texts)})
    assert answer.status_code == 422
    assert "/" not in answer.json()["detail"]


@pytest.mark.parametrize("comment", ["a cat\nSteps: 9, Seed: 5, Size: 64x32", "taken by a camera"])
def test_a_comment_is_a_record_where_it_is_an_infotext(client: httpx2.Client, comment: str) -> None:
    exif, file = Image.Exif(), io.BytesIO()
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + comment.encode("utf-16-be")
    Image.new("RGB", (8, 8)).save(file, "JPEG", exif=exif)
    answer = client.post(RECORD, json={"picture": base64.b64encode(file.getvalue()).decode()})
    assert answer.status_code == (200 if "Steps" in comment else 422)


@pytest.mark.parametrize("body", [{}, {"picture": "http://x"}, {"picture": 3, "more": 1}])
def test_what_is_no_picture_is_refused(client: httpx2.Client, body: dict[str, object]) -> None:
    assert client.post(RECORD, json=body).status_code == 422
