"""Engines that run graphs: the modules' numbers, what they leave to them, and changed weights."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from asking import asked
from tiny_pipelines import saved

import limner
from limner.engine import choosing
from limner.engine.choosing import chosen, engine_for, missing, pays_from
from limner.engine.compiled import compiler
from limner.engine.conversion import MODEL
from limner.engine.converted import DAY, trim
from limner.engine.cuda_graphs import CudaGraphEngine
from limner.engine.graphs import Graph, GraphEngine, portions
from limner.engine.openvino import OpenVinoEngine
from limner.errors import UsageError
from limner.models.dit import DiT
from limner.nn.prepared import Prepared
from limner.pipeline import Painter, Request
from limner.pipeline.metadata import texts

BOUND = 1e-5  # of the largest number of an answer
REQUEST = Request(prompt="a red apple", negative="blue", seed=1, steps=3)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LIMNER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "engines"


def apart(one: Painter, other: Painter, request: Request = REQUEST) -> float:
    """Of the latents, in parts of the largest."""
    ours, theirs = one.paint(request).latents, other.paint(request).latents
    return float((ours - theirs).abs().max() / theirs.abs().max())


def made(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.glob("*"))


@pytest.mark.parametrize("kind", ["sd1", "sdxl"])
def test_every_answer_is_the_modules_within_rounding(
    kind: str, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked the same: what a picture becomes over many steps says nothing of an engine."""
    folder = saved(kind, tmp_path)
    eager, fast = (limner.load(folder, engine=name) for name in ("eager", "openvino"))
    found = asked(eager, Request(prompt="a cat", seed=1, steps=3, size=(32, 32)), monkeypatch)
    assert len(found) == 3
    for ask in found:
        (ours,), (theirs,) = fast.engine.answer([ask]), eager.engine.answer([ask])
        assert (ours - theirs).abs().max() < BOUND * theirs.abs().max()
    assert len(made(cache)) == 1


def test_a_transformer_is_a_graph_too(tiny_model: Path, tiny_transformer: DiT, cache: Path) -> None:
    painters = []
    for engine in ("eager", "openvino"):
        parts = replace(limner.load(tiny_model).parts, denoiser=tiny_transformer)
        painters.append(Painter(parts, engine=engine))
    assert apart(*painters) < BOUND
    assert len(made(cache)) == 1


def test_many_rows_are_painted_by_few_graphs(
    tiny_model: Path, painter: Painter, cache: Path
) -> None:
    fast = limner.load(tiny_model, engine="openvino")
    long = "a red apple, " * 8  # more tokens than one chunk has
    prompts = ("a red apple", "a blue cat", long)
    requests = [Request(prompt=p, seed=n, steps=2) for n, p in enumerate(prompts)]
    for ours, theirs in zip(fast.paint_many(requests), painter.paint_many(requests), strict=True):
        torch.testing.assert_close(ours.latents, theirs.latents, atol=1e-5, rtol=1e-5)
    assert len(made(cache)) == 2  # of four rows and of two


def test_a_model_is_converted_once(tiny_model: Path, cache: Path) -> None:
    limner.load(tiny_model, engine="openvino").paint(REQUEST)
    (kept,) = cache.glob(f"*/{MODEL}")
    before = kept.stat().st_ino
    again = limner.load(tiny_model, engine="openvino")
    again.paint(REQUEST)
    assert kept.stat().st_ino == before
    kept.write_text("no model", encoding="utf-8")  # a broken one is made anew
    third = limner.load(tiny_model, engine="openvino")
    assert apart(third, again) == 0
    assert kept.stat().st_ino != before


