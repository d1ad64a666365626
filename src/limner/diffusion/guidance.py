"""Classifier-free guidance: what is asked of a model, and what its answers come to.

D = D_u + w (D_c - D_u) (Ho and Salimans 2022 eq. 6, whose w + 1 is w here). `Guidance` says which
rows a call needs and combines their answers; `guided` does so round two denoise functions.

weights: several conditions at once, D = D_u + w sum_i w_i (D_i - D_u) (Liu et al. 2022,
"Compositional visual generation", eq. 11).

rescale: bring the guided output back to the spread of the conditional one (Lin et al. 2023).

interval: (low, high], the noise levels, as straight sigmas, that guidance is for (Kynkaanniemi et
al. 2024); None: all. Outside it, and at scale 1, only the conditional picture is computed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from limner.diffusion.prediction import Prediction
from limner.diffusion.process import Level, Process, per_picture
from limner.diffusion.sample import Denoise
from limner.errors import RequestError

Interval = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Rescale:
    """Guidance rescale (Lin et al. 2023, eq. 15-16): against pictures that guidance overexposes.

    amount: phi, from 0 (none) to 1 (the conditional spread). What is rescaled is the network's
    output, so the process and the meaning of the output lead there from the denoised picture.
    """

    amount: float
    process: Process
    prediction: Prediction

    def __post_init__(self) -> None:
        if not 0 <= self.amount <= 1:
            raise RequestError(f"guidance rescale is {self.amount}; it must lie between 0 and 1")

    def __call__(self, guided: Tensor, conditional: Tensor, x: Tensor, level: Level) -> Tensor:
        """The guided denoised picture, rescaled; each picture of the batch by its own spread."""
        if self.amount == 0:
            return guided
        output = self._output(guided, x, level)
        ratio = _spread(self._output(conditional, x, level)) / _spread(output)
        scale, native = self._native(x, level)
        output = output * per_picture(1 + self.amount * (ratio - 1), x)
        return self.prediction.denoised(output, x * scale, *native)

    def _output(self, denoised: Tensor, x: Tensor, level: Level) -> Tensor:
        """What the network says when it sees `denoised` in x."""
        epsilon = (x - level.alpha * denoised) / level.sigma
        return self.prediction.target(denoised, epsilon, *self._native(x, level)[1])

    def _native(self, x: Tensor, level: Level) -> tuple[float, tuple[Tensor, Tensor]]:
        scale = self.process.native_scale(level)
        ones = torch.ones(len(x), device=x.device)
        return scale, (level.alpha * scale * ones, level.sigma * scale * ones)


@dataclass(frozen=True, kw_only=True)
class Guidance:
    """How the pictures denoised with and without a prompt are combined: data, no model call.

    always: ask for the picture without the prompt even where it has no part. Raises RequestError
    for a scale that is NaN or infinite, or an interval that is empty.
    """

    scale: float
    interval: Interval | None = None
    rescale: Rescale | None = None
    always: bool = False

    def __post_init__(self) -> None:
        _check(self.scale, self.interval)

    def asks_without(self, level: Level, weights: Sequence[float] = (1.0,)) -> bool:
        """Whether the picture without the prompt is needed at a level; not where it has no part.

        Of several members it always is: they are combined by how far they lead away from it.
        """
        several = tuple(weights) != (1.0,)
        return self.always or several or (self.scale != 1 and _inside(level, self.interval))

    def combined(
        self, denoised: Sequence[Tensor], weights: Sequence[float], x: Tensor, level: Level
    ) -> Tensor:
        """D of [without, member 1, ...], or of the only member where `asks_without` is false."""
        if not self.asks_without(level, weights):
            return denoised[0]
        without, *members = denoised
        alone = tuple(weights) == (1.0,)
        with_prompt = members[0] if alone else _composed(without, members, weights)
        scale = self.scale if _inside(level, self.interval) else 1.0
        return _combined(without, with_prompt, scale, self.rescale, x, level)


def guided(
    conditional: Denoise,
    unconditional: Denoise,
    scale: float,
    interval: Interval | None = None,
    rescale: Rescale | None = None,
) -> Denoise:
    """Guidance by two calls. A negative scale leads away from the prompt. Errors as `Guidance`."""
    guidance = Guidance(scale=scale, interval=interval, rescale=rescale)

    def denoise(x: Tensor, level: Level) -> Tensor:
        asked = (unconditional, conditional) if guidance.asks_without(level) else (conditional,)
        return guidance.combined([ask(x, level) for ask in asked], (1.0,), x, level)

    return denoise


def _composed(without: Tensor, members: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """D_u + sum_i w_i (D_i - D_u)."""
    total = without
    for weight, member in zip(weights, members, strict=True):
        total = total + weight * (member - without)
    return total


def _combined(
    without: Tensor,
    with_prompt: Tensor,
    scale: float,
    rescale: Rescale | None,
    x: Tensor,
    level: Level,
) -> Tensor:
    denoised = torch.lerp(without, with_prompt, scale)
    return denoised if rescale is None else rescale(denoised, with_prompt, x, level)


def _spread(output: Tensor) -> Tensor:
    """The standard deviation of each picture, (B,)."""
    return output.flatten(1).std(1)


def _check(scale: float, interval: Interval | None) -> None:
    if not math.isfinite(scale):
        raise RequestError(f"guidance is {scale}; it must be a finite number")
    if interval is not None and not interval[0] < interval[1]:
        raise RequestError(f"guidance interval {interval} is empty; it must be (low, high)")


def _inside(level: Level, interval: Interval | None) -> bool:
    return interval is None or interval[0] < level.sigma <= interval[1]
