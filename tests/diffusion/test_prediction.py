"""Predictions: from target to denoised and back, EDM's table, and the weights of losses."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.diffusion.prediction import (
    PREDICTIONS,
    Epsilon,
    Flow,
    Sample,
    V,
    min_snr_weight,
    prediction_named,
    reweighted,
)
from limner.diffusion.process import EDM, DiscreteDiffusion, Process, RectifiedFlow
from limner.errors import UsageError

PROCESSES = [DiscreteDiffusion(), RectifiedFlow(), EDM(sigma_data=0.3)]


def fits(process: Process, name: str) -> bool:
    """Whether a network of that process can predict it: F is of EDM alone."""
    return name != "edm" or isinstance(process, EDM)


def _case(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    pair = torch.randn(2, 1, 2, 3, 3, generator=generator, dtype=torch.float64)
    return pair[0], pair[1]


@settings(deadline=None, max_examples=50)
@given(fraction=st.floats(min_value=0.01, max_value=0.99), seed=st.integers(0, 1000))
@pytest.mark.parametrize(
    ("process", "name"),
    [(process, name) for process in PROCESSES for name in PREDICTIONS if fits(process, name)],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_the_target_gives_back_the_picture(
    process: DiscreteDiffusion, name: str, fraction: float, seed: int
) -> None:
    x0, noise = _case(seed)
    prediction = prediction_named(name, process)
    t = process.time_at(torch.tensor([fraction], dtype=torch.float64))
    alpha, sigma = process.alpha_sigma(t)
    target = prediction.target(x0, noise, alpha, sigma)
    denoised = prediction.denoised(target, process.add_noise(x0, noise, t), alpha, sigma)
    torch.testing.assert_close(denoised, x0, rtol=0, atol=1e-8)


@pytest.mark.parametrize("name", ["v", "sample", "flow"])
def test_pure_noise_of_a_flow_can_be_denoised(name: str) -> None:
    x0, noise = _case(0)
    prediction, ends = prediction_named(name, RectifiedFlow()), (torch.zeros(1), torch.ones(1))
    denoised = prediction.denoised(prediction.target(x0, noise, *ends), noise, *ends)
    torch.testing.assert_close(denoised, x0)


def test_v_of_a_chain_is_the_papers() -> None:
    x0, noise = _case(1)
    alpha, sigma = (
        torch.tensor([0.8], dtype=torch.float64),
        torch.tensor([0.6], dtype=torch.float64),
    )
    torch.testing.assert_close(V().target(x0, noise, alpha, sigma), 0.8 * noise - 0.6 * x0)


@pytest.mark.parametrize("sigma", [0.01, 0.5, 3.0, 60.0])
def test_v_with_edm_is_edms_preconditioning(sigma: float) -> None:
    """D = c_skip x + c_out F(c_in x), with F = -output (EDM table 1)."""
    x, output = _case(2)
    spread = 0.5
    skip = spread**2 / (sigma**2 + spread**2)
    out = sigma * spread / (sigma**2 + spread**2) ** 0.5
    ones = torch.ones(1, dtype=torch.float64)
    denoised = V(sigma_data=spread).denoised(output, x, ones, sigma * ones)
    torch.testing.assert_close(denoised, skip * x - out * output)


@pytest.mark.parametrize("prediction", [Epsilon(), V(), V(sigma_data=0.4), Sample(), Flow()])
def test_error_ratio_is_what_an_error_of_the_output_becomes(
    prediction: Epsilon | V | Sample | Flow,
) -> None:
    x, output = _case(3)
    alpha, sigma = (
        torch.tensor([0.7], dtype=torch.float64),
        torch.tensor([0.4], dtype=torch.float64),
    )
    off = prediction.denoised(output + 1e-3, x, alpha, sigma)
    error = (off - prediction.denoised(output, x, alpha, sigma)).square().mean()
    ratio = float(prediction.error_ratio(alpha, sigma))
    assert 1e-6 / float(error) == pytest.approx(ratio, rel=1e-6)


def test_min_snr_weights_are_the_papers() -> None:
    alpha = torch.tensor([0.1, 0.6, 0.8, 0.99], dtype=torch.float64)
    sigma = (1 - alpha**2).sqrt()
    snr = alpha**2 / sigma**2
    held = torch.minimum(snr, torch.tensor(5.0))
    assert bool((snr > 5).any() and (snr < 5).any())
    torch.testing.assert_close(min_snr_weight(Epsilon(), alpha, sigma), held / snr)
    torch.testing.assert_close(min_snr_weight(V(), alpha, sigma), held / (snr + 1))
    torch.testing.assert_close(min_snr_weight(Sample(), alpha, sigma), held)


def test_min_snr_weight_of_a_flow_is_finite_at_both_ends() -> None:
    t = torch.tensor([0.0, 1.0])
    assert min_snr_weight(Flow(), 1 - t, t).tolist() == [0.0, 0.0]


def test_reweighted_sample_loss_is_the_velocity_loss() -> None:
    x0, noise = _case(4)
    alpha, sigma = (
        torch.tensor([0.7], dtype=torch.float64),
        torch.tensor([0.3], dtype=torch.float64),
    )
    guess = x0 + 0.01
    velocity = (0.7 * x0 + 0.3 * noise - guess) / 0.3
    loss = (velocity - (noise - x0)).square().mean()
    weight = float(reweighted(Sample(), Flow(), alpha, sigma))
    assert weight * 1e-4 == pytest.approx(float(loss), rel=1e-9)


def test_edm_gives_its_sigma_data_to_v() -> None:
    assert prediction_named("v", EDM(sigma_data=0.3)) == V(sigma_data=0.3)
    assert prediction_named("v", DiscreteDiffusion()) == V(sigma_data=1.0)


def test_unknown_prediction_is_refused() -> None:
    with pytest.raises(UsageError, match="'score' is unknown"):
        prediction_named("score", RectifiedFlow())
