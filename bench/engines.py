"""Engines beside each other and beside diffusers, on the same random weights.

python bench/engines.py --runs 5                  one guided step of Stable Diffusion 1.5 at 512x512
python bench/engines.py --size emoji --runs 20    the shipped model's
python bench/engines.py --only "diffusers fp32" "openvino int8" "openvino's own int8"
python bench/engines.py --memory --dtype bf16     what OpenVINO takes beside the weights (Linux)

Each turn runs every path, so that what else the machine does falls on all alike: twice, of which
the second counts, as a step amid a painting does. Time is the median of the turns, the difference
that of the outputs beside diffusers' in fp32. Paths that compute in bf16 or int8 are left out where
the processor does not do so by itself, unless they are asked for by name; int8 is calibrated by two
calls, and takes some minutes and much memory to be made.
"""

from __future__ import annotations

import argparse
import gc
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from resident import began_anew, resident

from limner.checkpoints import ModelFolder, Parts, load_folder
from limner.checkpoints.configs import unet_to_json
from limner.emoji.shipped import shipped_model
from limner.engine import heap
from limner.engine.calibration import Calibration, Inputs
from limner.engine.compiled import CompiledEngine, compiler
from limner.engine.conversion import fix_shapes, openvino
from limner.engine.converted import HINTS, core
from limner.engine.devices import computes_in_bf16
from limner.engine.eager import EagerEngine
from limner.engine.kernels import kernels_for, lay_out
from limner.engine.openvino import OpenVinoEngine
from limner.engine.sharing import shared
from limner.models.presets import UNET_SD1
from limner.models.unet import UNet, UNetConfig
from limner.types import Conditioning

SHIPPED = ModelFolder(shipped_model())
SIZES = {
    "sd15": (UNET_SD1, 64, 77),
    "emoji": (SHIPPED.config("unet"), 16, SHIPPED.config("text_encoder").length),
}
FP32, BF16, INT8 = torch.float32, torch.bfloat16, torch.int8
DTYPES = {"fp32": FP32, "bf16": BF16, "int8": INT8}
FIRST = "diffusers fp32"
Run = Callable[[], torch.Tensor]


