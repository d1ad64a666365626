"""Attention by torch's own kernel beside products and a softmax, at the shapes of the models.

python bench/attention.py --turns 6

Each turn runs all ways once; the figure is the least time of this process's processor, beside that
of `scaled_dot_product_attention`. Where another way is below 1, it would pay to take it.
"""

from __future__ import annotations

import argparse
import time

import torch
import torch.nn.functional as F
from torch import Tensor

# Queries, keys, heads, width of a head: Stable Diffusion 1 at 512x512 (of the first, two heads of
# eight), a head of SD 2's and SDXL's width, and the shipped model's.
SHAPES = (
    (4096, 4096, 2, 40),
    (4096, 77, 8, 40),
    (1024, 1024, 8, 80),
    (1024, 77, 8, 80),
    (256, 256, 8, 160),
    (256, 77, 8, 160),
    (64, 64, 16, 64),
    (64, 64, 4, 32),
    (64, 24, 4, 32),
)
PORTION = 1024  # queries whose products with all keys are in memory at once


def by_heads(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """One head after another, a portion of the queries at a time."""
    out = torch.empty_like(q)
    for head in range(q.shape[1]):
        for first in range(0, q.shape[2], PORTION):
            some = slice(first, first + PORTION)
            scores = (q[0, head, some] * q.shape[-1] ** -0.5) @ k[0, head].T
            out[0, head, some] = scores.softmax(-1) @ v[0, head]
    return out


def batched(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """All heads by one product."""
    scores = torch.matmul(q * q.shape[-1] ** -0.5, k.transpose(-1, -2))
    return torch.matmul(scores.softmax(-1), v)


WAYS = {"kernel": F.scaled_dot_product_attention, "by heads": by_heads, "batched": batched}


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=6)
    turns = parser.parse_args().turns
    torch.manual_seed(0)
    print("| queries, keys, heads, width | " + " | ".join(WAYS) + " |\n|-|" + "-|" * len(WAYS))
    for queries, keys, heads, width in SHAPES:
        q = torch.randn(1, heads, queries, width)
        k, v = torch.randn(2, 1, heads, keys, width)
        spent = {name: float("inf") for name in WAYS}
        for _ in range(turns):
            for name, attend in WAYS.items():
                began = time.process_time()
                attend(q, k, v)
                spent[name] = min(spent[name], time.process_time() - began)
        said = (f"{seconds / spent['kernel']:.2f}" for seconds in spent.values())
        print(f"| {queries}, {keys}, {heads}, {width} | " + " | ".join(said) + " |", flush=True)


if __name__ == "__main__":
    main()
