"""In which precision the forward pass of a training runs; weights are fp32 always."""

from __future__ import annotations

import torch

AUTO, BF16, FP32 = "auto", "bf16", "fp32"
PRECISIONS = (AUTO, BF16, FP32)


def runs_in_half(precision: str, device: torch.device) -> bool:
    """Whether the forward pass runs in bf16: where that is asked for, or at home on the device."""
    return precision == BF16 or (precision == AUTO and not emulates_bf16(device))


def emulates_bf16(device: torch.device) -> bool:
    """Whether bf16 takes some hundred times as long as fp32: on a processor that has none."""
    return device.type == "cpu" and not torch.ops.mkldnn._is_mkldnn_bf16_supported()
