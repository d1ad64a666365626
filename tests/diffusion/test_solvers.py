"""Solvers on data N(mu, s^2), where the denoised picture and the ODE's path are known exactly."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from scipy import integrate
from torch import Tensor

from limner.diffusion.brownian import Interval
from limner.diffusion.noise import Noise
from limner.diffusion.process import EDM, DiscreteDiffusion, Level, Process, RectifiedFlow
from limner.diffusion.sample import drive, last
from limner.diffusion.schedules import FITTING, levels
from limner.diffusion.solvers import SOLVERS, Pair, ddim, euler, solver_named
from limner.errors import RequestError

ODES = [name for name, entry in SOLVERS.items() if not entry.stochastic]
SDES = [name for name, entry in SOLVERS.items() if entry.stochastic and name != "lcm"]
STEADY = [name for name, entry in SOLVERS.items() if not entry.adaptive]
ENDING = "plms", "lms", "dpm_fast", "dpm_adaptive"  # otherwise than at the denoised picture
MEAN, SPREAD = 0.4, 0.6


def gaussian(x: Tensor, level: Level) -> Tensor:
    """E[x_0 | x] for x = alpha x_0 + sigma eps and x_0 ~ N(MEAN, SPREAD^2)."""
    gain = level.alpha * SPREAD**2 / (level.alpha**2 * SPREAD**2 + level.sigma**2)
    return MEAN + gain * (x - level.alpha * MEAN)


def moved(x: Tensor, start: Level, end: Level) -> Tensor:
    """The ODE's solution: x keeps its place in the Gaussian, (x - alpha mu) / deviation."""
    deviations = [math.hypot(level.alpha * SPREAD, level.sigma) for level in (start, end)]
    return end.alpha * MEAN + (x - start.alpha * MEAN) / deviations[0] * deviations[1]


def _no_noise(x: Tensor, interval: Interval | None = None) -> Tensor:
    raise AssertionError("a deterministic solver asked for noise")


def _path(process: Process, steps: int) -> list[Level]:
    """Levels that refine evenly: linear in t for a flow, in log sigma from 20 to 0.05 for EDM."""
    if isinstance(process, RectifiedFlow):
        return list(levels(process, steps, "uniform"))
    sigmas = [20 * (0.05 / 20) ** (index / steps) for index in range(steps + 1)]
    return [process.level(sigma) for sigma in sigmas]


def _flow_in_lambda(steps: int) -> list[Level]:
    """A flow's levels, even in lambda = log((1 - t) / t) from -4 to 4."""
    times = [1 / (1 + math.exp(8 * index / steps - 4)) for index in range(steps + 1)]
    return [RectifiedFlow().level(t) for t in times]


def _no_change(x: Tensor, interval: Interval | None = None) -> Tensor:
    return torch.zeros_like(x)


def _eased(process: Process, steps: int) -> list[Level]:
    """Even in lambda from -3 to 4, but the first step grows from, and the last shrinks to, 2^-12.

    So the low orders at the start and the end of a multistep solver do not hide its own.
    """
    doubled = [0.0, *(2.0**-j for j in range(12, 0, -1))]
    places = [*doubled, *range(1, steps), *(steps - place for place in reversed(doubled))]
    ratios = [math.exp(3 - 7 * place / steps) for place in places]
    if isinstance(process, RectifiedFlow):
        ratios = [ratio / (1 + ratio) for ratio in ratios]
    return [process.level(ratio) for ratio in ratios]


def _error(name: str, path: list[Level]) -> float:
    x = path[0].sigma * torch.tensor([-1.3, 0.2, 1.7], dtype=torch.float64)
    x = x.reshape(3, 1, 1, 1)
    end = last(drive(solver_named(name)(x, path, _no_noise), gaussian))
    return float((end - moved(x, path[0], path[-1])).abs().max())


@pytest.mark.parametrize("process", [EDM(), RectifiedFlow()], ids=["edm", "flow"])
@pytest.mark.parametrize(
    ("name", "order"), [("euler", 1), ("ddim", 1), ("heun", 2), ("dpmpp_2m", 2)]
)
def test_measured_order(name: str, order: int, process: Process) -> None:
    if name == "dpmpp_2m" and isinstance(process, RectifiedFlow):
        coarse, fine = (_error(name, _flow_in_lambda(steps)) for steps in (128, 256))
    else:
        coarse, fine = (_error(name, _path(process, steps)) for steps in (128, 256))
    assert math.log2(coarse / fine) == pytest.approx(order, abs=0.1)


