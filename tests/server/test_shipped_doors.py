"""Painting, painting over, restyling and enlarging through each door, with the shipped models."""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import openai
import pytest
import webuiapi
from PIL import Image
from running import Running, serving

from limner.data.pixels import flatten
from limner.server.running import Options, prepared

STEPS = 2


@pytest.fixture(scope="module")
def shipped(tiny_model: Path) -> Iterator[Running]:
    """A server as `limner serve` starts it."""
    ready = prepared(Options(device="cpu"))
    with serving(tiny_model, ready=True, models=ready.models) as running:
        yield running


@pytest.fixture(scope="module")
def apple(shipped: Running) -> Image.Image:
    with shipped.client() as client:
        return painted(client, prompt="a red apple, 3d", upscale=1)[1][0]


def painted(client: httpx2.Client, **wish: Any) -> tuple[dict[str, Any], list[Image.Image]]:
    """A job at its end, and its pictures."""
    made = client.post("/api/v1/jobs", json={"seed": 1, "steps": STEPS, **wish})
    assert made.status_code == 202, made.text
    done = client.get(made.headers["location"], params={"wait": 60}).json()
    assert done["status"] == "completed", done
    return done, [opened(client.get(each).content) for each in done["images"]]


def opened(file: bytes) -> Image.Image:
    return Image.open(io.BytesIO(file))


def encoded(picture: Image.Image) -> str:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def differs(one: Image.Image, other: Image.Image) -> float:
    """Grey levels between two pictures as they are seen on white, on average."""
    pair = [np.asarray(flatten(each).resize((32, 32))).astype(float) for each in (one, other)]
    return float(np.abs(pair[0] - pair[1]).mean())


def notes_of(client: httpx2.Client, asked: dict[str, Any]) -> list[str]:
    """What a plan tells of a request."""
    notes: list[str] = client.post("/api/v1/plan", json=asked).json()["notes"]
    assert notes
    return notes


@pytest.fixture
def own(shipped: Running) -> Iterator[httpx2.Client]:
    with shipped.client() as client:
        yield client


@pytest.fixture(scope="module")
def webui(shipped: Running) -> webuiapi.WebUIApi:
    host, port = shipped.url.removeprefix("http://").split(":")
    return webuiapi.WebUIApi(host=host, port=int(port))


UNKNOWN = [
    "a cat on a qwzx",  # a word that is not known
    "a qwzx",  # no word that is known, which is told again of what comes of it
]


@pytest.mark.parametrize("prompt", UNKNOWN)
def test_a_job_tells_once_what_the_reading_of_its_prompt_did(
    own: httpx2.Client, prompt: str
) -> None:
    notes = notes_of(own, {"prompt": prompt})
    job, _ = painted(own, prompt=prompt, upscale=1)
    assert job["warnings"] == notes
    assert own.get(job["links"]["self"]).json()["warnings"] == notes


@pytest.mark.parametrize("prompt", UNKNOWN)
def test_a1111_tells_what_the_reading_of_a_prompt_did(
    webui: webuiapi.WebUIApi, own: httpx2.Client, prompt: str
) -> None:
    made = webui.txt2img(
        prompt=prompt, steps=1, width=128, height=128, sampler_name="Euler",
    )  # fmt: skip
    told = made.info["extra_generation_params"]["Warnings"]
    for note in notes_of(own, {"prompt": prompt}):
        assert told.count(note) == 1


def test_an_interrupted_job_tells_what_its_reading_did(own: httpx2.Client) -> None:
    asked = {"prompt": UNKNOWN[0], "steps": 1000, "solver": "euler", "upscale": 1}
    job = own.post("/api/v1/jobs", json=asked).json()
    assert job["warnings"] == notes_of(own, asked)
    while not own.get(job["links"]["self"]).json()["step"]:
        time.sleep(0.02)
    ended = own.post(job["links"]["cancel"], json={"keep": True}).json()
    assert ended["warnings"][:-1] == job["warnings"]
    assert "interrupted at step" in ended["warnings"][-1]


def test_openai_is_told_the_size_of_enlarged_pictures(shipped: Running) -> None:
    sdk = openai.OpenAI(base_url=f"{shipped.url}/v1", api_key="none", max_retries=0, timeout=60)
    answer = sdk.images.generate(prompt="a red apple, 3d", extra_body={"num_inference_steps": 1})
    assert answer.data is not None
    width, height = opened(base64.b64decode(answer.data[0].b64_json or "")).size
    assert (width, height) == (256, 256)
    assert answer.size == f"{width}x{height}"


def test_a_job_is_restyled_by_the_model_that_can(own: httpx2.Client, apple: Image.Image) -> None:
    job, (drawn,) = painted(own, content=encoded(apple), style="flat")
    assert job["model"] == "emoji-restyle"
    _, (plain,) = painted(own, content=encoded(apple), style="3d")
    assert drawn.size == apple.size
    assert differs(drawn, plain) > 1


