"""Classifier-free guidance as a wrapper round denoise functions, never a branch inside a model.

D = D_u + w (D_c - D_u) (Ho and Salimans 2022 eq. 6, whose w + 1 is w here). The conditioning lies
in the closures: `conditional` and `unconditional` are `denoise_with` of two model calls, `both`
of one model call with the conditioning [unconditional; conditional] for a batch of twice the
size.

weights: several conditions at once, D = D_u + w sum_i w_i (D_i - D_u) (Liu et al. 2022,
"Compositional visual generation", eq. 11); `both` then has one batch more for each.

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


def guided(
    conditional: Denoise,
    unconditional: Denoise,
    scale: float,
    interval: Interval | None = None,
    rescale: Rescale | None = None,
) -> Denoise:
    """Guidance by two calls, the smaller memory. A negative scale leads away from the prompt.

    Raises RequestError for a scale that is NaN or infinite, or an interval that is empty.
    """
    _check(scale, interval)
    if scale == 1:
        return conditional

    def denoise(x: Tensor, level: Level) -> Tensor:
        if not _inside(level, interval):
            return conditional(x, level)
        return _combined(unconditional(x, level), conditional(x, level), scale, rescale, x, level)

    return denoise


def guided_batch(
    both: Denoise,
    conditional: Denoise,
    scale: float,
    interval: Interval | None = None,
    rescale: Rescale | None = None,
    weights: Sequence[float] = (1.0,),
) -> Denoise:
    """Guidance by one call for a doubled batch, the better use of a GPU; same result as `guided`.

    both: denoises [x; x], (2B, C, h, w), its first half without the prompt.
    conditional: of the one condition; not called where there are several.
    """
    _check(scale, interval)
    alone = tuple(weights) == (1.0,)
    if scale == 1 and alone:
        return conditional

    def denoise(x: Tensor, level: Level) -> Tensor:
        inside = _inside(level, interval)
        if alone and not inside:
            return conditional(x, level)
        batches = 1 + len(weights)
        without, *members = both(torch.cat([x] * batches), level).chunk(batches)
        with_prompt = members[0] if alone else _composed(without, members, weights)
        return _combined(without, with_prompt, scale if inside else 1.0, rescale, x, level)

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
