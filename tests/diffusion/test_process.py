"""The noise processes against closed forms, Bayes and the betas of diffusers."""

from __future__ import annotations

import json
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.diffusion.betas import Betas
from limner.diffusion.process import EDM, DiscreteDiffusion, Level, RectifiedFlow
from limner.diffusion.scheduler_process import process_from_dict
from limner.errors import UsageError

SD1 = DiscreteDiffusion()
SHORT = DiscreteDiffusion(steps=20, beta_schedule=Betas.LINEAR, beta_start=0.02, beta_end=0.3)
PROCESSES = [SD1, SHORT, RectifiedFlow(), EDM()]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(Betas.LINEAR, "linear"), (Betas.SCALED_LINEAR, "scaled_linear"), (Betas.COSINE, None)],
)
def test_betas_are_those_of_diffusers(ours: Betas, theirs: str | None) -> None:
    name = "squaredcos_cap_v2" if theirs is None else theirs
    ends = {"beta_start": 0.00085, "beta_end": 0.012}
    oracle = diffusers.DDPMScheduler(beta_schedule=name, **ends)
    process = DiscreteDiffusion(beta_schedule=ours, **ends)
    # diffusers computes in fp32.
    torch.testing.assert_close(process.betas.float(), oracle.betas, rtol=2e-5, atol=1e-8)
    torch.testing.assert_close(
        process.alpha_bars.float(), oracle.alphas_cumprod, rtol=2e-4, atol=1e-8
    )


def test_ends_of_stable_diffusion() -> None:
    assert pytest.approx(0.029167, abs=5e-7) == SD1.sigma_min
    assert pytest.approx(14.614641, abs=1e-5) == SD1.sigma_max


def test_alpha_and_sigma_at_whole_times_are_the_table() -> None:
    t = torch.tensor([0.0, 1.0, 500.0, 998.0, 999.0], dtype=torch.float64)
    alpha, sigma = SD1.alpha_sigma(t)
    bars = SD1.alpha_bars[t.long()]
    torch.testing.assert_close(alpha, bars.sqrt())
    torch.testing.assert_close(sigma, (1 - bars).sqrt())


def test_between_whole_times_log_sigma_is_interpolated() -> None:
    alpha, sigma = SD1.alpha_sigma(torch.tensor([500.25], dtype=torch.float64))
    expected = 0.75 * SD1.log_sigmas[500] + 0.25 * SD1.log_sigmas[501]
    assert float((sigma / alpha).log()) == pytest.approx(float(expected), rel=1e-12)
    assert float(alpha**2 + sigma**2) == pytest.approx(1, rel=1e-12)


def test_flow_and_edm_are_their_definitions() -> None:
    t = torch.tensor([0.0, 0.25, 1.0])
    alpha, sigma = RectifiedFlow().alpha_sigma(t)
    assert alpha.tolist() == [1.0, 0.75, 0.0]
    assert sigma.tolist() == [0.0, 0.25, 1.0]
    assert RectifiedFlow().model_time(t).tolist() == [0.0, 250.0, 1000.0]
    alpha, sigma = EDM().alpha_sigma(t)
    assert alpha.tolist() == [1.0, 1.0, 1.0]
    assert sigma.tolist() == t.tolist()
    assert float(EDM().model_time(torch.tensor([np.e**2]))) == pytest.approx(0.5)


def test_edm_shows_the_network_unit_variance() -> None:
    process, t = EDM(sigma_data=0.5), torch.tensor([0.01, 1.0, 50.0])
    x0 = 0.5 * torch.randn(3, 1, 150, 150, generator=torch.Generator().manual_seed(0))
    noise = torch.randn(x0.shape, generator=torch.Generator().manual_seed(1))
    shown = process.model_input(process.add_noise(x0, noise, t), t)
    torch.testing.assert_close(shown.std((1, 2, 3)), torch.ones(3), rtol=0.02, atol=0)


