"""Holding denoised pictures to a range: clipping, and dynamic thresholding as diffusers has it."""

from __future__ import annotations

import diffusers
import pytest
import torch

from limner.diffusion.hold import Hold
from limner.errors import UsageError

X = 1.7 * torch.randn(3, 4, 5, 5, generator=torch.Generator().manual_seed(0))


def test_clipping() -> None:
    assert torch.equal(Hold(limit=1.5)(X), X.clamp(-1.5, 1.5))
    assert Hold(limit=100.0)(X).equal(X)


@pytest.mark.parametrize(("quantile", "limit"), [(0.995, 1.0), (0.8, 2.0), (0.1, 3.0), (0.87, 0.5)])
def test_thresholding_is_that_of_diffusers(quantile: float, limit: float) -> None:
    theirs = diffusers.DDPMScheduler(
        thresholding=True, dynamic_thresholding_ratio=quantile, sample_max_value=limit
    )
    held = Hold(limit=limit, quantile=quantile)(X)
    torch.testing.assert_close(held, theirs._threshold_sample(X))
    # each picture by its own spread
    assert torch.equal(Hold(limit=limit, quantile=quantile)(X[1:2]), held[1:2])


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match="held to 0"):
        Hold(limit=0.0)
    with pytest.raises(UsageError, match="from 0 to 1"):
        Hold(limit=1.0, quantile=1.5)
