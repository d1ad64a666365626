"""Which times a training sees: distributions over (0, 1), mapped to a process's own times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch

from limner.diffusion.process import Process
from limner.errors import UsageError
from limner.types import Times


@runtime_checkable
class TimeSampling(Protocol):
    """The distribution of a training batch's times."""

    def times_of(self, process: Process, uniform: Times) -> Times:
        """(B,) times of `process`, from as many numbers drawn evenly over [0, 1)."""
        ...


@dataclass(frozen=True, kw_only=True)
class UniformTimes:
    """Every time alike, then shifted: above 1, `shift` moves times towards noise."""

    shift: float = 1.0

    def __post_init__(self) -> None:
        _check_positive("shift", self.shift)

    def times_of(self, process: Process, uniform: Times) -> Times:
        return process.time_at(shifted(uniform, self.shift))


@dataclass(frozen=True, kw_only=True)
class LogitNormalTimes:
    """logit(t) ~ N(mean, deviation^2), more of the middle (SD3 eq. 19), then shifted."""

    mean: float = 0.0
    deviation: float = 1.0
    shift: float = 1.0

    def __post_init__(self) -> None:
        _check_positive("deviation", self.deviation)
        _check_positive("shift", self.shift)

    def times_of(self, process: Process, uniform: Times) -> Times:
        normal = torch.special.ndtri(uniform)
        fraction = torch.sigmoid(self.mean + self.deviation * normal)
        return process.time_at(shifted(fraction, self.shift))


def shifted(t: Times, shift: float) -> Times:
    """s t / (1 + (s - 1) t): the time as noisy at another resolution (SD3 eq. 23)."""
    return shift * t / (1 + (shift - 1) * t)


def _check_positive(field: str, value: float) -> None:
    if not value > 0:
        raise UsageError(f"{field} of the training times is {value}; it must be above 0")
