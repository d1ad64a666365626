"""Attention by torch's own kernel beside products and a softmax, at the shapes of the models.

python bench/attention.py --turns 6
python bench/attention.py --turns 6 --dtype bf16
python bench/attention.py --turns 6 --backward       with the gradients, as a training has them

Each turn runs all ways once; the figure is the least time, beside that of the kernel
(`scaled_dot_product_attention`). Where another way is below 1, it would pay to take it; which one
the engine takes is said in `limner.engine.attending`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from limner.engine.attending import at_once, attend, by_heads
from limner.engine.timing import least

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
WAYS = {
    "kernel": F.scaled_dot_product_attention,
    "by heads": by_heads,
    "at once": at_once,
    "as the engine": attend,
}
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def with_gradients(way: Callable[..., Tensor]) -> Callable[..., object]:
    def run(q: Tensor, k: Tensor, v: Tensor) -> object:
        return torch.autograd.grad(way(q, k, v).sum(), (q, k, v))

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=6)
    parser.add_argument("--dtype", choices=DTYPES, default="fp32")
    parser.add_argument("--backward", action="store_true")
    given = parser.parse_args()
    ways = WAYS
    if given.backward:  # oneDNN's products have no gradients here
        ways = {name: with_gradients(WAYS[name]) for name in ("kernel", "at once")}
    torch.manual_seed(0)
    print("| queries, keys, heads, width | " + " | ".join(ways) + " |\n|-|" + "-|" * len(ways))
    for queries, keys, heads, width in SHAPES:
        sizes = ((1, heads, each, width) for each in (queries, keys, keys))
        of = {"dtype": DTYPES[given.dtype], "requires_grad": given.backward}
        with torch.set_grad_enabled(given.backward):
            spent = least(list(ways.values()), [torch.randn(s, **of) for s in sizes], given.turns)
        said = (f"{seconds / spent[0]:.2f}" for seconds in spent)
        print(f"| {queries}, {keys}, {heads}, {width} | " + " | ".join(said) + " |", flush=True)


if __name__ == "__main__":
    main()
