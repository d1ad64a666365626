"""From a network to a denoise function and through a solver."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from limner.diffusion.noise import Noise
from limner.diffusion.prediction import PREDICTIONS, prediction_named
from limner.diffusion.process import EDM, DiscreteDiffusion, Level, Process, RectifiedFlow
from limner.diffusion.sample import denoise_with, drive, last, predict
from limner.diffusion.schedules import FITTING, levels
from limner.diffusion.solvers import SOLVERS, solver_named

PROCESSES = [DiscreteDiffusion(), RectifiedFlow(), EDM()]
X0 = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))


def fits(process: Process, name: str) -> bool:
    """Whether a network of that process can predict it: F is of EDM alone."""
    return name != "edm" or isinstance(process, EDM)


def _knowing(process: DiscreteDiffusion, name: str, t: Tensor, noise: Tensor) -> Tensor:
    alpha, sigma = process.alpha_sigma(t)
    return prediction_named(name, process).target(X0, noise, alpha, sigma)


@pytest.mark.parametrize(
    ("process", "name"),
    [(process, name) for process in PROCESSES for name in PREDICTIONS if fits(process, name)],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_perfect_network_denoises_and_is_shown_what_it_was_trained_on(
    process: DiscreteDiffusion, name: str
) -> None:
    noise = torch.randn(X0.shape, generator=torch.Generator().manual_seed(1))
    level = levels(process, 5, FITTING[type(process)][0])[1]
    t = torch.full((2,), level.t)

    def network(x: Tensor, model_time: Tensor) -> Tensor:
        seen_in_training = process.model_input(process.add_noise(X0, noise, t), t)
        torch.testing.assert_close(x, seen_in_training)
        torch.testing.assert_close(model_time, process.model_time(t))
        return _knowing(process, name, t, noise)

    denoise = denoise_with(network, process, prediction_named(name, process))
    denoised = denoise(level.add_noise(X0, noise), level)
    torch.testing.assert_close(denoised, X0, rtol=1e-4, atol=1e-5)


def test_predict_is_how_a_network_is_called() -> None:
    process, t = EDM(), torch.tensor([0.5, 2.0])
    output = predict(lambda x, time: x + time[:, None, None, None], process, X0, t)
    time = process.model_time(t)[:, None, None, None]
    torch.testing.assert_close(output, process.model_input(X0, t) + time)


def test_output_in_half_precision_leaves_x_in_full() -> None:
    process = RectifiedFlow()
    denoise = denoise_with(lambda x, t: x.half(), process, prediction_named("flow", process))
    assert denoise(X0, process.level(0.5)).dtype == torch.float32


END_ABOVE_ZERO = ("dpm_fast", "dpm_adaptive")  # as k-diffusion has them


@pytest.mark.parametrize("name", list(SOLVERS))
@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: type(process).__name__)
@pytest.mark.parametrize("steps", [1, 2, 6])
def test_every_solver_ends_at_the_picture_a_network_is_sure_of(
    process: DiscreteDiffusion, name: str, steps: int
) -> None:
    noise = Noise([1, 2], (3, 4, 4))
    chosen = levels(process, steps, FITTING[type(process)][0])
    # PLMS extrapolates on its last step, and so shows what fp32 rounds off at a sigma of 80.
    x0 = X0.double() if name == "plms" else X0
    x = chosen[0].add_noise(torch.zeros_like(x0), noise.start().to(x0))
    run = drive(solver_named(name)(x, chosen, noise), lambda x, level: x0)
    if name in END_ABOVE_ZERO and steps > 1 and not isinstance(process, RectifiedFlow):
        # They extrapolate the noise, which is not straight: one step from 80 to 0.002 is not exact.
        atol = 1e-4 if steps > 2 else 5e-3
        torch.testing.assert_close(last(run), on_the_way(x, x0, chosen), rtol=1e-4, atol=atol)
    else:
        torch.testing.assert_close(last(run), x0, rtol=1e-5, atol=1e-5)


def on_the_way(x: Tensor, x0: Tensor, chosen: Sequence[Level]) -> Tensor:
    """Where the way from x to a picture that is sure is at the last level above zero."""
    first, end = chosen[0], chosen[-2]
    share = (end.sigma / end.alpha) / (first.sigma / first.alpha)
    return end.alpha * (x0 + share * (x / first.alpha - x0))


def test_with_one_level_alone_x_comes_back() -> None:
    chosen = levels(EDM(), 3, "karras")[-1:]
    for name in SOLVERS:
        run = drive(solver_named(name)(X0, chosen, lambda x: x), lambda x, level: x)
        assert torch.equal(last(run), X0)
        assert not SOLVERS[name].calls(chosen)  # None: it sees as it goes


def test_drive_tells_every_evaluation_and_ends_with_x() -> None:
    chosen = levels(RectifiedFlow(), 3, "uniform")
    run = drive(solver_named("euler")(X0, chosen, lambda x: x), lambda x, level: x * level.sigma)
    seen = []
    try:
        while True:
            seen.append(next(run))
    except StopIteration as finished:
        end = finished.value
    assert [evaluation.index for evaluation in seen] == [0, 1, 2]
    assert [evaluation.level for evaluation in seen] == list(chosen[:-1])
    assert torch.equal(seen[0].x, X0)
    torch.testing.assert_close(seen[1].denoised, seen[1].x * chosen[1].sigma)
    torch.testing.assert_close(end, seen[2].denoised)


def test_nothing_runs_once_nobody_iterates() -> None:
    calls: list[Level] = []

    def denoise(x: Tensor, level: Level) -> Tensor:
        calls.append(level)
        return x

    run = drive(solver_named("heun")(X0, levels(EDM(), 9, "karras"), lambda x: x), denoise)
    assert calls == []
    next(run), next(run)
    run.close()
    assert len(calls) == 2


def test_a_level_between_those_of_a_schedule_has_the_processes_own_time() -> None:
    for process in PROCESSES:
        level = levels(process, 5, FITTING[type(process)][0])[1]
        told = []

        def network(x: Tensor, t: Tensor, told: list[float] = told) -> Tensor:
            told.append(float(t[0]))
            return x

        denoise = denoise_with(network, process, prediction_named("sample", process))
        denoise(X0, level)
        denoise(X0, Level(alpha=level.alpha, sigma=level.sigma, t=None))
        assert told[0] == told[1]
