"""What would take more memory than there is is refused before it begins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import limner
from limner.engine import memory
from limner.errors import RequestError, UsageError
from limner.models.dit import DiTConfig
from limner.models.unet import UNetConfig
from limner.pipeline.memory import check_memory, painting_bytes
from limner.pipeline.planning import plan
from limner.text.dialect import LONGEST_PROMPT

SD = UNetConfig()


@pytest.fixture(scope="module")
def model(tiny_model: Path):
    return limner.load(tiny_model, device="cpu").model


def planned(model, **fields):
    return plan(limner.Request(prompt="a cat", **{"size": (64, 64), "steps": 2, **fields}), model)


def needed(model, **fields) -> float:
    made = planned(model, **fields)
    return painting_bytes(model, made.request, made.request.size, made.request.count, 2)


def test_the_estimate_grows_with_size_count_and_what_is_recorded(model) -> None:
    one = needed(model)
    assert needed(model, size=(128, 128)) > 2 * one
    assert needed(model, count=64) > 8 * one
    assert needed(model, upscale=4) > one
    small = {"size": (32, 32), "upscale": 2}
    assert needed(model, **small, refine=0.3) > needed(model, **small)
    assert needed(model, attention="heads") > needed(model, attention="mean") > one
    long = {"attention": "mean", "steps": 200}
    assert needed(model, **long) > 5 * needed(model, attention="mean")


def test_the_estimate_is_about_what_was_measured() -> None:
    """Of the shipped U-Net at 192x192 places 6.5 kB a place, of SD 1 at 64x64 some 0.4 GB a row."""
    shipped = UNetConfig(channels=(96, 128, 192), layers_per_block=1, attention_depth=(0, 1, 1),
                         heads=(3, 4, 6), context_width=256)  # fmt: skip
    assert memory.denoising_bytes(shipped, (192, 192), 4) / 192**2 == pytest.approx(6500, rel=0.1)
    assert 1e8 < memory.denoising_bytes(SD, (64, 64), 4) < 5e8
    dit = DiTConfig()
    assert memory.denoising_bytes(dit, (32, 32), 4) == 4 * memory.denoising_bytes(dit, (16, 16), 4)


def test_what_is_too_large_names_what_fits(model) -> None:
    made = planned(model, size=(2048, 1024))
    free = int(needed(model, size=(1024, 512)) / memory.RESERVE) + 1
    with pytest.raises(RequestError, match=r"a picture of 2048x1024 .* GB of memory, and") as error:
        check_memory(made, free)
    fits = str(error.value).split(": ")[1].split(" ")[0]
    width, height = map(int, fits.split("x"))
    assert width == 2 * height
    assert 1024 <= width < 1200
    check_memory(planned(model, size=(width, height)), free)
    check_memory(made, 100 * free)


def test_too_many_names_how_many_fit(model) -> None:
    free = int(needed(model, count=40) / memory.RESERVE) + 1
    with pytest.raises(RequestError, match=r"1000 pictures of 64x64 .*: at most 4\d of this size"):
        check_memory(planned(model, count=1000), free)
    check_memory(planned(model, count=40), free)


def test_where_nothing_fits_it_says_so(model) -> None:
    with pytest.raises(RequestError, match="another machine is"):
        check_memory(planned(model), 10)


def test_it_is_asked_before_anything_is_painted(model, monkeypatch) -> None:
    painter = limner.Painter(model.parts, device=model.device)
    monkeypatch.setattr("limner.pipeline.memory.free_memory", lambda device: 1000)
    with pytest.raises(RequestError, match="of memory"):
        painter.generate("a cat")
    monkeypatch.setattr("limner.pipeline.memory.free_memory", lambda device: None)
    assert painter.generate("a cat", steps=1).images


@pytest.mark.parametrize("where", ["prompt", "negative"])
def test_a_prompt_has_a_longest_length(where: str) -> None:
    texts = {"prompt": "a cat", where: "a " * (LONGEST_PROMPT // 2)}
    limner.Request(**texts)
    with pytest.raises(RequestError, match=f"{where} has 10001 characters: at most 10000 are"):
        limner.Request(**texts | {where: texts[where] + "a"})


def test_what_reads_prompts_alone_has_it_too() -> None:
    with pytest.raises(UsageError, match="at most 10000 are right"):
        limner.prompt.parse("a" * (LONGEST_PROMPT + 1))
    region = {"text": "a" * (LONGEST_PROMPT + 1), "box": (0, 0, 1, 1)}
    with pytest.raises(RequestError, match="at most 10000 are right"):
        limner.Request(prompt="a", regions=(region,))


def test_an_empty_prompt_says_so(model) -> None:
    assert "the prompt is empty" in plan(limner.Request(prompt=" "), model).notes[0]
    assert not plan(limner.Request(prompt="a red apple"), model).notes
    shown = replace(limner.Request(prompt=""), regions=({"text": "a cat", "box": (0, 0, 1, 1)},))
    assert not any("empty" in note for note in plan(shown, model).notes)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_free_memory_is_told_where_the_system_tells() -> None:
    free = memory.free_memory(torch.device("cpu"))
    assert free is None or 2**20 < free < 2**50
    assert memory.free_memory(torch.device("meta")) is None


def test_a_group_leaves_what_the_tightest_above_it_leaves(tmp_path: Path) -> None:
    groups, process = tmp_path / "cgroup", tmp_path / "process"
    assert memory.container_memory(groups, process) is None
    write(process, "0::/user/session\n")
    write(groups / "memory.max", "max\n")
    write(groups / "user/memory.max", "1000\n")
    write(groups / "user/memory.current", "400\n")
    write(groups / "user/session/memory.max", "5000\n")
    write(groups / "user/session/memory.current", "100\n")
    assert memory.container_memory(groups, process) == 600


def test_limits_of_the_first_version_of_groups(tmp_path: Path) -> None:
    groups, process = tmp_path / "cgroup", tmp_path / "process"
    write(process, "5:cpu,cpuacct:/a\n4:memory:/docker/b\n")
    write(groups / "memory/memory.limit_in_bytes", f"{2**63 - 4096}\n")
    write(groups / "memory/memory.usage_in_bytes", "10\n")
    assert memory.container_memory(groups, process) is None
    write(groups / "memory/docker/b/memory.limit_in_bytes", "900\n")
    write(groups / "memory/docker/b/memory.usage_in_bytes", "1000\n")
    assert memory.container_memory(groups, process) == 0
