"""From a network to a denoise function, and the small driver that runs a solver with it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from limner.diffusion.prediction import Prediction
from limner.diffusion.process import Level, Process
from limner.diffusion.solvers.step import Evaluations, Pair, PairedEvaluations, pair
from limner.generators import finish
from limner.types import Latent, Times

ModelCall = Callable[[Tensor, Tensor], Tensor]
"""(x in native coordinates, the time as the network is told it (B,)) -> the network's output."""

Denoise = Callable[[Tensor, Level], Tensor]
"""(x in straight coordinates, its level) -> the denoised picture."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One evaluation of the model on the way: index counts from 0."""

    index: int
    level: Level
    x: Latent
    denoised: Latent


def predict(model_call: ModelCall, process: Process, x: Latent, t: Times) -> Latent:
    """The network's output for native x at the process's times t (B,).

    Training and sampling both call the network by this.
    """
    return model_call(process.model_input(x, t), process.model_time(t))


def denoise_with(model_call: ModelCall, process: Process, prediction: Prediction) -> Denoise:
    """A denoise function for solvers, from a network and what its output means.

    The output is cast to x's dtype before it is used, so a network in half precision is given x in
    fp32 by the solver and casts it itself.
    """

    def denoise(x: Tensor, level: Level) -> Tensor:
        scale = process.native_scale(level)
        native = x * scale
        ones = torch.ones(len(x), device=x.device)
        times = torch.full((len(x),), process.time_of_level(level), device=x.device)
        output = predict(model_call, process, native, times)
        alpha, sigma = level.alpha * scale * ones, level.sigma * scale * ones
        return prediction.denoised(output.to(x.dtype), native, alpha, sigma)

    return denoise


def drive(
    solver: Evaluations | PairedEvaluations, denoise: Callable[[Tensor, Level], Tensor | Pair]
) -> Generator[Evaluation, None, Tensor]:
    """Run a solver: yield each evaluation, return the last x.

    A solver that takes a pair may be sent one. Whoever iterates owns progress and previews, and
    cancels by not going on. A solver with one level alone has no step to take: its x comes back.
    """
    try:
        x, level = next(solver)
    except StopIteration as finished:
        return finished.value
    index = 0
    while True:
        answer: Any = denoise(x, level)
        yield Evaluation(index=index, level=level, x=x, denoised=pair(answer).denoised)
        try:
            x, level = solver.send(answer)
        except StopIteration as finished:
            return finished.value
        index += 1


def last(evaluations: Generator[Evaluation, None, Tensor]) -> Tensor:
    """The last x of `drive`, when nobody looks at the way there."""
    return finish(evaluations)