@pytest.mark.parametrize("process", [EDM(), RectifiedFlow()], ids=["edm", "flow"])
@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("dpm2", 2),
        ("dpmpp_2s", 2),
        ("plms", 2),  # its weights are those of even steps in sigma
        ("lms", 4),
        ("deis_2", 2),
        ("dpmpp_3m", 2),  # as published: its second derivative is half of what it would have to be
        ("unipc_2", 3),  # the corrector adds one
        ("unipc", 4),
        ("unipc_bh2", 4),
        ("ipndm", 2),  # as plms
        ("restart", 2),  # below 20 steps it is Heun
    ],
)
def test_measured_order_between_start_and_end(name: str, order: int, process: Process) -> None:
    if name == "restart":
        coarse, fine = (_error(name, _path(process, steps)) for steps in (9, 18))
    else:
        coarse, fine = (_error(name, _eased(process, steps)) for steps in (64, 128))
    assert math.log2(coarse / fine) == pytest.approx(order, abs=0.25)


def test_measured_order_of_deis() -> None:
    """3 for a flow. With alpha = 1 a Gaussian's error of that order cancels on these levels."""
    errors = [_error("deis", _eased(RectifiedFlow(), steps)) for steps in (64, 128)]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(3, abs=0.15)
    errors = [_error("deis", _eased(EDM(), steps)) for steps in (64, 128)]
    assert math.log2(errors[0] / errors[1]) > 2.9


@pytest.mark.parametrize(
    ("path", "steps", "twice", "order"),
    [
        (_path, 62, 125, 3),
        (lambda _, steps: _flow_in_lambda(steps), 62, 125, 3),
        (_path, 63, 126, 2),
        (_path, 64, 127, 2),
    ],
)
def test_measured_order_of_dpm_fast(
    path: Callable[[Process, int], list[Level]], steps: int, twice: int, order: int
) -> None:
    """3 where its last step is of order 2, which is done once; 2 where that is of order 1."""
    coarse, fine = (_error("dpm_fast", path(EDM(), count)) for count in (steps, twice))
    assert math.log2(coarse / fine) > order - 0.25


def test_dpm_adaptive_holds_its_tolerance() -> None:
    """Whatever levels lie between the ends, and with steps that it need not be told of."""
    for process in (EDM(), RectifiedFlow()):
        inner = list(levels(process, 10, "uniform"))[1:-1] if process != EDM() else None
        errors = {_error("dpm_adaptive", inner or _path(EDM(), steps)) for steps in (2, 10)}
        assert len(errors) == 1
        assert 0 < errors.pop() < 0.05
    x = 20 * torch.ones(1, 1, 1, 1).double()
    run = drive(solver_named("dpm_adaptive")(x, _path(EDM(), 2), _no_noise), gaussian)
    calls = len(list(run))
    assert 9 <= calls < 60
    assert SOLVERS["dpm_adaptive"].calls(_path(EDM(), 2)) is None


@pytest.mark.parametrize("process", [EDM(), RectifiedFlow(), DiscreteDiffusion()])
@pytest.mark.parametrize("steps", [1, 2])
def test_dpm_adaptive_of_hardly_any_levels(process: Process, steps: int) -> None:
    path = levels(process, steps, FITTING[type(process)][0])
    x = path[0].sigma * torch.ones(1, 1, 1, 1)
    ends = [
        last(drive(solver_named("dpm_adaptive")(x, part, _no_noise), gaussian))
        for part in (path, path[:-1], path[1:], path[-1:])
    ]
    assert all(bool(end.isfinite().all()) for end in ends)
    assert torch.equal(ends[-1], x)


@pytest.mark.parametrize("steps", [19, 20, 36])
@pytest.mark.parametrize("process", [EDM(), RectifiedFlow()], ids=["edm", "flow"])
def test_restart_goes_back_to_more_noise(process: Process, steps: int) -> None:
    path = levels(process, steps, FITTING[type(process)][0])
    run = drive(solver_named("restart")(torch.ones(1, 1, 2, 2), path, _no_change), gaussian)
    ratios = [e.level.sigma / e.level.alpha if e.level.alpha else math.inf for e in run]
    back = [after for before, after in pairwise(ratios) if after > before * 1.0001]
    assert len(back) == {19: 0, 20: 1, 36: 2}[steps]
    assert all(after == pytest.approx(2, rel=0.35) for after in back)