def test_weights_that_change_are_those_that_paint(tiny_model: Path) -> None:
    eager, fast = (limner.load(tiny_model, engine=name) for name in ("eager", "openvino"))
    before = fast.paint(REQUEST).latents
    for painter in (eager, fast):
        with torch.no_grad():
            painter.parts.denoiser.conv_in.weight.mul_(1.5)
    assert not torch.allclose(before, eager.paint(REQUEST).latents, atol=1e-2)
    assert apart(eager, fast) < BOUND


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"attention": "mean"}, "attention is looked at"),
        ({"layout": "beside", "prompt": "a red apple AND a blue cat"}, "parts of the text"),
    ],
)
def test_what_no_graph_does_the_modules_do_and_it_is_told(
    tiny_model: Path, painter: Painter, fields: dict[str, Any], reason: str
) -> None:
    fast = limner.load(tiny_model, engine="openvino")
    request = Request(**{"prompt": "a red apple", "seed": 1, "steps": 2, **fields})
    assert apart(fast, painter, request) == 0
    (told,) = set(fast.paint(request).warnings) - set(painter.paint(request).warnings)
    assert reason in told


def test_of_paintings_together_each_is_told_of_itself_alone(tiny_model: Path) -> None:
    fast = limner.load(tiny_model, engine="openvino")
    plain = Request(prompt="a red apple", seed=1, steps=2)
    looked = Request(prompt="a red apple", seed=2, steps=2, attention="mean")
    told = [result.warnings for result in fast.paint_many([plain, looked, plain])]
    assert not any("attention is looked at" in each for each in (*told[0], *told[2]))
    assert sum("attention is looked at" in each for each in told[1]) == 1


def test_a_lora_is_painted_by_the_modules(model_with_lora: Path) -> None:
    eager, fast = (limner.load(model_with_lora, engine=name) for name in ("eager", "openvino"))
    told = fast.paint(REQUEST).warnings
    assert told == ("a LoRA is on the model: the denoiser ran without openvino",)
    assert apart(eager, fast) == 0
    for name, _ in list(fast.adapters.loras):
        eager.remove_lora(name)
        fast.remove_lora(name)
    assert 0 < apart(eager, fast) < BOUND
    assert fast.paint(REQUEST).warnings == ()


def test_a_picture_says_what_painted_it(tiny_model: Path, painter: Painter, tmp_path: Path) -> None:
    fast = limner.load(tiny_model, engine="openvino").paint(REQUEST)
    assert fast.engine == "openvino fp32"
    assert "Engine: openvino fp32" in texts(fast, 0)["parameters"]
    assert "Engine" not in texts(painter.paint(REQUEST), 0)["parameters"]


def test_few_calls_are_the_modules_until_as_many_were_as_a_graph_costs(
    tiny_model: Path, painter: Painter, cache: Path
) -> None:
    fast = limner.load(tiny_model, engine="openvino")
    fast.engine.pays = 9
    ran = [fast.paint(REQUEST).engine for _ in range(4)]  # three calls each
    assert ran == ["eager fp32", "eager fp32", "openvino fp32", "openvino fp32"]
    assert fast.paint(REQUEST).warnings == painter.paint(REQUEST).warnings
    again = limner.load(tiny_model, engine="openvino")
    again.engine.pays = 9
    assert again.paint(REQUEST).engine == "openvino fp32"  # it is converted already
    longer = Request(prompt="a red apple", seed=1, steps=9, size=(64, 64))
    assert again.paint(longer).engine == "openvino fp32"  # a shape of its own, and calls enough
    less = Request(prompt="a red apple", seed=1, steps=2, size=(64, 32))
    assert again.paint(less).engine == "eager fp32"
    with torch.no_grad():
        again.parts.denoiser.conv_in.weight.mul_(1.5)
    assert again.paint(REQUEST).engine == "eager fp32"  # other weights are converted by nobody yet


