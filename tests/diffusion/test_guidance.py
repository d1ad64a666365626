"""Guidance: its formula, and that it calls no more than it must."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import rescale_noise_cfg
from torch import Tensor

from limner.diffusion.guidance import Guidance, Interval, Rescale, guided
from limner.diffusion.prediction import Epsilon, prediction_named
from limner.diffusion.process import DiscreteDiffusion, Level
from limner.diffusion.sample import Denoise
from limner.errors import RequestError

X = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))


class Linear:
    """A denoise function x * slope, the slope one a picture, that counts its calls."""

    def __init__(self, *slopes: float) -> None:
        self.slopes = torch.tensor(slopes)
        self.calls = 0

    def __call__(self, x: Tensor, level: Level) -> Tensor:
        self.calls += 1
        return x * self.slopes.repeat_interleave(len(x) // len(self.slopes))[:, None, None, None]


def _level(sigma: float) -> Level:
    return Level(alpha=1.0, sigma=sigma, t=0.0)


def _by_rows(
    both: Denoise, conditional: Denoise, scale: float, interval: Interval | None = None, **more: Any
) -> Denoise:
    """As a painting does it: one call for the rows that are asked, [without; with the prompt]."""
    guidance = Guidance(scale=scale, interval=interval, **more)

    def denoise(x: Tensor, level: Level) -> Tensor:
        asked = (
            both(torch.cat([x, x]), level)
            if guidance.asks_without(level)
            else conditional(x, level)
        )
        return guidance.combined(asked.split(len(x)), (1.0,), x, level)

    return denoise


def _both_ways(scale: float, interval: tuple[float, float] | None = None) -> list[Denoise]:
    return [
        guided(Linear(0.5), Linear(0.2), scale, interval),
        _by_rows(Linear(0.2, 0.5), Linear(0.5), scale, interval),
    ]


@pytest.mark.parametrize("scale", [-1.0, 0.0, 0.5, 1.0, 2.5, 7.0])
def test_guidance_is_its_formula(scale: float) -> None:
    expected = X * (0.2 + scale * (0.5 - 0.2))
    for denoise in _both_ways(scale):
        torch.testing.assert_close(denoise(X, _level(1.0)), expected)


@pytest.mark.parametrize(
    ("sigma", "inside"), [(0.1, False), (0.2, False), (0.3, True), (2.0, True), (2.1, False)]
)
def test_outside_its_interval_guidance_is_the_conditional(sigma: float, inside: bool) -> None:
    expected = X * (0.2 + 3 * 0.3 if inside else 0.5)
    for denoise in _both_ways(3.0, (0.2, 2.0)):
        torch.testing.assert_close(denoise(X, _level(sigma)), expected)


def test_no_call_is_made_in_vain() -> None:
    conditional, other = Linear(0.5), Linear(0.2)
    guided(conditional, other, 1.0)(X, _level(1.0))
    guided(conditional, other, 4.0, (0.2, 2.0))(X, _level(5.0))
    _by_rows(other, conditional, 1.0)(X, _level(1.0))
    _by_rows(other, conditional, 4.0, (0.2, 2.0))(X, _level(5.0))
    assert (conditional.calls, other.calls) == (4, 0)
    both = Linear(0.2, 0.5)
    _by_rows(both, conditional, 4.0)(X, _level(1.0))
    assert (conditional.calls, both.calls) == (4, 1)


@pytest.mark.parametrize("scale", [math.nan, math.inf, -math.inf])
def test_a_scale_that_is_no_number_is_refused(scale: float) -> None:
    with pytest.raises(RequestError, match="finite"):
        guided(Linear(0.5), Linear(0.2), scale)
    with pytest.raises(RequestError, match="finite"):
        _by_rows(Linear(0.2, 0.5), Linear(0.5), scale)


def test_an_empty_interval_is_refused() -> None:
    with pytest.raises(RequestError, match="empty"):
        guided(Linear(0.5), Linear(0.2), 3.0, (2.0, 2.0))


def _reference_rescale(guided: Tensor, conditional: Tensor, amount: float) -> Tensor:
    """Lin et al. eq. 15-16 on model outputs."""
    axes = (1, 2, 3)
    rescaled = guided * conditional.std(axes, keepdim=True) / guided.std(axes, keepdim=True)
    return amount * rescaled + (1 - amount) * guided


@pytest.mark.parametrize("name", ["epsilon", "v"])
@pytest.mark.parametrize("amount", [0.0, 0.7, 1.0])
def test_rescale_acts_on_what_the_network_says(name: str, amount: float) -> None:
    process = DiscreteDiffusion()
    prediction, level = prediction_named(name, process), process.level(1.3)
    outputs = torch.randn(2, *X.shape, generator=torch.Generator().manual_seed(1))
    scale = process.native_scale(level)
    native = level.alpha * scale * torch.ones(2), level.sigma * scale * torch.ones(2)

    def denoised(output: Tensor) -> Tensor:
        return prediction.denoised(output, X * scale, *native)

    rescale = Rescale(amount=amount, process=process, prediction=prediction)
    both = _by_rows(
        lambda x, level: torch.cat([denoised(outputs[0]), denoised(outputs[1])]),
        lambda x, level: denoised(outputs[1]),
        5.0,
        rescale=rescale,
    )
    two = guided(
        lambda x, level: denoised(outputs[1]), lambda x, level: denoised(outputs[0]), 5.0,
        rescale=rescale,
    )  # fmt: skip
    output = outputs[0] + 5 * (outputs[1] - outputs[0])
    expected = denoised(_reference_rescale(output, outputs[1], amount))
    for denoise in (both, two):
        torch.testing.assert_close(denoise(X, level), expected, rtol=1e-5, atol=1e-5)


def test_the_rescale_is_that_of_diffusers() -> None:
    outputs = torch.randn(2, *X.shape, generator=torch.Generator().manual_seed(1))
    theirs = rescale_noise_cfg(outputs[0], outputs[1], guidance_rescale=0.7)
    torch.testing.assert_close(_reference_rescale(*outputs, 0.7), theirs)


@pytest.mark.parametrize("amount", [-0.1, 1.1, math.nan])
def test_a_rescale_out_of_range_is_refused(amount: float) -> None:
    with pytest.raises(RequestError, match="between 0 and 1"):
        Rescale(amount=amount, process=DiscreteDiffusion(), prediction=Epsilon())
