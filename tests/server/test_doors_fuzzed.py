"""Whatever comes in, nothing goes wrong inside: no door answers with a 500."""

from __future__ import annotations

import json
import random
from typing import Any

import httpx2
import pytest

JOBS = "/api/v1/jobs"
ROUNDS, MORE = 25, 400
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**63, 10**30, 10**400, 0.5, -0.5, 1e308, "", "a cat", "\0",
    "\ud800", "☃" * 9, "../x", "http://x", "data:image/png;base64,AAAA", "64x64", [], [1], [[]],
    [1, 2], {}, {"a": 1}, ["a", 1], [["a", 1]], "euler", "karras",
)  # fmt: skip
FIELDS = {
    "/api/v1/jobs": (
        "prompt", "negative", "dialect", "weighting", "lenient", "layout", "regions", "seed",
        "count", "size", "noise", "variation_seed", "variation_strength", "steps", "guidance",
        "guidance_rescale", "solver", "schedule", "eta", "clip_skip", "strength", "mask", "extend",
        "feather", "context", "style", "style_weight", "content_weight", "upscale", "refine",
        "loras", "embeddings", "picture", "content", "model", "keep_steps", "heatmaps",
    ),
    "/sdapi/v1/txt2img": (
        "prompt", "negative_prompt", "seed", "subseed", "subseed_strength", "sampler_name",
        "sampler_index", "scheduler", "batch_size", "n_iter", "steps", "cfg_scale", "width",
        "height", "enable_hr", "hr_scale", "denoising_strength", "override_settings",
        "script_name", "alwayson_scripts", "send_images", "force_task_id", "styles",
    ),
    "/sdapi/v1/img2img": ("prompt", "init_images", "mask", "mask_blur", "resize_mode", "steps"),
    "/sdapi/v1/png-info": ("image",),
    "/sdapi/v1/options": ("sd_model_checkpoint", "samples_format", "x"),
    "/internal/progress": ("id_task",),
    "/v1/images/generations": (
        "prompt", "model", "n", "size", "quality", "background", "response_format",
        "output_format", "output_compression", "stream", "partial_images", "limner",
        "negative_prompt", "seed", "num_inference_steps", "guidance_scale", "strength", "user",
    ),
    "/api/v1/plan": ("prompt", "steps", "solver", "size", "regions", "extend", "layout", "model"),
    "/api/v1/record": ("picture", "x"),
    "/api/v1/prompt/parse": ("prompt", "dialect", "steps", "model"),
    "/api/v1/prompt/convert": ("prompt", "from", "to"),
    "/login": ("key",),
}  # fmt: skip


@pytest.mark.parametrize("door", list(FIELDS))
def test_no_body_breaks_a_door(client: httpx2.Client, door: str) -> None:
    tried(client, door, ROUNDS)


@pytest.mark.slow
@pytest.mark.parametrize("door", list(FIELDS))
def test_no_body_of_many_breaks_a_door(client: httpx2.Client, door: str) -> None:
    tried(client, door, MORE)


def tried(client: httpx2.Client, door: str, rounds: int) -> None:
    """Bodies of random fields with random values: every answer is one of those below 500."""
    chance = random.Random(door)
    for _ in range(rounds):
        names = chance.sample(FIELDS[door], min(len(FIELDS[door]), chance.randint(1, 3)))
        said: dict[str, Any] = {"prompt": "a cat", "steps": 1} if "prompt" in FIELDS[door] else {}
        if door == "/v1/images/generations":
            said = {"prompt": "a cat", "num_inference_steps": 1}
        if door == "/api/v1/prompt/convert":
            said = {"prompt": "a cat"}
        said |= {name: chance.choice(VALUES) for name in names}
        body = json.dumps(said)
        answer = client.post(door, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code < 500, (said, answer.text)


def test_no_query_breaks_a_door(client: httpx2.Client) -> None:
    made = client.post(JOBS, json={"prompt": "a cat", "steps": 1, "heatmaps": True}).json()
    own = made["links"]["self"]
    client.get(own, params={"wait": 20})
    for path in (
        f"{own}?wait=x", f"{own}?wait=-1", f"{own}?wait=1e9", f"{own}/events?after=²",
        f"{own}/images/99999999999999999999", f"{own}/steps/0?picture=9", f"{own}/heatmaps",
        f"{own}/heatmaps?words=%00", f"{own}/heatmaps?words=%F0%9F%98%80", "/sdapi/v1/progress?x=1",
        "/api/v1/jobs/%ff", "/%2e%2e/%2e%2e/etc/passwd", "/" + "a" * 5000,
    ):  # fmt: skip
        assert client.get(path).status_code < 500, path
