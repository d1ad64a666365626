"""Stable Diffusion 1.5 beside diffusers: one guided step, and the decoder, on the same weights.

python bench/sd15.py --runs 5

Both programs hold the same random weights in fp32 and take turns in one process, so that what else
the machine does falls on both alike. Time is the median of the turns. Peak memory is measured in
processes of their own, as what the process grew by above its weights.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel

from limner.checkpoints.configs import autoencoder_to_json, unet_to_json
from limner.engine.decoding import LatentDecoder
from limner.models.autoencoder import Autoencoder
from limner.models.presets import AUTOENCODER_SD1, UNET_SD1
from limner.models.unet import UNet

GUIDANCE = 7.5
LATENT = (4, 64, 64)
STAGES = ("step", "decode")
Run = Callable[[], torch.Tensor]


def inputs() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """x (2, 4, 64, 64), the same latent for both halves of guidance; t (2,); context (2, 77, D)."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, *LATENT, generator=generator).expand(2, -1, -1, -1).contiguous()
    context = torch.randn(2, 77, UNET_SD1.context_width or 0, generator=generator)
    return x, torch.full((2,), 500.0), context


def guided(output: torch.Tensor) -> torch.Tensor:
    without, with_text = output.chunk(2)
    return without + GUIDANCE * (with_text - without)


def theirs(stage: str) -> tuple[torch.nn.Module, Run]:
    """diffusers' module with random weights, and one run of it."""
    torch.manual_seed(0)
    x, t, context = inputs()
    if stage == "step":
        unet = UNet2DConditionModel.from_config(unet_to_json(UNET_SD1)).eval()
        return unet, lambda: guided(unet(x, t, context).sample)
    decoder = AutoencoderKL.from_config(autoencoder_to_json(AUTOENCODER_SD1)).eval()
    return decoder, lambda: decoder.decode(x[:1]).sample


def ours(stage: str) -> tuple[torch.nn.Module, Run]:
    """Limner's module, and one run of it."""
    x, t, context = inputs()
    if stage == "step":
        unet = UNet(UNET_SD1).eval()
        return unet, lambda: guided(unet(x, t, context))
    autoencoder = Autoencoder(AUTOENCODER_SD1).eval()
    decode = LatentDecoder(autoencoder, tiles=False)
    return autoencoder, lambda: decode(autoencoder.space.normalise(x[:1])).pixels


def compare(stage: str, runs: int) -> None:
    """Seconds of both in turns, and how far their results are apart."""
    (their_module, their_run), (our_module, our_run) = theirs(stage), ours(stage)
    our_module.load_state_dict(their_module.state_dict())
    with torch.inference_mode():
        difference = (our_run() - their_run()).norm() / their_run().norm()
    turns = [(seconds(our_run), seconds(their_run)) for _ in range(runs)]
    mine, other = (statistics.median(column) for column in zip(*turns, strict=True))
    print(
        f"{stage}: limner {mine:.2f} s, diffusers {other:.2f} s, ratio {mine / other:.3f} "
        f"(median of {runs} turns), relative difference {difference:.1e}"
    )


@torch.inference_mode()
def seconds(run: Run) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def memory(stage: str, who: str) -> float:
    """MB that one run takes beside the weights, at its peak (Linux)."""
    _, run = {"limner": ours, "diffusers": theirs}[who](stage)
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # the peak begins anew
    before = resident("VmRSS")
    seconds(run)
    return resident("VmHWM") - before


def resident(field: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def compare_memory(stage: str) -> None:
    grown = {}
    for who in ("limner", "diffusers"):
        command = [sys.executable, __file__, "--memory", stage, who]
        grown[who] = float(subprocess.run(command, capture_output=True, check=True).stdout)
    ratio = grown["limner"] / grown["diffusers"]
    print(
        f"{stage}: limner {grown['limner']:.0f} MB, diffusers {grown['diffusers']:.0f} MB above "
        f"the weights, ratio {ratio:.3f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--memory", nargs=2, metavar=("STAGE", "WHO"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.memory:
        print(memory(*given.memory))
        return
    for stage in STAGES:
        compare(stage, given.runs)
    for stage in STAGES:
        compare_memory(stage)


if __name__ == "__main__":
    main()
