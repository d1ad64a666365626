"""Values are held to be finite: on the CPU at once, elsewhere when the painting settles."""

import math

import pytest
import torch

from limner.engine.numerics import Watch, finite
from limner.errors import NumericsError

SOUND, SPOILT = torch.ones(3), torch.tensor([1.0, math.nan])


class Elsewhere(torch.Tensor):
    """A tensor that says it lies on another device."""

    device = torch.device("cuda")


def test_a_finite_value_is_itself():
    assert finite(SOUND, "decoder") is SOUND
    assert Watch()(SOUND, "decoder") is SOUND


def test_on_the_cpu_what_is_not_finite_is_told_at_once():
    with pytest.raises(NumericsError, match="the denoiser at step 2 produced NaN"):
        Watch()(SPOILT, "denoiser at step 2")


def test_elsewhere_the_first_is_told_when_it_settles():
    watch = Watch()
    for step, value in enumerate((SOUND, SPOILT, SPOILT), start=1):
        watch(value.as_subclass(Elsewhere), f"denoiser at step {step}")
    with pytest.raises(NumericsError, match="the denoiser at step 2 produced NaN"):
        watch.settle()