def test_churn_puts_noise_in_and_takes_it_away() -> None:
    """EDM alg. 2: data of N(mu, s^2) stays so, where gamma is cut at sqrt(2) - 1 too."""
    for name, churn in (("euler", 20.0), ("heun", 20.0), ("dpm2", 200.0), ("euler", 0.0)):
        noise, path = Noise([0], (1, 100, 100)), _path(EDM(), 100)
        x = path[0].sigma * noise.start().double()
        run = drive(solver_named(name, churn=churn)(x, path, noise), gaussian)
        seen = list(run)
        assert float(seen[-1].x.std()) == pytest.approx(math.hypot(SPREAD, 0.05), rel=0.05)
        grown = seen[0].level.sigma / path[0].sigma
        assert grown == pytest.approx(1 + min(churn / 100, math.sqrt(2) - 1))


def test_cfg_plus_plus_keeps_the_noise_beside_the_unguided_picture() -> None:
    """x' = D + sigma' (x - D_u) / sigma (Chung et al. 2024, alg. 2); of one picture, Euler."""
    path = [EDM().level(sigma) for sigma in (3.0, 1.0, 0.5)]
    x = torch.ones(1, 1, 2, 2)
    run = solver_named("euler_cfgpp")(x, path, _no_noise)
    seen, (asked, _) = [], next(run)
    try:
        while True:
            seen.append(asked)
            asked, _ = run.send(Pair(0.3 * asked, 0.2 * asked))
    except StopIteration as finished:
        seen.append(finished.value)
    factors = [0.3 + 0.8 / 3, 0.3 + 0.8 / 2]
    for (before, after), factor in zip(pairwise(seen), factors, strict=True):
        torch.testing.assert_close(after, factor * before)
    assert _error("euler_cfgpp", path) == pytest.approx(_error("euler", path))


def test_plms_has_order_3_on_even_steps() -> None:
    """Adams-Bashforth's 4th order, after a start of the 3rd: the errors of few steps add up."""
    errors = [_error("plms", _path(RectifiedFlow(), steps)) for steps in (128, 256)]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(3, abs=0.1)


@pytest.mark.parametrize(
    ("name", "degree", "variable"),
    [("lms", 3, lambda s: s), ("deis", 2, math.log), ("deis_2", 1, math.log)],
)
def test_a_polynomial_of_its_degree_is_integrated_exactly(
    name: str, degree: int, variable: Callable[[float], float]
) -> None:
    """Where dx/dsigma is a polynomial p(variable) of sigma alone, each step adds its integral."""
    path = [EDM().level(sigma) for sigma in (2.5, 1.7, 1.4, 0.8, 0.5, 0.2, 0.15)]
    terms = [0.3, -0.2, 0.7, -0.1][: degree + 1]

    def slope(sigma: float) -> float:
        return sum(term * variable(sigma) ** k for k, term in enumerate(terms))

    def denoise(x: Tensor, level: Level) -> Tensor:
        return x - level.sigma * slope(level.sigma)

    run = drive(solver_named(name)(torch.ones(1, 1, 1, 1).double(), path, _no_noise), denoise)
    xs = [float(evaluation.x) for evaluation in run][degree:]
    for (x, after), (level, following) in zip(pairwise(xs), pairwise(path[degree:-1]), strict=True):
        expected, _ = integrate.quad(slope, level.sigma, following.sigma)
        assert after - x == pytest.approx(expected, abs=1e-10)


def test_dpmpp_2m_on_even_times_of_a_flow_loses_a_logarithm() -> None:
    """Its k-th step from alpha = 0 has h of about 1 / k in lambda, and so an error of 1 / (k n^2).

    Their sum is log(n) / n^2: with the logarithm taken out, the order is 2.
    """
    errors = [
        _error("dpmpp_2m", _path(RectifiedFlow(), steps)) / math.log(steps) for steps in (128, 256)
    ]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("process", [DiscreteDiffusion(), RectifiedFlow()], ids=["chain", "flow"])
def test_ddim_without_noise_is_euler_in_straight_coordinates(process: Process) -> None:
    chosen = levels(process, 7, "uniform")
    x = torch.randn(2, 1, 3, 3, generator=torch.Generator().manual_seed(0)).double()
    ends = [last(drive(solver(x, chosen, _no_noise), gaussian)) for solver in (euler, ddim)]
    torch.testing.assert_close(ends[0], ends[1])


