"""Paintings in progress at once do not know of each other: a request is a value."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from often import often
from requests_drawn import LORA, WORD, never_drawn, pool
from safetensors.torch import save_file

import limner
from limner.checkpoints.lora import save_lora
from limner.checkpoints.lora_names import adaptable
from limner.engine.asks import Step
from limner.nn.adapter import LowRank
from limner.pipeline import Painter, Request, Result

POOL, THREADS = 64, 4


@pytest.fixture(scope="module")
def painter(
    restyling_model: Path, tiny_upscaler: Path, tmp_path_factory: pytest.TempPathFactory
) -> Painter:
    """A painter that can do all there is, with a LoRA and a word in its folders."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("adapters")
    parts = limner.load(restyling_model, device="cpu").parts
    models = {"unet": parts.denoiser, "text_encoder": parts.text_encoder}
    updates = {
        name: LowRank(
            down=torch.randn(2, *module.weight.shape[1:]), up=torch.randn(len(module.weight), 2)
        )
        for name, module in adaptable(models).items()
        if "attn" in name
    }
    (folder / "loras").mkdir()
    (folder / "words").mkdir()
    save_lora(folder / "loras" / f"{LORA}.safetensors", updates, models)
    width = parts.text_encoder.config.width
    save_file({WORD: torch.randn(2, width)}, folder / "words" / f"{WORD}.safetensors")
    return limner.load(
        restyling_model,
        device="cpu",
        upscaler=tiny_upscaler,
        lora_folder=folder / "loras",
        embedding_folder=folder / "words",
    )


@pytest.fixture(scope="module")
def asked() -> list[dict[str, Any]]:
    return pool(POOL, 11)


@pytest.fixture(scope="module")
def alone(painter: Painter, asked: list[dict[str, Any]]) -> list[Result]:
    """What each request gives by itself."""
    return [painter.paint(Request(**fields)) for fields in asked]


def same(found: Result, wanted: Result) -> bool:
    """To the byte: pictures, latents, and what was recorded."""
    pictures = zip(found.images, wanted.images, strict=True)
    seen = (found.attention, wanted.attention)
    maps = [[m.maps for m in each.moments] for each in seen if each is not None]
    recorded = not maps or all(
        torch.equal(one[name], other[name])
        for one, other in zip(*maps, strict=True)
        for name in one
    )
    return (
        all(np.array_equal(one, other) for one, other in pictures)
        and torch.equal(found.latents, wanted.latents)
        and recorded
        and (found.warnings, found.seeds) == (wanted.warnings, wanted.seeds)
    )


def interleaved(
    painter: Painter, requests: dict[int, Request], chance: random.Random
) -> Iterator[tuple[int, Result]]:
    """Each request's result, advanced a step at a time in random order."""
    running = {index: painter.steps(request) for index, request in requests.items()}
    while running:
        index = chance.choice(list(running))
        try:
            step: Step = next(running[index])
            if chance.random() < 0.1:
                step.preview()
        except StopIteration as finished:
            del running[index]
            yield index, finished.value


def test_every_field_of_a_request_is_drawn(asked: list[dict[str, Any]]) -> None:
    assert never_drawn(asked) == {"rho"}  # no schedule of a flow has one


@pytest.mark.parametrize("groups", often(25, 200))
def test_interleaved_requests_give_the_bytes_that_each_gives_alone(
    painter: Painter, asked: list[dict[str, Any]], alone: list[Result], groups: int
) -> None:
    chance = random.Random(1)
    for _ in range(groups):
        chosen = chance.sample(range(POOL), chance.choice((2, 3)))
        requests = {index: Request(**asked[index]) for index in chosen}
        for index, result in interleaved(painter, requests, chance):
            assert same(result, alone[index]), (chosen, index, asked[index])


def test_four_threads_on_one_painter_give_the_bytes_that_each_request_gives_alone(
    painter: Painter, asked: list[dict[str, Any]], alone: list[Result]
) -> None:
    wrong: list[Any] = []

    def paint(own: int) -> None:
        for index in range(own, POOL, THREADS):
            try:
                if not same(painter.paint(Request(**asked[index])), alone[index]):
                    wrong.append((index, asked[index]))
            except Exception as error:
                wrong.append((index, error))

    threads = [threading.Thread(target=paint, args=(own,)) for own in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
