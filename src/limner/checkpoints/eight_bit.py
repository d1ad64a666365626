"""Weights in eight bits on disk: each row of a matrix as whole numbers from -127 to 127.

A file holds such a matrix under its own name as int8, and beside it, under the name and `_scale`,
what each output channel is multiplied by. In memory they are numbers of the usual dtypes again.
The file is a variant by its name, so that a program which knows nothing of scales does not open it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from limner.checkpoints.header import Entry, broken
from limner.checkpoints.reader import Weights, open_weights

PACKED = ".int8"  # before .safetensors
SCALE = "_scale"
MOST = 127
LEAST_NUMBERS = 1024  # in a matrix; smaller ones, biases and norms stay in half precision


def packed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a module as a file holds them in eight bits."""
    file: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if not tensor.is_floating_point():
            file[name] = tensor
        elif tensor.ndim < 2 or tensor.numel() < LEAST_NUMBERS:
            file[name] = tensor.half()
        else:
            file[name], file[name + SCALE] = quantized(tensor.float())
    return file


def quantized(weight: Tensor) -> tuple[Tensor, Tensor]:
    """(q, s) of a matrix or convolution w ~ s q: s = max |w| / 127 of each row, q = round(w / s).

    Absmax quantization (Dettmers et al. 2022, LLM.int8(), section 2.1) of each row by itself
    (section 3.1), of the weights alone.
    """
    largest = weight.abs().amax(dim=tuple(range(1, weight.ndim)), keepdim=True)
    scale = torch.where(largest > 0, largest, 1.0) / MOST
    return (weight / scale).round().to(torch.int8), scale


class Unpacked:
    """A file's weights as if none of them were packed; `entries` names no scales."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        scales = {name + SCALE for name in weights.entries if _is_packed(weights, name)}
        self.entries: Mapping[str, Entry] = {
            name: entry for name, entry in weights.entries.items() if name not in scales
        }

    @property
    def path(self) -> Path:
        return self.weights.path

    @property
    def metadata(self) -> Mapping[str, str]:
        return self.weights.metadata

    def get(
        self, name: str, dtype: torch.dtype | None = None, device: torch.device | str = "cpu"
    ) -> Tensor:
        """As of every file; a packed tensor of dtype None comes in fp32."""
        if not _is_packed(self.weights, name):
            return self.weights.get(name, dtype, device)
        numbers = self.weights.get(name, torch.float32, device)
        scale = self.weights.get(name + SCALE, torch.float32, device)
        return (numbers * scale).to(dtype or torch.float32)


def open_unpacked(path: Path) -> Unpacked:
    """As `open_weights`, of a file whose weights may be packed."""
    return Unpacked(open_weights(path))


def _is_packed(weights: Weights, name: str) -> bool:
    """Whether a tensor is a matrix in eight bits; CheckpointError if its scales do not fit."""
    entry, scale = weights.entries[name], weights.entries.get(name + SCALE)
    if entry.dtype != torch.int8 or scale is None:
        return False
    expected = (*entry.shape[:1], *(1 for _ in entry.shape[1:]))
    if scale.shape != expected:
        broken(weights.path, f"the scales of {name} are {scale.shape}, not {expected}")
    return True