@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: type(process).__name__)
def test_noise_is_added_by_the_closed_form(process: DiscreteDiffusion) -> None:
    x0, noise = torch.full((2, 1, 2, 2), 3.0), torch.full((2, 1, 2, 2), -2.0)
    t = process.time_at(torch.tensor([0.2, 0.8]))
    alpha, sigma = process.alpha_sigma(t)
    noisy = process.add_noise(x0, noise, t)
    torch.testing.assert_close(noisy[:, 0, 0, 0], 3 * alpha - 2 * sigma)


def test_chain_has_the_statistics_of_the_closed_form() -> None:
    x0 = torch.full((1, 1, 200, 200), 1.5)
    count = x0.numel()
    chain = SHORT.chain(x0, torch.Generator().manual_seed(0))
    for bar, x in zip(SHORT.alpha_bars.tolist(), chain, strict=True):
        deviation = (1 - bar) ** 0.5
        # Four standard errors of a mean and of a variance.
        assert abs(float(x.mean()) - 1.5 * bar**0.5) < 4 * deviation / count**0.5
        assert abs(float(x.var()) - (1 - bar)) < 4 * (1 - bar) * (2 / count) ** 0.5


def test_posterior_is_bayes() -> None:
    """q(x_{t-1}) proportional to q(x_t | x_{t-1}) q(x_{t-1} | x_0), two Gaussians multiplied."""
    x0, x_t, index = 0.7, -0.4, 8
    beta, before = float(SHORT.betas[index]), float(SHORT.alpha_bars[index - 1])
    precision = (1 - beta) / beta + 1 / (1 - before)
    weighted = (1 - beta) ** 0.5 * x_t / beta + before**0.5 * x0 / (1 - before)
    mean, variance = SHORT.posterior(
        torch.full((1, 1, 1, 1), x0, dtype=torch.float64),
        torch.full((1, 1, 1, 1), x_t, dtype=torch.float64),
        torch.tensor([float(index)], dtype=torch.float64),
    )
    assert float(mean) == pytest.approx(weighted / precision, rel=1e-10)
    assert float(variance) == pytest.approx(1 / precision, rel=1e-10)


def test_posterior_of_the_first_step_is_the_picture() -> None:
    x0, x_t = torch.randn(2, 1, 3, 3), torch.randn(2, 1, 3, 3)
    mean, variance = SHORT.posterior(x0, x_t, torch.zeros(2))
    torch.testing.assert_close(mean, x0)
    assert variance.tolist() == [0.0, 0.0]


@settings(deadline=None, max_examples=50)
@given(fraction=st.floats(min_value=0.0, max_value=1.0))
@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: type(process).__name__)
def test_time_of_inverts_sigma_at(process: DiscreteDiffusion, fraction: float) -> None:
    low, high = process.time_of(process.sigma_min), process.time_of(process.sigma_max)
    t = low + fraction * (high - low)
    assert process.time_of(process.sigma_at(t)) == pytest.approx(t, rel=1e-9, abs=1e-6)


@settings(deadline=None, max_examples=50)
@given(fraction=st.floats(min_value=1e-3, max_value=1 - 1e-3))
@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: type(process).__name__)
def test_level_scaled_is_the_native_noise(process: DiscreteDiffusion, fraction: float) -> None:
    t = process.time_at(torch.tensor([fraction], dtype=torch.float64))
    alpha, sigma = process.alpha_sigma(t)
    level = process.level(process.sigma_at(float(t)))
    scale = process.native_scale(level)
    assert level.alpha * scale == pytest.approx(float(alpha), rel=1e-8)
    assert level.sigma * scale == pytest.approx(float(sigma), rel=1e-8)


def test_times_of_training_lie_in_the_process() -> None:
    fractions = torch.tensor([1e-7, 0.5, 1 - 6e-8])
    assert SD1.time_at(fractions).tolist() == [0.0, 500.0, 999.0]
    assert RectifiedFlow().time_at(fractions).tolist() == fractions.tolist()
    assert EDM().time_at(fractions).tolist() == pytest.approx([0.002, 0.5, 80.0])


def test_level_adds_noise_in_its_own_coordinates() -> None:
    level = Level(alpha=0.25, sigma=0.75, t=0.75)
    ones = torch.ones(1, 1, 1, 1)
    assert float(level.add_noise(4 * ones, 2 * ones)) == 2.5