@dataclass(frozen=True)
class Paths:
    """Ways to run a U-Net on both halves of guidance; all hold the same random weights."""

    config: UNetConfig
    side: int
    tokens: int
    cache: Path

    @property
    def made(self) -> dict[str, Callable[[], Run]]:
        """What makes each of them, by name; diffusers' in fp32 is the first."""
        found: dict[str, Callable[[], Run]] = {FIRST: lambda: lambda: self.theirs(*self.inputs())}
        found |= {f"eager {name}": partial(self.eager, DTYPES[name]) for name in ("fp32", "bf16")}
        for name, dtype in DTYPES.items():
            found[f"openvino {name}"] = partial(self.openvino, dtype)
            found[f"openvino's own {name}"] = partial(self.openvino_alone, dtype)
        if compiler() is not None:
            found["compiled fp32"] = lambda: self.graph(CompiledEngine(self.parts(self.ours())))
        return found

    def usable(self) -> list[str]:
        """Those that this processor has a use for, but for int8."""
        lacking = ("int8",) if computes_in_bf16() else ("int8", "bf16")
        return [name for name in self.made if not name.endswith(lacking)]

    def inputs(self, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        generator = torch.Generator().manual_seed(seed)
        one = torch.randn(1, self.config.in_channels, self.side, self.side, generator=generator)
        width = self.config.context_width or 0
        context = torch.randn(2, self.tokens, width, generator=generator)
        return one.expand(2, -1, -1, -1).contiguous(), torch.full((2,), 500.0), context

    def samples(self) -> list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        """What int8 is calibrated by."""
        return [self.inputs(seed) for seed in (1, 2)]

    @cached_property
    def theirs(self) -> Any:
        """diffusers' U-Net, which gives its output alone."""
        torch.manual_seed(0)
        unet = UNet2DConditionModel.from_config(unet_to_json(self.config)).eval()

        class Plain(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.unet = unet.requires_grad_(False)

            def forward(
                self, x: torch.Tensor, t: torch.Tensor, context: torch.Tensor
            ) -> torch.Tensor:
                output: torch.Tensor = self.unet(x, t, context, return_dict=False)[0]
                return output

        return Plain()

    def ours(self) -> UNet:
        """A U-Net of ours with diffusers' weights, of which it has no copy."""
        with torch.device("meta"):
            unet = UNet(self.config)
        unet.load_state_dict(self.theirs.unet.state_dict(), assign=True)
        return unet.eval().requires_grad_(False)

    def parts(self, unet: UNet) -> Parts:
        """An engine takes whole parts, of which only the denoiser is run here."""
        return replace(load_folder(shipped_model()), denoiser=unet)

    def eager(self, dtype: torch.dtype) -> Run:
        unet = self.ours().to(dtype)
        lay_out(unet)
        x, t, context = self.inputs()
        text = unet.prepare(Conditioning(context=context.to(dtype)))
        x, t = shared(unet, x, t, text)

        def run() -> torch.Tensor:
            with kernels_for(unet):
                return unet(x.to(dtype), t, text).float()

        return run

    def openvino(self, dtype: torch.dtype) -> Run:
        calibration = Calibration(key="bench", paint=self.show) if dtype == INT8 else None
        precision = BF16 if dtype == BF16 or (dtype == INT8 and computes_in_bf16()) else FP32
        unet = self.ours()
        engine = OpenVinoEngine(
            self.parts(unet), folder=self.cache, precision=precision, calibration=calibration
        )
        return self.graph(engine)

    def show(self, engine: EagerEngine, _: tuple[int, int]) -> None:
        """What the engine's denoiser is asked while it is calibrated."""
        seen: list[Inputs] = engine.seen  # type: ignore[attr-defined]
        denoiser = engine.parts.denoiser
        for x, t, context in self.samples():
            text = denoiser.prepare(Conditioning(context=context))
            seen.append((*shared(denoiser, x, t, text), text))

    def graph(self, engine: Any) -> Run:
        x, t, context = self.inputs()
        denoiser = engine.parts.denoiser
        text = denoiser.prepare(Conditioning(context=context))
        x, t = shared(denoiser, x, t, text)
        graph = engine.make(x, t, text)
        return lambda: graph(x, t, text)

    def openvino_alone(self, dtype: torch.dtype) -> Run:
        """What OpenVINO makes of diffusers' own U-Net, without any of Limner."""
        package, given = openvino(), self.inputs()
        exported = torch.export.export(self.theirs, given, strict=False)
        model = package.convert_model(exported)
        fix_shapes(model, given)
        if dtype == INT8:
            import nncf

            shown = nncf.Dataset(self.samples(), lambda each: [one.numpy() for one in each])
            model = nncf.quantize(
                model,
                shown,
                model_type=nncf.ModelType.TRANSFORMER,
                preset=nncf.QuantizationPreset.MIXED,
                subset_size=len(self.samples()),
            )
        half = dtype == BF16 or (dtype == INT8 and computes_in_bf16())
        hints = {
            "INFERENCE_PRECISION_HINT": HINTS[BF16 if half else FP32],
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        }
        request = core().compile_model(model, "CPU", hints).create_infer_request()

        def run() -> torch.Tensor:
            request.infer([each.numpy() for each in given])
            return torch.from_numpy(request.get_output_tensor(0).data.copy())

        return run


@contextmanager
def amid_painting(name: str) -> Iterator[None]:
    """As an engine of ours has it while it paints; others are alone."""
    ours = not name.startswith(("diffusers", "openvino's"))
    if ours:
        heap.keep()
    try:
        yield
    finally:
        if ours:
            heap.give_back()


@torch.inference_mode()
def print_memory(config: UNetConfig, side: int, tokens: int, dtype: torch.dtype) -> None:
    """The peaks of converting and of running, in parts of the weights in fp32."""
    torch.manual_seed(0)
    unet = UNet(config).eval().requires_grad_(False).to(dtype)
    parts = replace(load_folder(shipped_model()), denoiser=unet)
    x, t = torch.randn(2, config.in_channels, side, side), torch.full((2,), 500.0)
    context = torch.randn(2, tokens, config.context_width or 0, dtype=dtype)
    text = unet.prepare(Conditioning(context=context))
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
    print(f"weights {weights / 1e9:.2f} GB in fp32; in parts of them, beside the modules:")
    print(f"    the modules, in {str(dtype)[6:]}: {dtype.itemsize / 4:.2f}")
    for what, kib in {
        "the child that converts, at its peak": child,
        "this process meanwhile, with compiling": converting,
        "this process at its peak, compiling what is there": compiling,
        "this process at its peak, running": running,
        "of that what is not the converted model's file": own,
    }.items():
        print(f"    {what}: {1024 * kib / weights:.2f}")


@torch.inference_mode()
def seconds(name: str, run: Run) -> float:
    with amid_painting(name):
        run()
        began = time.perf_counter()
        run()
        return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="sd15")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", nargs="+", metavar="PATH", help="these, and diffusers in fp32")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--dtype", choices=("fp32", "bf16"), default="fp32", help="with --memory")
    given = parser.parse_args()
    if given.memory:
        print_memory(*SIZES[given.size], DTYPES[given.dtype])
        return
    with tempfile.TemporaryDirectory() as cache:
        paths = Paths(*SIZES[given.size], Path(cache))
        paths.theirs.eval()  # made before anything runs in inference mode
        wanted = paths.usable() if given.only is None else [FIRST, *given.only]
        runs, outputs, making = {}, {}, {}
        for name in dict.fromkeys(wanted):
            began = time.perf_counter()
            with torch.no_grad():
                runs[name] = paths.made[name]()
            making[name] = time.perf_counter() - began
            with torch.inference_mode():
                outputs[name] = runs[name]()
            gc.collect()
        turns = [
            {name: seconds(name, run) for name, run in runs.items()} for _ in range(given.runs)
        ]
    base = statistics.median(turn[FIRST] for turn in turns)
    print(f"{given.size}, both halves of guidance; median of {given.runs} turns")
    print("| path | s | beside diffusers | relative difference | made in s |\n|-|-|-|-|-|")
    for name in runs:
        median = statistics.median(turn[name] for turn in turns)
        apart = (outputs[name] - outputs[FIRST]).norm() / outputs[FIRST].norm()
        print(f"| {name} | {median:.3f} | {median / base:.2f} | {apart:.1e} | {making[name]:.0f} |")


if __name__ == "__main__":
    main()
