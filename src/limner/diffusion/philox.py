"""The Gaussian numbers of a CUDA device, computed on any: Philox4x32-10 and Box-Muller."""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float, UInt32
from torch import Tensor

ROUNDS = 10
# Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3": the two multipliers, and what
# is added to the key after each round (the golden ratio, and sqrt(3) - 1).
MULTIPLIERS = np.array([0xD2511F53, 0xCD9E8D57], dtype=np.uint64)
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
MASK = 2**32 - 1
HALF = np.uint64(32)
PLANES = 1  # the last word of a counter of `plane`: those of a device's stream have 0 there
QUARTERS = np.array([0, 2**30], dtype=np.uint32)  # of a turn: the sine, and the cosine beside it


class Philox:
    """The stream of `torch.randn` on a CUDA device seeded with `seed`, drawn without one.

    It holds for draws of up to as many numbers as the device has resident threads (some 100,000 to
    300,000); of a larger draw CUDA gives a thread several numbers. Computed in double precision and
    rounded to fp32, so every machine gets the same bits; those of CUDA, which works in fp32, differ
    in the last digits.
    """

    def __init__(self, seed: int) -> None:
        self.key = (seed & MASK, seed >> 32 & MASK)
        self.offset = 0

    def randn(self, shape: tuple[int, ...]) -> Float[Tensor, "..."]:
        """The next draw, fp32 on the CPU."""
        count = math.prod(shape)
        counters = np.zeros((4, count), dtype=np.uint32)
        counters[0] = self.offset
        counters[2] = np.arange(count, dtype=np.uint32)
        self.offset += 1
        first, second, _, _ = philox4x32(counters, self.key)
        return torch.from_numpy(gaussian(first, second).astype(np.float32)).reshape(shape)


def plane(seed: int, rows: range, columns: range, *, number: int = 0) -> Float[Tensor, "4 h w"]:
    """Four unit Gaussian numbers at each position of a plane without end, of which any part is cut.

    rows, columns: the positions, from 0. number: of the plane, each seed has 2^32 of them.
    """
    height, width = len(rows), len(columns)
    counters = np.empty((4, height, width), dtype=np.uint32)
    counters[0] = np.asarray(rows, np.uint32)[:, None]
    counters[1] = np.asarray(columns, np.uint32)
    counters[2], counters[3] = number, PLANES
    words = philox4x32(counters.reshape(4, -1), (seed & MASK, seed >> 32 & MASK))
    pairs = [gaussian(words[i], words[i + 1] + turn) for i in (0, 2) for turn in QUARTERS]
    return torch.from_numpy(np.stack(pairs).astype(np.float32)).reshape(4, height, width)


def philox4x32(
    counters: UInt32[np.ndarray, "4 N"], key: tuple[int, int]
) -> UInt32[np.ndarray, "4 N"]:
    """N blocks of four random words, one for each counter (Salmon et al. 2011, section 3.3)."""
    left, right = counters[0::2], counters[1::2]  # each (2, N): words 0 and 2, words 1 and 3
    low, high = key
    for _ in range(ROUNDS):
        product = left.astype(np.uint64) * MULTIPLIERS[:, None]
        keys = np.array([[low], [high]], dtype=np.uint32)
        # The halves of either product go to the other pair.
        left = (product >> HALF).astype(np.uint32)[::-1] ^ right ^ keys
        right = product.astype(np.uint32)[::-1]
        low, high = (low + KEY_STEPS[0]) & MASK, (high + KEY_STEPS[1]) & MASK
    return np.stack([left[0], right[0], left[1], right[1]])


def gaussian(
    first: UInt32[np.ndarray, "N"], second: UInt32[np.ndarray, "N"]
) -> Float[np.ndarray, "N"]:
    """Box-Muller as cuRAND has it: sqrt(-2 ln u) sin v, u in (0, 1) and v in (0, 2 pi)."""
    u = (first + 0.5) * 2.0**-32
    v = (second + 0.5) * (2.0**-32 * 2.0 * math.pi)
    return np.sqrt(-2.0 * np.log(u)) * np.sin(v)
