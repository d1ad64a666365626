"""Linear layers in fp32 by the BLAS behind torch and by oneDNN, at Stable Diffusion's shapes.

python bench/linears.py --turns 6

The least time of each, taken in turns. Where oneDNN is below 0.7 at the layer that is measured, the
engine takes it (`limner.engine.linears`).
"""

from __future__ import annotations

import argparse

from limner.engine.linears import MEASURED, seconds

SHAPES = (
    (8192, 320, 320),
    (8192, 320, 2560),
    (2048, 640, 5120),
    (2048, 2560, 640),
    MEASURED,
    (512, 5120, 1280),
    (154, 768, 1280),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=6)
    turns = parser.parse_args().turns
    print("| rows, width, out | BLAS, GFLOP/s | oneDNN, GFLOP/s | its time beside |\n|-|-|-|-|")
    for shape in SHAPES:
        rows, width, out = shape
        work = 2e-9 * rows * width * out
        blas, onednn = seconds(turns, shape)
        rates = f"{work / blas:.0f} | {work / onednn:.0f}"
        print(f"| {rows}, {width}, {out} | {rates} | {onednn / blas:.2f} |", flush=True)


if __name__ == "__main__":
    main()
