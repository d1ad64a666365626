"""`sd-backend-client`, unchanged, as it comes from the registry: it validates what it is told."""

from __future__ import annotations

import time

import numpy as np
import pytest
import sd_backend_client
from PIL import Image
from running import Running
from sd_backend_client import DiffusionParams, GenerationError

SMALL = {"prompt": "a cat", "width": 16, "height": 16, "steps": 2, "seed": 3}


@pytest.fixture(scope="module")
def backend(server: Running) -> sd_backend_client.Backend:
    backend = sd_backend_client.connect_to_backend(server.url)
    assert isinstance(backend, sd_backend_client.A1111Webservice)
    return backend


def params(**more: object) -> DiffusionParams:
    return DiffusionParams(**{**SMALL, "sampler": "Euler", **more})


def test_a_picture(backend: sd_backend_client.Backend) -> None:
    made = backend.submit_txt2img(params(batch_size=2)).wait(timeout=30)
    assert [image.size for image in made.images] == [(16, 16)] * 2
    assert made.seeds == [3, 4]


def test_a_picture_is_painted_over_inside_its_mask(backend: sd_backend_client.Backend) -> None:
    old = Image.new("RGB", (16, 16), (200, 10, 10))
    mask = Image.new("L", (16, 16))
    mask.paste(255, (0, 0, 8, 16))
    made = backend.submit_inpaint(params(init_images=[old], mask=mask, mask_blur=0)).wait(
        timeout=30
    )
    new = np.asarray(made.images[0].convert("RGB"))
    assert np.array_equal(new[:, 12:], np.asarray(old)[:, 12:])
    assert not np.array_equal(new[:, :8], np.asarray(old)[:, :8])


def test_progress_is_seen_and_a_job_cancelled(backend: sd_backend_client.Backend) -> None:
    handle = backend.submit_txt2img(params(steps=1000))
    until, seen = time.monotonic() + 20, None
    while time.monotonic() < until:
        seen = handle.poll()
        if seen.progress:
            break
        time.sleep(0.05)
    assert seen is not None
    assert 0 < (seen.progress or 0) < 1
    assert handle.cancel()
    with pytest.raises(GenerationError):
        handle.wait(timeout=20)


def test_a_picture_is_made_larger(backend: sd_backend_client.Backend) -> None:
    old = Image.new("RGB", (16, 16), (200, 10, 10))
    made = backend.submit_upscale(old, 32, 32).wait(timeout=30)
    assert made.images[0].size == (32, 32)


def test_a_mistake_is_an_error_that_it_understands(backend: sd_backend_client.Backend) -> None:
    with pytest.raises(sd_backend_client.SDBackendError, match="Nope"):
        backend.submit_txt2img(params(sampler="Nope")).wait(timeout=30)
