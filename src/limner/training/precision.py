"""In which precision the forward pass of a training runs; weights are fp32 always."""

from __future__ import annotations

import torch

from limner.engine.devices import emulates_bf16

AUTO, BF16, FP32 = "auto", "bf16", "fp32"
PRECISIONS = (AUTO, BF16, FP32)


def runs_in_half(precision: str, device: torch.device) -> bool:
    """Whether the forward pass runs in bf16: where that is asked for, or at home on the device."""
    return precision == BF16 or (precision == AUTO and not emulates_bf16(device))
