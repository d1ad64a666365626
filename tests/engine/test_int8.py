"""int8: by name alone, calibrated by paintings, near the modules, kept, told and refused."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

import limner
from limner.engine.calibration import MOST_SAMPLES, fitted, samples
from limner.engine.choosing import chosen, dtype_named
from limner.engine.graphs import Shape
from limner.engine.openvino import OpenVinoEngine
from limner.errors import UsageError
from limner.models.unet import UNet
from limner.nn.prepared import choose
from limner.pipeline.calibrating import COUNT, PROMPTS, STEPS, calibration_of, prompts_of
from limner.pipeline.metadata import texts
from limner.types import Conditioning

BOUND = 0.25  # of the norm of an answer: random weights have no structure that 8 bits would keep
needs_nncf = pytest.mark.skipif(find_spec("nncf") is None, reason="needs NNCF: limner[int8]")


def shape(painter: limner.Painter, rows: int, *, tokens: int = 12, masked: bool = True) -> Shape:
    width = painter.parts.denoiser.config.in_channels
    return Shape((rows, width, 4, 4), rows, tokens, masked, False)


def seen(painter: limner.Painter, wanted: Shape) -> tuple:
    adapters, engine = painter.adapters, painter.engine
    calibration = calibration_of(painter.model, adapters)
    return samples(calibration, painter.parts, engine._places, wanted)


def test_samples_are_of_the_solvers_own_path_in_a_graphs_shapes(painter: limner.Painter) -> None:
    wanted = shape(painter, 2)
    found = seen(painter, wanted)
    taken = min(STEPS, painter.model.sampling.steps)
    assert len(found) == min(MOST_SAMPLES, len(prompts_of(painter.model)) * taken)
    for x, t, text in found:
        assert Shape.of(x, text) == wanted
        assert t.shape == (2,)
    times = [float(t[0]) for _, t, _ in found[:taken]]
    assert times == sorted(times, reverse=True)  # from noise to a picture
    assert len(set(times)) == taken
    spread = [float(x.std()) for x, _, _ in found[:taken]]
    assert spread[0] != spread[-1]


def test_samples_are_the_same_each_time_and_have_the_key_of_what_is_painted(
    painter: limner.Painter,
) -> None:
    wanted = shape(painter, 2)
    for (x, _, text), (other, _, again) in zip(
        seen(painter, wanted), seen(painter, wanted), strict=True
    ):
        assert torch.equal(x, other)
        assert all(map(torch.equal, text.keys, again.keys))
    keys = {calibration_of(painter.model, painter.adapters).key for _ in range(2)}
    assert len(keys) == 1


@pytest.mark.parametrize(
    ("rows", "tokens", "masked"), [(1, 12, True), (4, 24, False), (8, 5, True)]
)
def test_rows_fit_a_graph_whatever_calls_they_came_in(
    painter: limner.Painter, rows: int, tokens: int, masked: bool
) -> None:
    denoiser, wanted = painter.parts.denoiser, shape(painter, rows, tokens=tokens, masked=masked)
    contexts = torch.randn(6, 12, denoiser.config.context_width)
    with torch.no_grad():
        text = denoiser.prepare(Conditioning(context=contexts))
    x = torch.arange(6.0).reshape(6, 1, 1, 1).expand(6, *wanted.x[1:])
    calls = [(x[p], x[p, 0, 0, 0], choose(text, p)) for p in (slice(0, 2), slice(2, 6))]
    found = list(fitted(calls, wanted))
    assert len(found) == -(-6 // rows)
    order = torch.cat([x[:, 0, 0, 0] for x, _, _ in found])
    assert order.tolist() == [index % 6 for index in range(rows * len(found))]
    for x, t, fit in found:
        assert Shape.of(x, fit) == wanted
        assert torch.equal(t, x[:, 0, 0, 0])
        one = fit.keys[0][0, min(tokens, 12) - 1]
        assert torch.equal(one, text.keys[0][int(t[0]), min(tokens, 12) - 1])


def test_texts_that_are_drawn_out_by_themselves_say_the_same(painter: limner.Painter) -> None:
    """Attention over the tokens twice is attention over them once: ranges are those of a text."""
    denoiser: UNet = painter.parts.denoiser
    context = torch.randn(1, 12, denoiser.config.context_width)
    x, t = torch.randn(1, denoiser.config.in_channels, 4, 4), torch.tensor([300.0])
    with torch.no_grad():
        text = denoiser.prepare(Conditioning(context=context))
        ((_, _, long),) = fitted([(x, t, text)], shape(painter, 1, tokens=24, masked=False))
        torch.testing.assert_close(denoiser(x, t, long), denoiser(x, t, text))


def test_prompts_are_words_that_the_model_was_taught(painter: limner.Painter) -> None:
    assert prompts_of(painter.model) == ("red apple", "blue cat")
    assert len(prompts_of(limner.load().model)) == COUNT
    assert len(set(PROMPTS)) == COUNT


@needs_nncf
def test_int8_is_near_the_modules_kept_and_told(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIMNER_CACHE", str(tmp_path))
    painter = limner.load(tiny_model, dtype=torch.int8)
    assert painter.engine.called == "openvino int8"
    assert painter.parts.denoiser.conv_in.weight.dtype == torch.float32
    result = painter.generate("a red apple", seed=1, steps=1)
    assert "Engine: openvino int8" in texts(result, 0)["parameters"]
    theirs = limner.load(tiny_model, engine="eager").generate("a red apple", seed=1, steps=1)
    apart = (result.latents - theirs.latents).norm() / theirs.latents.norm()
    assert 1e-4 < apart < BOUND  # 8 bits they are, and no more than that
    (kept,) = (tmp_path / "engines").iterdir()
    before = kept.stat().st_ino
    limner.load(tiny_model, dtype=torch.int8).generate("a red apple", seed=1, steps=1)
    (kept,) = (tmp_path / "engines").iterdir()
    assert kept.stat().st_ino == before


def test_int8_is_refused_without_what_it_needs(
    painter: limner.Painter, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="engine eager does not compute in int8: openvino is"):
        limner.load(tiny_model, dtype=torch.int8, engine="eager")
    monkeypatch.setitem(sys.modules, "nncf", None)
    with pytest.raises(UsageError, match=r"int8 needs NNCF: pip install limner\[int8\]"):
        limner.load(tiny_model, dtype=torch.int8)


def test_int8_is_an_approximation_that_nothing_takes_unasked() -> None:
    assert chosen("auto", 10**9, torch.int8, "cpu") == ("openvino", "int8 was asked for")
    for dtype in (torch.float32, torch.bfloat16):
        assert "int8" not in chosen("auto", 10**9, dtype, "cpu", native=True)[1]
    assert dtype_named("int8") == torch.int8
    with pytest.raises(UsageError, match="'int4' is unknown: one of fp32, bf16, fp16, int8"):
        dtype_named("int4")


@needs_nncf
def test_int8_and_fp32_are_kept_apart(painter: limner.Painter, tmp_path: Path) -> None:
    calibration = calibration_of(painter.model, painter.adapters)
    one, other = (
        OpenVinoEngine(painter.parts, folder=tmp_path, calibration=each)
        for each in (None, calibration)
    )
    assert one._converted.path(one._denoiser(shape(painter, 2))) != other._converted.path(
        other._denoiser(shape(painter, 2))
    )
