"""Stable Diffusion 1.5 beside diffusers: a step, the decoder, whole pictures, on the same weights.

python bench/sd15.py --runs 5             one guided step and the decoder, and the memory they take
python bench/sd15.py --whole --runs 3     pictures of 512x512 in 20 guided steps

All hold the same random weights and take turns in one process, so that what else the machine does
falls on all alike; diffusers computes in fp32. Time is the median of the turns. Peak memory is
measured in processes of their own, as what the process grew by above its weights.

Whole pictures are painted by diffusers' pipeline, by that pipeline with its U-Net and its decoder
in OpenVINO's own form and choice of dtype, and by Limner in its own choice of dtype: by its modules
and by OpenVINO, which is what `auto` comes to where that is installed.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    EulerDiscreteScheduler,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from resident import began_anew, resident
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

import limner
from limner.checkpoints.configs import autoencoder_to_json, unet_to_json
from limner.emoji.shipped import shipped_model
from limner.engine import heap
from limner.engine.conversion import fix_shapes, openvino
from limner.engine.converted import core
from limner.engine.decoding import LatentDecoder
from limner.engine.devices import computes_in_bf16
from limner.engine.kernels import kernels_for, lay_out
from limner.engine.sharing import shared
from limner.models.autoencoder import Autoencoder
from limner.models.presets import AUTOENCODER_SD1, UNET_SD1
from limner.models.unet import UNet
from limner.types import Conditioning

GUIDANCE, STEPS = 7.5, 20
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


def ours(stage: str, dtype: torch.dtype = torch.float32) -> tuple[torch.nn.Module, Run]:
    """Limner's module, and one run of it as the engine runs it."""
    x, t, context = inputs()
    if stage == "step":
        unet = UNet(UNET_SD1).eval().to(dtype)
        lay_out(unet)

        def step() -> torch.Tensor:
            text = unet.prepare(Conditioning(context=context.to(dtype)))
            with kernels_for(unet):
                return guided(unet(*shared(unet, x.to(dtype), t, text), text).float())

        return unet, step
    autoencoder = Autoencoder(AUTOENCODER_SD1).eval().to(dtype)
    decode = LatentDecoder(autoencoder, tiles=False)
    return autoencoder, lambda: decode(autoencoder.space.normalise(x[:1])).pixels


def compare(stage: str, runs: int, dtype: torch.dtype) -> None:
    """Seconds of both in turns, and how far their results are apart."""
    (their_module, their_run), (our_module, our_run) = theirs(stage), ours(stage, dtype)
    our_module.load_state_dict(their_module.state_dict())
    with torch.inference_mode():
        difference = (our_run() - their_run()).norm() / their_run().norm()
    turns = [(seconds(our_run, kept=True), seconds(their_run)) for _ in range(runs)]
    mine, other = (statistics.median(column) for column in zip(*turns, strict=True))
    print(
        f"{stage}: limner {str(dtype)[6:]} {mine:.2f} s, diffusers {other:.2f} s, "
        f"ratio {mine / other:.3f} "
        f"(median of {runs} turns), relative difference {difference:.1e}"
    )


@torch.inference_mode()
def seconds(run: Run, *, kept: bool = False) -> float:
    """Of the second of two runs. kept: the memory that they let go of is, as in a painting."""
    if kept:
        heap.keep()
    run()
    began = time.perf_counter()
    run()
    spent = time.perf_counter() - began
    if kept:
        heap.give_back()
    return spent


def memory(stage: str, who: str) -> float:
    """MB that one run takes beside the weights, at its peak (Linux)."""
    _, run = {"limner": ours, "diffusers": theirs}[who](stage)
    before = began_anew()
    seconds(run)
    return (resident("VmHWM") - before) / 1024


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