def test_ddpm_on_neighbouring_levels_is_the_posterior() -> None:
    """In native coordinates a step has the mean and variance of q(x_{t-1} | x_t, x_0)."""
    process, index = DiscreteDiffusion(), 400
    x_t = torch.randn(1, 1, 4, 4, generator=torch.Generator().manual_seed(0)).double()
    chosen = [process.level(process.sigma_at(float(t))) for t in (index, index - 1)]
    scales = [process.native_scale(level) for level in chosen]
    straight = x_t / scales[0]
    x0 = gaussian(straight, chosen[0])
    mean, variance = process.posterior(x0, x_t, torch.tensor([float(index)], dtype=torch.float64))
    ends = [
        scales[1] * last(drive(solver_named("ddpm")(straight, chosen, fresh), gaussian))
        for fresh in (torch.zeros_like, torch.ones_like)
    ]
    torch.testing.assert_close(ends[0], mean, rtol=1e-9, atol=1e-9)
    deviation = variance.sqrt().reshape(1, 1, 1, 1)
    torch.testing.assert_close(ends[1] - ends[0], deviation.expand_as(x_t), rtol=1e-7, atol=0)


@pytest.mark.parametrize("process", [EDM(), RectifiedFlow()], ids=["edm", "flow"])
@pytest.mark.parametrize("name", SDES)
def test_painting_with_noise_gives_the_data_distribution(name: str, process: Process) -> None:
    noise = Noise([0], (1, 100, 100))
    path = _path(process, 100)
    x = path[0].sigma * noise.start().double()
    end = last(drive(solver_named(name)(x, path, noise), gaussian))
    spread = math.hypot(path[-1].alpha * SPREAD, path[-1].sigma)
    # Four standard errors, and 2 % for the finite steps.
    assert float(end.mean()) == pytest.approx(MEAN, abs=4 * spread / 100 + 0.01)
    assert float(end.std()) == pytest.approx(spread, rel=4 / math.sqrt(2 * 1e4) + 0.02)


def test_lcm_forgets_all_but_the_denoised_picture() -> None:
    """x = D + sigma' noise: the variance is gain^2 times the one before, plus sigma'^2."""
    noise, path = Noise([0], (1, 100, 100)), levels(DiscreteDiffusion(), 5, "lcm")
    x = path[0].sigma * noise.start()
    variance = path[0].sigma ** 2
    for level, following in pairwise(path):
        gain = SPREAD**2 / (SPREAD**2 + level.sigma**2)
        variance = gain**2 * variance + following.sigma**2
    end = last(drive(solver_named("lcm")(x, path, noise), gaussian))
    assert float(end.var()) == pytest.approx(variance, rel=4 * math.sqrt(2 / 1e4))


@pytest.mark.parametrize("name", [n for n, e in SOLVERS.items() if e.takes_eta and n != "ddim"])
@pytest.mark.parametrize("process", [EDM(), RectifiedFlow()], ids=["edm", "flow"])
def test_no_noise_is_left_at_eta_0(name: str, process: Process) -> None:
    """What remains is an ODE solver: close to the exact path, and no noise is drawn."""
    path = _path(process, 100)
    x = path[0].sigma * torch.linspace(-2, 2, 5).double().reshape(5, 1, 1, 1)
    end = last(drive(solver_named(name, eta=0.0)(x, path, _no_noise), gaussian))
    torch.testing.assert_close(end, moved(x, path[0], path[-1]), rtol=0, atol=0.03)


def test_eta_lies_between_ddim_and_ddpm() -> None:
    chosen = levels(DiscreteDiffusion(), 5, "karras")
    x = torch.ones(1, 1, 2, 2)
    amounts = []
    for eta in (0.0, 0.5, 1.0):
        ends = [
            last(drive(solver_named("ddim", eta=eta)(x, chosen[3:5], fresh), gaussian))
            for fresh in (torch.zeros_like, torch.ones_like)
        ]
        amounts.append(float((ends[1] - ends[0]).mean()))
    assert amounts[0] == 0
    assert amounts[1] == pytest.approx(amounts[2] / 2, rel=1e-5)