def test_calls_to_come_are_said_and_count(
    painter: Painter, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = asked(painter, Request(prompt="a red apple", seed=1, steps=4), monkeypatch)
    assert [each.to_go for each in found] == [4, 3, 2, 1]


def test_a_picture_is_said_to_be_painted_by_what_painted_it(tiny_model: Path) -> None:
    fast = limner.load(tiny_model, engine="openvino")
    looked = fast.paint(replace(REQUEST, attention="mean"))
    assert looked.engine == "eager fp32"
    assert "Engine" not in texts(looked, 0)["parameters"]


def test_auto_converts_where_that_pays(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    half = torch.bfloat16
    for fast, calls in ((False, (15, 15)), (True, (70, 200))):
        monkeypatch.setattr(choosing, "is_faster", lambda dtype, fast=fast: fast)
        assert (pays_from(torch.float32), pays_from(half)) == calls
    monkeypatch.setattr(choosing, "LARGE", 0)
    assert limner.load(tiny_model, engine="auto").engine.pays == 70
    assert limner.load(tiny_model, engine="openvino").engine.pays == 0


def test_cuda_graphs_are_for_a_gpu(painter: Painter) -> None:
    with pytest.raises(
        UsageError, match="runs on a GPU of CUDA, the model is on cpu: --device cuda"
    ):
        engine_for("cuda-graphs", painter.parts)
    if not torch.cuda.is_available():
        assert "no GPU of CUDA" in str(missing("cuda-graphs"))


def test_what_is_recorded_is_given_what_it_takes_and_its_memory_is_left(
    painter: Painter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a recorder in the place of CUDA's, that writes every answer to the same memory."""

    def recorder(module: torch.nn.Module, given: tuple[torch.Tensor, ...]) -> Any:
        memory = module(*given)
        assert not memory.is_inference()

        def replayed(*given: torch.Tensor) -> torch.Tensor:
            return memory.copy_(module(*given))

        return replayed

    monkeypatch.setattr(torch.cuda, "make_graphed_callables", recorder)
    engine = CudaGraphEngine.__new__(CudaGraphEngine)
    GraphEngine.__init__(engine, painter.parts)
    fast = limner.Painter(painter.parts)
    fast.engine = engine
    for size in ((64, 64), (64, 32), (64, 64)):
        assert apart(fast, painter, replace(REQUEST, size=size)) == 0
    assert fast.paint(REQUEST).engine == "cuda-graphs fp32"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU of CUDA")
@pytest.mark.parametrize("kind", ["sd1", "sdxl"])
def test_recorded_answers_are_the_modules_on_a_gpu(kind: str, tmp_path: Path) -> None:
    model = saved(kind, tmp_path / kind)
    eager, fast = (limner.load(model, device="cuda", engine=e) for e in ("eager", "cuda-graphs"))
    request = Request(prompt="a red apple", seed=1, steps=4, size=(32, 32))
    assert apart(fast, eager, request) < 1e-3


class Held(GraphEngine):
    """Graphs that call the modules, and are ready when they are let go."""

    name = "held"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.go, self.graphs, self.fails = threading.Event(), 0, ""

    def begin(self, x: torch.Tensor, t: torch.Tensor, text: Prepared) -> Callable[[], Graph]:
        def ready() -> Graph:
            self.go.wait()
            if self.fails:
                raise UsageError(self.fails)
            self.graphs += 1
            return self.parts.denoiser

        return ready

    def come(self) -> None:
        """Let go what is under way, and wait until it is there."""
        self.go.set()
        for each in threading.enumerate():
            if each.name == "limner-graph":
                each.join()
        self.go.clear()


@pytest.fixture
def held(painter: Painter) -> Held:
    engine = Held(painter.parts)
    engine.waits, painter.engine = False, engine
    return engine


def test_until_a_graph_is_ready_the_modules_answer(
    painter: Painter, held: Held, tiny_model: Path
) -> None:
    theirs = limner.load(tiny_model).paint(REQUEST)
    for graphs, told in ((0, ("held was not ready: the denoiser ran without it",)), (1, ())):
        ours = painter.paint(REQUEST)
        assert (held.graphs, ours.warnings) == (graphs, told)
        assert torch.equal(ours.latents, theirs.latents)
        held.come()


def test_one_graph_is_made_at_a_time(painter: Painter, held: Held) -> None:
    small, large = REQUEST, replace(REQUEST, size=(16, 24))
    painter.paint(small)
    painter.paint(large)
    held.come()
    painter.paint(large)
    assert held.graphs == 1  # of the small
    held.come()
    assert painter.paint(large).warnings == painter.paint(small).warnings == ()
    assert held.graphs == 2


def test_a_graph_that_cannot_be_made_is_told_and_not_begun_again(
    painter: Painter, held: Held
) -> None:
    held.fails = "no room"
    painter.paint(REQUEST)
    held.come()
    for _ in range(2):
        assert painter.paint(REQUEST).warnings == ("no room",)
    assert not any(each.name == "limner-graph" for each in threading.enumerate())


@pytest.mark.skipif(compiler() is None, reason="needs a C++ compiler")
@pytest.mark.slow
def test_compiled_gives_the_modules_numbers(tiny_model: Path) -> None:
    """In a process of its own: torch cannot trace functions whose types jaxtyping's hook checks."""
    done = subprocess.run(
        [sys.executable, "-c", COMPILED, str(tiny_model)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split()[-1]) < BOUND


def test_the_engine_of_a_model(painter: Painter) -> None:
    assert painter.engine.name == "eager"  # auto: it is small
    assert missing("openvino") is None
    fp32, large = torch.float32, 10**9
    assert chosen("auto", large, fp32, "cpu")[0] == "openvino"
    assert chosen("auto", 10**7, fp32, "cpu") == (
        "eager",
        "the model is small, and converting it costs more than it gains",
    )
    assert chosen("auto", large, torch.bfloat16, "cpu")[0] == "eager"
    assert chosen("auto", large, fp32, "cuda") == ("eager", "the model is on cuda")
    assert chosen("auto", large, fp32, "cpu", free=20 * 10**9)[0] == "openvino"
    assert chosen("auto", large, fp32, "cpu", free=5 * 10**9) == (
        "eager",
        "converting takes 2.5 times the weights' memory, and less is free",
    )
    assert chosen("openvino", 10**7, fp32, "cpu") == ("openvino", "asked for")
    with pytest.raises(UsageError, match="'fast' is unknown: one of auto, eager, compiled"):
        chosen("fast", large, fp32, "cpu")


def test_a_precision_that_the_processor_lacks_is_refused(painter: Painter, cache: Path) -> None:
    with pytest.raises(UsageError, match="does not compute in float16"):
        OpenVinoEngine(painter.parts, precision=torch.float16)


def test_the_longest_unused_leave_over_the_budget(tmp_path: Path) -> None:
    for age in range(4):
        folder = tmp_path / str(age)
        folder.mkdir()
        (folder / MODEL).write_bytes(b"0" * 100)
        os.utime(folder / MODEL, (1000 - age, 1000 - age))
    for name, age in ((".old.7.0.partial", 2 * DAY), (".new.7.0.partial", 0.0)):
        half = tmp_path / name / MODEL
        half.parent.mkdir()
        half.write_bytes(b"0" * 1000)
        os.utime(half.parent, (time.time() - age,) * 2)
    trim(tmp_path, 250, keep=tmp_path / "3")
    assert made(tmp_path) == [".new.7.0.partial", "0", "3"]


def test_rows_in_portions_of_few_sizes() -> None:
    assert [p.stop - p.start for p in portions(13, 4)] == [4, 4, 4, 1]
    assert [p.stop - p.start for p in portions(7, 32)] == [4, 2, 1]
    assert list(portions(2, 2)) == [slice(0, 2)]


COMPILED = """
import sys
import limner
from limner import Request
request = Request(prompt="a red apple", negative="blue", seed=1, steps=3)
ours, theirs = (
    limner.load(sys.argv[1], engine=name).paint(request).latents for name in ("compiled", "eager")
)
print(float((ours - theirs).abs().max() / theirs.abs().max()))
"""
HEARD = """
import faulthandler, gc, os, signal, sys
import limner
faulthandler.enable()  # its stack for signals is the one that OpenVINO stands in for
signal.signal(signal.SIGUSR1, lambda *_: print("heard"))
for _ in range(2):
    painters = [limner.load(sys.argv[1], engine="openvino") for _ in range(2)]
    while painters:
        painters.pop(0)
        gc.collect()
os.kill(os.getpid(), signal.SIGUSR1)
"""


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals")
def test_engines_that_are_gone_leave_a_process_that_hears_signals(tiny_model: Path) -> None:
    """Each runtime of OpenVINO brings a stack for signals, and takes away the one before it."""
    done = subprocess.run(
        [sys.executable, "-c", HEARD, str(tiny_model)], capture_output=True, text=True, timeout=300
    )
    assert (done.returncode, done.stdout) == (0, "heard\n"), done.stderr