def random_pipeline(folder: Path) -> StableDiffusionPipeline:
    """diffusers' pipeline of Stable Diffusion 1.5's sizes, random, written into a folder too."""
    torch.manual_seed(0)
    tokenizer = CLIPTokenizer.from_pretrained(shipped_model() / "tokenizer")
    text = CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=768, intermediate_size=3072, num_hidden_layers=12,
        num_attention_heads=12, bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    pipeline = StableDiffusionPipeline(
        vae=AutoencoderKL.from_config(autoencoder_to_json(AUTOENCODER_SD1)).eval(),
        unet=UNet2DConditionModel.from_config(unet_to_json(UNET_SD1)).eval(),
        text_encoder=CLIPTextModel(text).eval(),
        tokenizer=tokenizer,
        scheduler=EulerDiscreteScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def by_openvino(pipeline: StableDiffusionPipeline) -> StableDiffusionPipeline:
    """The pipeline with its U-Net and decoder run by OpenVINO, as that is without any of Limner."""
    x, t, context = inputs()
    context = context[:, : pipeline.tokenizer.model_max_length]
    unet, vae = pipeline.unet, pipeline.vae

    class Step(torch.nn.Module):
        def forward(self, x: torch.Tensor, t: torch.Tensor, context: torch.Tensor) -> Any:
            return unet(x, t, context, return_dict=False)[0]

    class Decoder(torch.nn.Module):
        def forward(self, z: torch.Tensor) -> Any:
            return vae.decode(z, return_dict=False)[0]

    def compiled(module: torch.nn.Module, *given: torch.Tensor) -> Callable[..., torch.Tensor]:
        with torch.no_grad():
            model = openvino().convert_model(torch.export.export(module, given, strict=False))
        fix_shapes(model, given)
        request = core().compile_model(model, "CPU").create_infer_request()

        def run(*given: torch.Tensor) -> torch.Tensor:
            request.infer([each.numpy() for each in given])
            return torch.from_numpy(request.get_output_tensor(0).data.copy())

        return run

    step, decode = compiled(Step(), x, t, context), compiled(Decoder(), x[:1])
    other = StableDiffusionPipeline(**pipeline.components, requires_safety_checker=False)
    other.unet, other.vae = copy(unet), copy(vae)  # with the same weights
    other.unet.forward = lambda x, t, encoder_hidden_states, **_: (
        step(x, t.expand(len(x)).float(), encoder_hidden_states),
    )
    other.vae.decode = lambda z, **_: (decode(z),)
    other.set_progress_bar_config(disable=True)
    return other


def compare_whole(runs: int, only: Sequence[str]) -> None:
    """Whole pictures in turns; what is made once, as a converted model is, is timed by itself.

    only: the names of those that take part; none: all.
    """
    prompt = "a photograph of an astronaut riding a horse"
    request = limner.Request(
        prompt=prompt, seed=0, steps=STEPS, size=(512, 512), guidance=GUIDANCE, solver="euler"
    )
    once = replace(request, steps=1)
    with tempfile.TemporaryDirectory() as folder:
        pipeline = random_pipeline(Path(folder))
        painters = {
            f"limner {name}": limner.load(folder, engine=name) for name in ("eager", "openvino")
        }
    pipelines = {"diffusers": pipeline, "diffusers by OpenVINO": by_openvino(pipeline)}
    asked = {"num_inference_steps": STEPS, "guidance_scale": GUIDANCE, "height": 512, "width": 512}
    runners: dict[str, Callable[[], object]] = {
        name: partial(each, prompt, generator=torch.Generator().manual_seed(0), **asked)
        for name, each in pipelines.items()
    } | {name: partial(each.paint, request) for name, each in painters.items()}
    if unknown := [name for name in only if name not in runners]:
        raise SystemExit(f"{unknown[0]!r} is none of {', '.join(runners)}")
    if only:
        runners = {name: run for name, run in runners.items() if name in only}
    for name, painter in painters.items():
        if name not in runners:
            continue
        print(f"{name}: made ready in {whole(lambda p=painter: p.paint(once)):.0f} s", flush=True)
    turns = [{name: whole(run) for name, run in runners.items()} for _ in range(runs)]
    for name in runners:
        said = f" ({painters[name].engine.called})" if name in painters else ""
        median = statistics.median(turn[name] for turn in turns)
        ratios = ", ".join(
            f"{median / statistics.median(turn[each] for turn in turns):.3f} of {each}"
            for each in pipelines
            if each in runners
        )
        print(f"{name}{said}: {median:.1f} s a picture, {ratios}")


def whole(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--only", nargs="+", default=(), help="Of whole pictures, these alone.")
    parser.add_argument("--memory", nargs=2, metavar=("STAGE", "WHO"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.memory:
        print(memory(*given.memory))
    elif given.whole:
        compare_whole(given.runs, given.only)
    else:
        compare_parts(given.runs)


def compare_parts(runs: int) -> None:
    dtypes = [torch.float32, torch.bfloat16] if computes_in_bf16() else [torch.float32]
    for stage in STAGES:
        for dtype in dtypes:
            compare(stage, runs, dtype)
    for stage in STAGES:
        compare_memory(stage)


if __name__ == "__main__":
    main()
