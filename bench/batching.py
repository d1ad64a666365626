"""Pictures a second of mixed requests painted together, beside the same one after the other.

python bench/batching.py --turns 5

The requests differ in prompt, seed, guidance, solver and steps. Together they go through
`painter.paint_many`, which joins their rows to shared calls; both ways take turns in one process.
The first model is the shipped one, the second has the shape of Stable Diffusion at a small size,
with random weights.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch

import limner
from limner import Request
from limner.checkpoints import Parts, Sampling
from limner.diffusion.prediction import Epsilon
from limner.diffusion.process import DiscreteDiffusion
from limner.models.autoencoder import Autoencoder, AutoencoderConfig
from limner.models.clip import TextTower, TextTowerConfig
from limner.models.unet import UNet, UNetConfig
from limner.text.tokenizer import Tokenizer

COUNTS = (1, 2, 4, 8, 16)
THINGS = ("a red apple, 3d", "a ghost, noto", "a cat, flat", "a dog, blob", "a pizza, twemoji")
SOLVERS = ("dpmpp_2m", "euler", "ddim", "euler_ancestral")


def mixed(count: int) -> list[Request]:
    """Requests of 8 to 12 calls each, no two alike."""
    return [
        Request(
            prompt=THINGS[index % len(THINGS)],
            seed=index,
            steps=8 + index % 5,
            solver=SOLVERS[index % len(SOLVERS)],
            guidance=2.0 + index % 3,
        )
        for index in range(count)
    ]


def small_sd() -> limner.Painter:
    """Stable Diffusion 1 in small, with latents of 32x32 and random weights."""
    torch.manual_seed(0)
    tokenizer = Tokenizer.clip()
    tower = TextTower(TextTowerConfig(width=256, layers=4, heads=4, mlp_width=1024))
    unet = UNet(UNetConfig(channels=(64, 128, 256, 256), heads=4, context_width=256))
    autoencoder = Autoencoder(AutoencoderConfig(in_channels=3, channels=(32, 64, 64, 64)))
    parts = Parts(
        tokenizer=tokenizer,
        text_encoder=tower,
        denoiser=unet,
        autoencoder=autoencoder,
        process=DiscreteDiffusion(),
        prediction=Epsilon(),
        sampling=Sampling(size=(256, 256), schedule="leading"),
        words=None,
    )
    return limner.Painter(parts)


def seconds(painter: limner.Painter, requests: list[Request], *, together: bool) -> float:
    began = time.perf_counter()
    if together:
        results = list(painter.paint_many(requests))
    else:
        results = [painter.paint(request) for request in requests]
    assert len(results) == len(requests)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--counts", type=int, nargs="+", default=list(COUNTS))
    given = parser.parse_args()
    models = {"shipped": limner.load(device="cpu"), "small SD": small_sd()}
    for name, painter in models.items():
        seconds(painter, mixed(2), together=True)  # what is done once is done
        for count in given.counts:
            requests = mixed(count)
            turns = [
                (
                    seconds(painter, requests, together=True),
                    seconds(painter, requests, together=False),
                )
                for _ in range(given.turns)
            ]
            both, alone = (statistics.median(times) for times in zip(*turns, strict=True))
            ratio = statistics.median(one / other for other, one in turns)
            print(
                f"{name}, {count} requests: {count / both:.2f} pictures/s together, "
                f"{count / alone:.2f} one after the other, ratio {ratio:.2f}"
            )


if __name__ == "__main__":
    main()