@pytest.mark.parametrize("name", list(SOLVERS))
def test_only_stochastic_solvers_draw_noise(name: str) -> None:
    drawn = []

    def fresh(x: Tensor, interval: Interval | None = None) -> Tensor:
        drawn.append(interval)
        return torch.zeros_like(x)

    path = levels(EDM(), 4, "karras")
    last(drive(solver_named(name)(torch.ones(1, 1, 2, 2), path, fresh), gaussian))
    # None at the last step, to sigma = 0; two a step for the one that also draws half way, and
    # none in so few steps of the one that goes back.
    each = {"dpmpp_sde": 2, "restart": 0}.get(name, 1)
    assert len(drawn) == (3 * each if SOLVERS[name].stochastic else 0)
    for interval in filter(None, drawn):
        assert (interval.lowest, interval.highest) == (path[-2].sigma, path[0].sigma)
        assert interval.lowest <= interval.end < interval.start <= interval.highest


@pytest.mark.parametrize("name", STEADY)
@pytest.mark.parametrize("process", [EDM(), RectifiedFlow(), DiscreteDiffusion()])
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_calls_are_counted_exactly(name: str, process: Process, steps: int) -> None:
    first = FITTING[type(process)][0]
    for path in (levels(process, steps, first), levels(process, steps, first)[:-1]):
        run = drive(solver_named(name)(torch.ones(1, 1, 1, 1), path, _no_change), gaussian)
        assert SOLVERS[name].calls(path) == (len(list(run)) if len(path) > 1 else 0)


@pytest.mark.parametrize("name", STEADY)
def test_a_step_in_the_middle_has_its_number_of_evaluations(name: str) -> None:
    calls = [SOLVERS[name].calls(levels(EDM(), steps, "karras")) for steps in (9, 10)]
    assert calls[1] - calls[0] == SOLVERS[name].evaluations


@pytest.mark.parametrize("name", STEADY)
def test_a_batch_of_pictures_equals_each_alone(name: str) -> None:
    path = levels(DiscreteDiffusion(), 5, "karras")
    batch, alone = Noise([4, 9], (3, 4, 4)), Noise([9], (3, 4, 4))
    ends = [
        last(drive(solver_named(name)(path[0].sigma * noise.start(), path, noise), gaussian))
        for noise in (batch, alone)
    ]
    torch.testing.assert_close(ends[0][1:], ends[1], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in SOLVERS if name not in ENDING])
def test_the_last_step_ends_at_the_denoised_picture(name: str) -> None:
    """LMS and PLMS carry their polynomial on to sigma = 0; a last UniPC is corrected before it."""
    path = levels(EDM(), 6, "karras")
    noise = Noise([1], (1, 2, 2))
    run = drive(solver_named(name)(path[0].sigma * noise.start(), path, noise), gaussian)
    seen = []
    try:
        while True:
            seen.append(next(run))
    except StopIteration as finished:
        torch.testing.assert_close(finished.value, seen[-1].denoised, rtol=1e-6, atol=1e-7)
    assert not torch.allclose(seen[-1].x, seen[-1].denoised, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", STEADY)
def test_runs_side_by_side_share_nothing(name: str) -> None:
    chosen = levels(RectifiedFlow(), 6, "uniform")
    starts = [torch.full((1, 1, 2, 2), value) for value in (-1.0, 2.0)]
    alone = [last(drive(solver_named(name)(x, chosen, _no_change), gaussian)) for x in starts]
    solver = solver_named(name)
    runs = [solver(x, chosen, _no_change) for x in starts]
    asked = [next(run) for run in runs]
    ends: list[Tensor] = []
    while not ends:
        for index, run in enumerate(runs):
            try:
                asked[index] = run.send(gaussian(*asked[index]))
            except StopIteration as finished:
                ends.append(finished.value)
    assert all(torch.equal(*pair) for pair in zip(ends, alone, strict=True))


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(RequestError, match="'rk45' is unknown"):
        solver_named("rk45")
    with pytest.raises(RequestError, match="takes no eta"):
        solver_named("heun", eta=0.5)
    with pytest.raises(RequestError, match="between 0 and 1"):
        solver_named("ddim", eta=1.5)
    with pytest.raises(RequestError, match="'lms' takes no churn"):
        solver_named("lms", churn=1.0)
    with pytest.raises(RequestError, match=r"churn is -1\.0; it must be 0 or more"):
        solver_named("euler", churn=-1.0)
    with pytest.raises(RequestError, match="'heun' takes no last_orders"):
        solver_named("heun", last_orders=(1,))
