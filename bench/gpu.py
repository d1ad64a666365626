"""One guided step of Stable Diffusion 1.5 on a GPU: seconds, numbers and memory beside diffusers.

python bench/gpu.py --runs 20
python bench/gpu.py --runs 3 --device cpu --size emoji    a rehearsal, without CUDA graphs

Both hold the same random weights in each dtype and take turns. The difference is that of the
outputs in that dtype on that device, beside diffusers' own in the same dtype and in fp32.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from diffusers import UNet2DConditionModel
from engines import SIZES

from limner.checkpoints import load_folder
from limner.checkpoints.configs import unet_to_json
from limner.emoji.shipped import shipped_model
from limner.engine.cuda_graphs import CudaGraphEngine
from limner.models.unet import UNet, UNetConfig
from limner.types import Conditioning

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
Run = Callable[[], torch.Tensor]


def paths(
    config: UNetConfig, side: int, tokens: int, device: torch.device, dtype: torch.dtype
) -> dict[str, Run]:
    """Every way to run the U-Net on both halves of guidance, by name; diffusers' first."""
    torch.manual_seed(0)
    theirs = UNet2DConditionModel.from_config(unet_to_json(config)).to(device, dtype).eval()
    ours = UNet(config).to(device, dtype).eval().requires_grad_(False)
    ours.load_state_dict(theirs.state_dict())
    one = torch.randn(1, config.in_channels, side, side)
    x = one.expand(2, -1, -1, -1).to(device, dtype).contiguous()
    t = torch.full((2,), 500.0, device=device)
    context = torch.randn(2, tokens, config.context_width or 0).to(device, dtype)
    text = ours.prepare(Conditioning(context=context))
    found: dict[str, Run] = {
        "diffusers": lambda: theirs(x, t, context).sample,
        "eager": lambda: ours(x, t, text),
    }
    if device.type == "cuda":
        parts = replace(load_folder(shipped_model(), device=device), denoiser=ours)
        graph = CudaGraphEngine(parts).make(x, t, text)
        found["cuda-graphs"] = lambda: graph(x, t, text)
    return found


def seconds(run: Run, device: torch.device) -> float:
    began = time.perf_counter()
    run()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - began


def peak(run: Run, device: torch.device) -> str:
    """MB that a run takes beside what is there before it."""
    if device.type != "cuda":
        return "-"
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    run()
    return f"{(torch.cuda.max_memory_allocated(device) - before) / 2**20:.0f}"


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="sd15")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--device", default="cuda")
    given = parser.parse_args()
    device = torch.device(given.device)
    print("| dtype, path | ms | beside diffusers | apart in dtype | apart from fp32 | MB |")
    print("|-|-|-|-|-|-|")
    exact = None
    for name, dtype in DTYPES.items():
        runs = paths(*SIZES[given.size], device, dtype)
        outputs = {path: run().float() for path, run in runs.items()}
        turns = [
            {path: seconds(run, device) for path, run in runs.items()} for _ in range(given.runs)
        ]
        first = outputs["diffusers"]
        exact = first if exact is None else exact
        base = statistics.median(turn["diffusers"] for turn in turns)
        for path, run in runs.items():
            median, output = statistics.median(turn[path] for turn in turns), outputs[path]
            apart = ((output - each).norm() / each.norm() for each in (first, exact))
            said = " | ".join(f"{each:.1e}" for each in apart)
            print(
                f"| {name}, {path} | {1000 * median:.1f} | {median / base:.2f} | {said} "
                f"| {peak(run, device)} |"
            )


if __name__ == "__main__":
    main()
