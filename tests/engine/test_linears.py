"""Linear layers by oneDNN: the BLAS's numbers but for rounding, where they were measured faster."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from tiny_pipelines import saved
from torch import nn

import limner
from limner.engine import linears
from limner.engine.linears import ByOneDnn, blas_is_slow, linears_for
from limner.types import Conditioning


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The shapes that oneDNN was given."""
    given: list[tuple[int, ...]] = []
    real = linears.by_onednn

    def count(x: torch.Tensor, *rest: torch.Tensor) -> torch.Tensor:
        given.append(tuple(x.shape))
        return real(x, *rest)

    monkeypatch.setattr(linears, "by_onednn", count)
    return given


@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4), (2, 2, 3, 4)])
@pytest.mark.parametrize("bias", [True, False])
def test_a_layer_has_the_numbers_that_it_has(
    shape: tuple[int, ...], bias: bool, counted: list[tuple[int, ...]]
) -> None:
    torch.manual_seed(0)
    layer, x = nn.Linear(4, 5, bias=bias), torch.randn(shape)
    with torch.inference_mode():
        plain = layer(x)
        with ByOneDnn():
            torch.testing.assert_close(layer(x), plain, rtol=1e-6, atol=1e-6)
    assert counted == [shape]


def test_views_are_read_as_they_lie(counted: list[tuple[int, ...]]) -> None:
    torch.manual_seed(0)
    x, weight = torch.randn(2, 8, 3, 10).transpose(1, 2)[..., ::2], torch.randn(12, 10)[::2, ::2]
    with torch.inference_mode():
        plain = F.linear(x, weight)
        with ByOneDnn():
            torch.testing.assert_close(F.linear(x, weight), plain, rtol=1e-5, atol=1e-6)
    assert len(counted) == 1


def test_gradients_halves_and_nothing_stay_with_torch(counted: list[tuple[int, ...]]) -> None:
    layer = nn.Linear(4, 5)
    with ByOneDnn():
        layer(torch.ones(2, 4)).sum().backward()
        with torch.inference_mode():
            assert layer(torch.ones(0, 4)).shape == (0, 5)
            F.linear(torch.ones(2, 4).bfloat16(), layer.weight.bfloat16())
            F.linear(input=torch.ones(2, 4), weight=layer.weight)
    assert counted == []
    assert layer.weight.grad is not None


def test_a_large_model_is_painted_so_where_the_blas_is_slow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counted: list[tuple[int, ...]]
) -> None:
    painter = limner.load(saved("sd1", tmp_path / "sd1"))
    request = limner.Request(prompt="a fox", seed=1, steps=2, size=(32, 32))
    monkeypatch.setattr(linears, "blas_is_slow", lambda: True)
    painter.paint(request)
    assert counted == []  # it is small
    monkeypatch.setattr(linears, "LARGE", 0)
    painter.paint(request)
    assert len(counted) > 50


@torch.inference_mode()
def test_an_answer_is_the_models_but_for_rounding(
    tmp_path: Path, counted: list[tuple[int, ...]]
) -> None:
    unet = limner.load(saved("sd1", tmp_path / "sd1")).parts.denoiser
    torch.manual_seed(0)
    x, t = torch.randn(2, unet.config.in_channels, 16, 16), torch.full((2,), 500.0)
    text = unet.prepare(Conditioning(context=torch.randn(2, 77, unet.config.context_width)))
    plain = unet(x, t, text)
    with ByOneDnn():
        other = unet(x, t, text)
    assert counted
    assert (other - plain).abs().max() < 1e-5 * plain.abs().max()


@pytest.mark.parametrize(
    ("blas", "onednn", "slow"), [(3.0, 1.0, True), (1.0, 0.9, False), (1.0, 1.2, False)]
)
def test_it_is_taken_where_it_is_much_faster(
    blas: float, onednn: float, slow: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linears, "seconds", lambda: (blas, onednn))
    assert blas_is_slow.__wrapped__() is slow


def test_measuring_draws_no_noise() -> None:
    before = torch.random.get_rng_state()
    assert all(taken > 0 for taken in linears.seconds(1, (8, 8, 8)))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_another_dtype_is_computed_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linears, "blas_is_slow", lambda: True)
    monkeypatch.setattr(linears, "LARGE", 0)
    assert isinstance(linears_for(nn.Linear(2, 2).bfloat16()), nullcontext)
    assert isinstance(linears_for(nn.Linear(2, 2)), ByOneDnn)