@pytest.mark.parametrize(
    "process",
    [
        SD1,
        RectifiedFlow(),
        EDM(sigma_data=0.7, lowest=0.01, highest=50.0),
        DiscreteDiffusion(steps=2, trained_betas=(0.1, 0.2)),
        DiscreteDiffusion(beta_schedule=Betas.COSINE),
        DiscreteDiffusion(zero_terminal_snr=True),
    ],
)
def test_configuration_round_trip(process: DiscreteDiffusion) -> None:
    assert process_from_dict(process.to_dict()) == process


def _saved(scheduler: diffusers.SchedulerMixin) -> dict[str, Any]:
    return json.loads(scheduler.to_json_string())


def test_diffusers_and_limner_read_each_others_schedulers() -> None:
    theirs = diffusers.DDIMScheduler(beta_schedule="linear", num_train_timesteps=50)
    process = process_from_dict(_saved(theirs))
    torch.testing.assert_close(process.betas.float(), theirs.betas, rtol=2e-5, atol=1e-8)
    back = diffusers.DDIMScheduler.from_config(process.to_dict())
    assert torch.equal(back.betas, theirs.betas)
    flow = diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0)
    assert process_from_dict(_saved(flow)) == RectifiedFlow()


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match="at least 1"):
        DiscreteDiffusion(steps=0)
    with pytest.raises(UsageError, match="steps says 3"):
        DiscreteDiffusion(steps=3, trained_betas=(0.1, 0.2))
    with pytest.raises(UsageError, match="between 0 and 1"):
        DiscreteDiffusion(steps=2, trained_betas=(0.1, 1.0))
    with pytest.raises(UsageError, match="lowest < highest"):
        EDM(lowest=2.0, highest=1.0)
    with pytest.raises(UsageError, match="'Mystery' is unknown"):
        process_from_dict({"_class_name": "Mystery"})
    with pytest.raises(UsageError, match="at least 3 steps"):
        DiscreteDiffusion(steps=2, zero_terminal_snr=True)


def test_zero_terminal_snr_is_that_of_diffusers() -> None:
    sd1 = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
    theirs = diffusers.EulerDiscreteScheduler(**sd1, rescale_betas_zero_snr=True)
    process = process_from_dict(_saved(theirs))
    assert process == DiscreteDiffusion(zero_terminal_snr=True)
    bars = theirs.alphas_cumprod.double()
    torch.testing.assert_close(process.alpha_bars, bars, rtol=1e-3, atol=1e-7)
    assert process.sigma_max == pytest.approx(4096, rel=1e-6)
    assert process.sigma_max == pytest.approx(float(theirs.sigmas.max()), rel=1e-3)
    assert process.sigma_min == pytest.approx(SD1.sigma_min, rel=1e-9)


def test_zero_terminal_snr_is_the_papers_algorithm() -> None:
    """sqrt(alpha-bar) keeps its shape between an unchanged start and 0."""
    roots, rescaled = SD1.alpha_bars.sqrt(), DiscreteDiffusion(zero_terminal_snr=True)
    line = (roots - roots[-1]) / (roots[0] - roots[-1]) * roots[0]
    torch.testing.assert_close(rescaled.alpha_bars.sqrt()[:-1], line[:-1], rtol=1e-9, atol=0)
    assert float(rescaled.alpha_bars[-1]) == pytest.approx(2.0**-24, rel=1e-6)


@settings(max_examples=50)
@given(ratio=st.floats(min_value=1e-3, max_value=0.99))
@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: type(process).__name__)
def test_a_level_leads_to_others_of_its_process(process: DiscreteDiffusion, ratio: float) -> None:
    level = process.level(0.8 * process.sigma_max)
    other = level.at_ratio(ratio * level.sigma / level.alpha)
    own = process.level(other.sigma)
    assert (other.alpha, other.sigma) == pytest.approx((own.alpha, own.sigma), rel=1e-9)
    assert other.sigma / other.alpha == pytest.approx(ratio * level.sigma / level.alpha, rel=1e-9)
