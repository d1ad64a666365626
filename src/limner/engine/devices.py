"""Where a model computes."""

from __future__ import annotations

from functools import cache

import torch

from limner.errors import UsageError

LARGE = 100_000_000
"""Parameters from which a model is computed in what is fast; smaller ones paint the same bits."""


def usable(device: str | torch.device | None) -> torch.device:
    """The device itself, of None a GPU where there is one; UsageError where there is none such."""
    if device is None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        place = torch.device(device)
    except RuntimeError:
        place = torch.device("meta")
    if place.type == "meta":  # where nothing is computed
        right = "cpu, cuda, cuda:1 or mps is right"
        raise UsageError(f"device {str(device)!r} cannot be used here: {right}") from None
    try:
        return torch.empty(0, device=place).device
    except (RuntimeError, AssertionError) as error:
        first = str(error).splitlines()[0]
        raise UsageError(f"device {str(device)!r} cannot be used here ({first}): try cpu") from None


@cache
def computes_in_bf16() -> bool:
    """Whether the processor computes in bf16 natively, by AVX-512 or AMX."""
    asked = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, bool)() for name in asked)


def emulates_bf16(device: torch.device) -> bool:
    """Whether bf16 takes longer than fp32: on a processor that has none, or has AVX-512 do it.

    Without either it is some hundred times as long. oneDNN says that it has bf16 by AVX-512 alone
    too, and converts each number there: some twice as long.
    """
    if device.type != "cpu":
        return False
    converts = getattr(torch.cpu, "_is_avx512_supported", bool)() and not computes_in_bf16()
    return converts or not torch.ops.mkldnn._is_mkldnn_bf16_supported()
