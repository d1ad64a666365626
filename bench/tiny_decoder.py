"""A tiny decoder beside the model's own: what of held-out pictures is left, and seconds.

python bench/tiny_decoder.py runs/tiny/run/model/tiny_decoder.safetensors --turns 20

PSNR where a picture has anything at all (alpha above 0), of pictures that no training has seen,
as large as the model paints and encoded by it. Seconds are the least of one picture's, in turns.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from nearest_judge import emoji_of

import limner
from limner.data.pixels import to_bytes, to_model_range
from limner.engine.decoding import LatentDecoder
from limner.engine.timing import least
from limner.evaluate.metrics import psnr


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("decoder", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--turns", type=int, default=20)
    given = parser.parse_args()
    painter = limner.load(given.model, device="cpu", decoder=given.decoder)
    autoencoder, tiny = painter.parts.autoencoder, painter.engine.decoder
    own = LatentDecoder(autoencoder)
    data = emoji_of(painter).held_out
    pixels = data.to_float(range(len(data)))
    latents = autoencoder.space.normalise(autoencoder.encode(pixels).mode())
    there = (pixels[:, 3:] > -1).expand_as(pixels)
    for name, decode in (("the model's own", own), ("tiny", tiny)):
        found = to_model_range(to_bytes(decode(latents).pixels))
        error = (found - pixels)[there].square().mean()
        decibel = -10 * torch.log10(error / 4).item()  # pixels are 2 apart at most
        whole = psnr(found, pixels)
        print(f"{name}: {decibel:.2f} dB where alpha is above 0, {whole:.2f} dB in all")
    first = latents[:1]
    seconds = least((own, tiny), (first,), given.turns)
    print(f"one picture: {1000 * seconds[0]:.1f} ms, tiny {1000 * seconds[1]:.1f} ms")


if __name__ == "__main__":
    main()
