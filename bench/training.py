"""Pictures a second of the training loop: beside a bare PyTorch loop, and CLIP beside transformers.

python bench/training.py --turns 5 --steps 10
python bench/training.py --turns 6 --steps 1 --batch 48 --processor-time    # on a busy machine

Both of a pair do the same number of steps in turns in one process; the ratio is ours over theirs,
the median of the turns. The bare loop trains the same U-Net by the same loss, with AdamW and
clipping, and without averages, checks, losses read back or captions; transformers' CLIPModel is
given its token ids and pixels ready made.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from limner.data.records import PictureSet, Record
from limner.diffusion.prediction import prediction_named
from limner.diffusion.process import RectifiedFlow
from limner.diffusion.times import UniformTimes
from limner.models.clip import Clip, ClipConfig
from limner.models.unet import UNet
from limner.training.loop import LoopConfig, Trainer, fastest_attention
from limner.training.objectives import Objective
from limner.training.objectives.contrastive import ContrastiveObjective
from limner.training.objectives.denoising import DenoisingObjective
from limner.training.recipes.sizes import TEXT_EMOJI, UNET_EMOJI, VISION_EMOJI

ITEMS, TOKENS, VOCABULARY = 512, 16, 4096


def our_loop(objective: Objective, batch: int, precision: str) -> Iterator[object]:
    config = LoopConfig(steps=10**6, batch=batch, precision=precision, save_every=10**6)
    return Trainer(objective, config, Path(tempfile.mkdtemp())).run()


def optimised(module: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.AdamW(module.parameters(), lr=5e-4, betas=(0.9, 0.95), fused=True)


def stepped(module: nn.Module, optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    optimiser.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(module.parameters(), 1.0)
    optimiser.step()


def denoising(device: str) -> DenoisingObjective:
    """The U-Net that shipped first on random latents and encodings."""
    contexts = torch.randn(ITEMS, TOKENS, UNET_EMOJI.context_width, device=device)
    return DenoisingObjective(
        UNet(UNET_EMOJI).to(device),
        torch.randn(ITEMS, 4, 16, 16, device=device),
        lambda indices, draws: {"context": contexts[indices.to(device)]},
        process=RectifiedFlow(),
        prediction=prediction_named("flow", RectifiedFlow()),
        times=UniformTimes(),
    )


def bare_denoising(device: str, batch: int, precision: str) -> Iterator[None]:
    unet = UNet(UNET_EMOJI).to(device)
    latents = torch.randn(ITEMS, 4, 16, 16, device=device)
    contexts = torch.randn(ITEMS, TOKENS, UNET_EMOJI.context_width, device=device)
    optimiser = optimised(unet)
    while True:
        indices = torch.randint(ITEMS, (batch,), device=device)
        x0 = latents[indices]
        noise, t = torch.randn_like(x0), torch.rand(batch, device=device)
        x = torch.lerp(x0, noise, t[:, None, None, None])
        with fastest_attention(device):
            with torch.autocast(device, torch.bfloat16, enabled=precision == "bf16"):
                output = unet(x, 1000 * t, contexts[indices])
            stepped(unet, optimiser, F.mse_loss(output.float(), noise - x0))
        yield


def random_pictures() -> PictureSet:
    side = VISION_EMOJI.image_size
    pixels = torch.randint(0, 256, (ITEMS, 4, side, side), dtype=torch.uint8)
    records = tuple(Record(picture=i, concept=f"thing {i}") for i in range(ITEMS))
    return PictureSet(pictures=pixels, records=records)


def random_ids() -> Tensor:
    ids = torch.randint(1, VOCABULARY - 1, (ITEMS, TOKENS))
    ids[:, -1] = VOCABULARY - 1
    return ids


def contrastive(device: str) -> ContrastiveObjective:
    """The CLIP of the model that shipped first on random pictures, a caption each."""
    text = replace(TEXT_EMOJI, vocabulary_size=VOCABULARY, end=VOCABULARY - 1)
    clip = Clip.from_config(ClipConfig(text=text, vision=VISION_EMOJI)).to(device)
    ids = random_ids()

    def tokenize(captions: list[str]) -> tuple[Tensor, None]:
        return ids[[int(caption) for caption in captions]], None

    return ContrastiveObjective(
        clip, tokenize, random_pictures(), lambda record, chance: str(record.picture)
    )


def transformers_clip(device: str, batch: int, precision: str) -> Iterator[None]:
    import transformers

    def sizes(tower: object) -> dict[str, object]:
        names = {
            "width": "hidden_size",
            "layers": "num_hidden_layers",
            "heads": "num_attention_heads",
        }
        names |= {"mlp_width": "intermediate_size", "projection_width": "projection_dim"}
        names |= {"activation": "hidden_act"}
        return {theirs: getattr(tower, ours) for ours, theirs in names.items()}

    text = {"vocab_size": VOCABULARY, "max_position_embeddings": TEXT_EMOJI.length}
    ends = {"bos_token_id": 0, "eos_token_id": VOCABULARY - 1, "pad_token_id": 0}
    vision = {"image_size": VISION_EMOJI.image_size, "patch_size": VISION_EMOJI.patch}
    config = transformers.CLIPConfig(
        text_config={**sizes(TEXT_EMOJI), **text, **ends},
        vision_config={**sizes(VISION_EMOJI), **vision, "num_channels": 4},
        projection_dim=VISION_EMOJI.projection_width,
    )
    clip = transformers.CLIPModel(config).to(device).train()
    ids = random_ids().to(device)
    pixels = torch.rand(ITEMS, 4, VISION_EMOJI.image_size, VISION_EMOJI.image_size, device=device)
    optimiser = optimised(clip)
    while True:
        indices = torch.randint(ITEMS, (batch,), device=device)
        with torch.autocast(device, torch.bfloat16, enabled=precision == "bf16"):
            output = clip(input_ids=ids[indices], pixel_values=pixels[indices], return_loss=True)
        stepped(clip, optimiser, output.loss)
        yield


def seconds(loop: Iterator[object], steps: int, given: argparse.Namespace) -> float:
    clock = time.process_time if given.processor_time else time.perf_counter
    began = clock()
    for _ in range(steps):
        next(loop)
    if given.device == "cuda":
        torch.cuda.synchronize()
    return clock() - began


def compare(
    name: str, ours: Iterator[object], theirs: Iterator[object], given: argparse.Namespace
) -> None:
    pairs = []
    for loop in (ours, theirs):
        seconds(loop, 1, given)  # not measured: memory and kernels are found
    for _ in range(given.turns):
        pairs.append([seconds(loop, given.steps, given) for loop in (ours, theirs)])
    rates = [
        statistics.median(given.batch * given.steps / pair[i] for pair in pairs) for i in (0, 1)
    ]
    ratios = sorted(pair[1] / pair[0] for pair in pairs)
    print(
        f"{name}: {rates[0]:.1f} beside {rates[1]:.1f} pictures/s, "
        f"ratio {statistics.median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--processor-time", action="store_true")
    given = parser.parse_args()
    torch.manual_seed(0)
    how = (given.device, given.batch, given.precision)
    ours = our_loop(denoising(given.device), given.batch, given.precision)
    compare("U-Net, beside a bare loop", ours, bare_denoising(*how), given)
    ours = our_loop(contrastive(given.device), given.batch, given.precision)
    compare("CLIP, beside transformers", ours, transformers_clip(*how), given)


if __name__ == "__main__":
    main()