def test_a_job_is_restyled_as_another_picture_is(own: httpx2.Client, apple: Image.Image) -> None:
    style = f"data:image/png;base64,{encoded(apple)}"
    job, (drawn,) = painted(own, content=encoded(apple), style=style)
    assert job["model"] == "emoji-restyle"
    assert drawn.size == apple.size


def test_a_job_is_enlarged(own: httpx2.Client, apple: Image.Image) -> None:
    _, (larger,) = painted(own, prompt="a red apple, 3d", upscale=2)
    assert larger.size == (2 * apple.width, 2 * apple.height)
    assert differs(larger, apple) < 8


def test_a1111_enlarges_what_it_paints(webui: webuiapi.WebUIApi, apple: Image.Image) -> None:
    made = webui.txt2img(
        prompt="a red apple, 3d", seed=1, steps=STEPS, width=apple.width, height=apple.height,
        enable_hr=True, hr_scale=2, denoising_strength=0.3, sampler_name="Euler",
    )  # fmt: skip
    assert made.image.size == (2 * apple.width, 2 * apple.height)


def test_a1111_paints_over(webui: webuiapi.WebUIApi, apple: Image.Image) -> None:
    made = webui.img2img(
        images=[apple], prompt="a green apple, 3d", seed=1, steps=4, denoising_strength=0.5,
        width=apple.width, height=apple.height, sampler_name="Euler",
    )  # fmt: skip
    assert made.image.size == apple.size
    assert 0 < differs(made.image, apple) < 100


def test_a1111_restyles_by_fields_of_our_own(own: httpx2.Client, apple: Image.Image) -> None:
    width, height = apple.size
    said = {"steps": STEPS, "seed": 1, "width": width, "height": height, "cfg_scale": 3}
    said["limner"] = {"content": encoded(apple), "style": "flat"}
    answer = own.post("/sdapi/v1/txt2img", json=said)
    assert answer.status_code == 200, answer.text
    drawn = opened(base64.b64decode(answer.json()["images"][0]))
    assert json.loads(answer.json()["info"])["sd_model_name"] == "emoji-restyle"
    assert drawn.size == apple.size
    wrong = own.post("/sdapi/v1/txt2img", json={"prompt": "x", "limner": {"shoe": 44}})
    assert wrong.status_code == 422
    assert "limner" in wrong.json()["detail"]


def test_openai_restyles_by_fields_of_our_own(shipped: Running, apple: Image.Image) -> None:
    sdk = openai.OpenAI(base_url=f"{shipped.url}/v1", api_key="none", max_retries=0, timeout=60)
    more = {"content": encoded(apple), "style": "flat", "steps": STEPS}
    answer = sdk.images.generate(prompt="an apple", extra_body={"seed": 1, "limner": more})
    assert answer.data is not None
    assert opened(base64.b64decode(answer.data[0].b64_json or "")).size == apple.size


@pytest.mark.parametrize("name", ["Limner", "None"])
def test_a1111_makes_a_picture_larger(
    webui: webuiapi.WebUIApi, apple: Image.Image, name: str
) -> None:
    larger = webui.extra_single_image(apple, upscaler_1=name, upscaling_resize=2).image
    assert larger.size == (2 * apple.width, 2 * apple.height)
    assert differs(larger, apple) < 8
    shaped = webui.extra_single_image(
        apple, upscaler_1=name, resize_mode=1, upscaling_resize_w=100, upscaling_resize_h=50
    )
    assert shaped.image.size == (100, 50)
    within = webui.extra_single_image(
        apple, upscaler_1=name, resize_mode=1, upscaling_resize_w=100, upscaling_resize_h=50,
        upscaling_crop=False,
    )  # fmt: skip
    assert within.image.size == (50, 50)


def test_a1111_makes_several_pictures_larger(webui: webuiapi.WebUIApi, apple: Image.Image) -> None:
    made = webui.extra_batch_images([apple, apple], upscaler_1="Limner", upscaling_resize=2)
    assert [image.size for image in made.images] == [(2 * apple.width, 2 * apple.height)] * 2


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"upscaler_1": "ESRGAN"}, 400),
        ({"upscaling_resize": 0}, 422),
        ({"upscaling_resize": 9}, 422),
        ({"resize_mode": 2}, 422),
        ({"gfpgan_visibility": 0.5}, 422),
        ({"image": "http://x/y.png"}, 422),
        ({"image": None}, 422),
        ({"resize_mode": 1, "upscaling_resize_w": 10**9}, 422),
    ],
)
def test_what_cannot_be_made_larger_is_refused(
    own: httpx2.Client, apple: Image.Image, said: dict[str, Any], status: int
) -> None:
    answer = own.post("/sdapi/v1/extra-single-image", json={"image": encoded(apple), **said})
    assert answer.status_code == status, answer.text


def test_too_many_pictures_are_refused(own: httpx2.Client, apple: Image.Image) -> None:
    for listed in ([], None, [{"data": encoded(apple)}] * 33, ["x"]):
        answer = own.post("/sdapi/v1/extra-batch-images", json={"imageList": listed})
        assert answer.status_code == 422, answer.text
