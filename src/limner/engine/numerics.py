"""What every stage of painting is held to."""

from __future__ import annotations

import torch
from torch import Tensor

from limner.errors import NumericsError


def finite(value: Tensor, stage: str) -> Tensor:
    """The value itself; NumericsError where it holds NaN or infinity."""
    if not torch.isfinite(value).all():
        raise NumericsError(
            f"the {stage} produced NaN or infinity: load the model in fp32, or use another one"
        )
    return value
