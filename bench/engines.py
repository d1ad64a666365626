"""Engines beside each other and beside diffusers, on the same random weights.

python bench/engines.py --runs 5                  one guided step of Stable Diffusion 1.5 at 512x512
python bench/engines.py --size emoji --runs 20    the shipped model's
python bench/engines.py --memory                  what OpenVINO takes beside the weights (Linux)

Each turn runs every path once, so that what else the machine does falls on all alike; time is the
median of the turns, the difference that of the outputs beside diffusers' in fp32.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from diffusers import UNet2DConditionModel

from limner.checkpoints import Parts, load_folder
from limner.checkpoints.configs import unet_to_json
from limner.emoji.shipped import shipped_model
from limner.engine.compiled import CompiledEngine, compiler
from limner.engine.graphs import GraphEngine
from limner.engine.openvino import OpenVinoEngine, openvino
from limner.models.presets import UNET_SD1
from limner.models.unet import UNet, UNetConfig
from limner.training.recipes.sizes import UNET_EMOJI
from limner.types import Conditioning

SIZES = {"sd15": (UNET_SD1, 64, 77), "emoji": (UNET_EMOJI, 16, 24)}
Run = Callable[[], torch.Tensor]


def paths(
    config: UNetConfig, side: int, tokens: int, cache: Path, *, compiled: bool
) -> dict[str, Run]:
    """Every way to run the U-Net on both halves of guidance, by name; diffusers' first."""
    torch.manual_seed(0)
    theirs = UNet2DConditionModel.from_config(unet_to_json(config)).eval()
    ours = UNet(config).eval()
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(1, config.in_channels, side, side).expand(2, -1, -1, -1).contiguous()
    t, context = torch.full((2,), 500.0), torch.randn(2, tokens, config.context_width or 0)
    text = ours.prepare(Conditioning(context=context))
    # An engine takes whole parts, of which only the denoiser is run here.
    parts = replace(load_folder(shipped_model()), denoiser=ours)
    found: dict[str, Run] = {
        "diffusers fp32": lambda: theirs(x, t, context).sample,
        "eager fp32": lambda: ours(x, t, text),
    }
    for name, engine in engines(parts, cache, compiled=compiled).items():
        graph = engine.make(x, t, text)
        found[name] = lambda graph=graph: graph(x, t, text)
    return found | by_openvino_alone(theirs, x, t, context)


def engines(parts: Parts, cache: Path, *, compiled: bool) -> dict[str, GraphEngine]:
    """Those that can be used here."""
    found: dict[str, GraphEngine] = {"openvino fp32": OpenVinoEngine(parts, folder=cache)}
    if "BF16" in openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        half = OpenVinoEngine(parts, folder=cache, precision=torch.bfloat16)
        found["openvino bf16"] = half
    if compiled and compiler() is not None:
        found["compiled fp32"] = CompiledEngine(parts)
    return found


def by_openvino_alone(
    theirs: torch.nn.Module, x: torch.Tensor, t: torch.Tensor, context: torch.Tensor
) -> dict[str, Run]:
    """What OpenVINO makes of diffusers' own U-Net."""
    package = openvino()

    class Plain(torch.nn.Module):
        def forward(self, x: torch.Tensor, t: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
            return theirs(x, t, context, return_dict=False)[0]

    with torch.no_grad():
        exported = torch.export.export(Plain(), (x, t, context), strict=False)
    hints = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": torch.get_num_threads()}
    model = package.Core().compile_model(package.convert_model(exported), "CPU", hints)
    request = model.create_infer_request()

    def run() -> torch.Tensor:
        request.infer([x.numpy(), t.numpy(), context.numpy()])
        return torch.from_numpy(request.get_output_tensor(0).data.copy())

    return {"openvino's own, fp32": run}


@torch.inference_mode()
def print_memory(config: UNetConfig, side: int, tokens: int) -> None:
    """The peaks of converting and of running, in parts of the weights in fp32."""
    torch.manual_seed(0)
    unet = UNet(config).eval().requires_grad_(False)
    parts = replace(load_folder(shipped_model()), denoiser=unet)
    x, t = torch.randn(2, config.in_channels, side, side), torch.full((2,), 500.0)
    text = unet.prepare(Conditioning(context=torch.randn(2, tokens, config.context_width or 0)))
    weights = 4 * sum(p.numel() for p in unet.parameters())
    with tempfile.TemporaryDirectory() as cache:
        before = began_anew()
        OpenVinoEngine(parts, folder=Path(cache), apart=0).make(x, t, text)
        converting = resident("VmHWM") - before
        before, own = began_anew(), resident("RssAnon")
        graph = OpenVinoEngine(parts, folder=Path(cache), apart=0).make(x, t, text)
        compiling = resident("VmHWM") - before
        began_anew()
        graph(x, t, text)
        running, own = resident("VmHWM") - before, resident("RssAnon") - own
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"weights {weights / 1e9:.2f} GB in fp32; in parts of them, beside the modules' own:")
    for what, kib in {
        "the child that converts, at its peak": child,
        "this process meanwhile, with compiling": converting,
        "this process at its peak, compiling what is there": compiling,
        "this process at its peak, running": running,
        "of that what is not the converted model's file": own,
    }.items():
        print(f"    {what}: {1024 * kib / weights:.2f}")


def began_anew() -> int:
    """KiB of this process, whose peak counts from here."""
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    return resident("VmRSS")


def resident(field: str) -> int:
    """KiB of this process."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


@torch.inference_mode()
def seconds(run: Run) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="sd15")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--no-compiled", action="store_true", help="leave torch.compile out")
    parser.add_argument("--memory", action="store_true")
    given = parser.parse_args()
    if given.memory:
        print_memory(*SIZES[given.size])
        return
    with tempfile.TemporaryDirectory() as cache, torch.no_grad():
        runs = paths(*SIZES[given.size], Path(cache), compiled=not given.no_compiled)
        outputs = {name: run() for name, run in runs.items()}
        turns = [{name: seconds(run) for name, run in runs.items()} for _ in range(given.runs)]
    first, *_ = runs
    base = statistics.median(turn[first] for turn in turns)
    print(f"{given.size}, both halves of guidance; median of {given.runs} turns")
    print("| path | s | beside diffusers | relative difference |\n|-|-|-|-|")
    for name in runs:
        median = statistics.median(turn[name] for turn in turns)
        apart = (outputs[name] - outputs[first]).norm() / outputs[first].norm()
        print(f"| {name} | {median:.3f} | {median / base:.2f} | {apart:.1e} |")


if __name__ == "__main__":
    main()
