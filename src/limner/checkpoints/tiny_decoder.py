"""Files of tiny decoders: as diffusers has them, and as TAESD was published."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from limner.checkpoints.reader import Weights, open_weights
from limner.errors import CheckpointError
from limner.files import whole_file
from limner.models.tiny_decoder import TinyDecoder, TinyDecoderConfig

DIFFUSERS = re.compile(r"decoder\.layers\.(\d+)\.(.+)")
ALONE = re.compile(r"layers\.(\d+)\.weight")
PUBLISHED = re.compile(r"(?:decoder\.)?(\d+)\.(.+)")  # the bending of the latents is layer 0 there


def load_tiny_decoder(
    path: Path,
    *,
    latent_channels: int,
    stride: int,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> TinyDecoder:
    """The decoder of a safetensors file; of a whole autoencoder that alone is read.

    latent_channels, stride: of the model whose latents it is for. Raises CheckpointError where the
    file holds no such decoder, or one for other latents.
    """
    weights = open_weights(path)
    names = _names(weights)
    config = _config(path, weights, names)
    if (config.latent_channels, config.stride) != (latent_channels, stride):
        raise CheckpointError(
            f"{path} decodes latents of {config.latent_channels} channels and stride "
            f"{config.stride}; the model's have {latent_channels} and {stride}"
        )
    with torch.device("meta"):
        decoder = TinyDecoder(config)
    _check(path, decoder, weights, names)
    state = {ours: weights.get(theirs, dtype, device) for ours, theirs in names.items()}
    decoder.load_state_dict(state, assign=True)
    return decoder.eval().requires_grad_(False)


def save_tiny_decoder(decoder: TinyDecoder, path: Path) -> None:
    """Write a decoder as diffusers has those of an `AutoencoderTiny`."""
    weights = decoder.state_dict().items()
    state = {f"decoder.{name}": weight.detach().cpu().contiguous() for name, weight in weights}
    with whole_file(path) as partial:
        save_file(state, partial, metadata={"format": "pt"})


def _config(path: Path, weights: Weights, names: dict[str, str]) -> TinyDecoderConfig:
    """The sizes, by the convolutions that stand alone: the first, one behind each upsampling,
    and the last; the blocks lie between them."""
    alone = sorted(int(found[1]) for name in names if (found := ALONE.fullmatch(name)))
    shapes = [weights.entries[names[f"layers.{place}.weight"]].shape for place in alone]
    if len(alone) < 3 or alone[0] != 0 or any(len(shape) != 4 for shape in shapes):
        raise CheckpointError(
            f"{path} holds no tiny decoder: TAESD's file, or diffusers' of an AutoencoderTiny, is "
            "right"
        )
    gaps = [after - before for before, after in pairwise(alone)]
    # An activation lies behind the first, an upsampling before each but the last.
    blocks = (gaps[0] - 3, *(gap - 2 for gap in gaps[1:-1]), gaps[-1] - 1)
    return TinyDecoderConfig(
        latent_channels=shapes[0][1], out_channels=shapes[-1][0], width=shapes[0][0], blocks=blocks
    )


def _names(weights: Weights) -> dict[str, str]:
    """Our name of each tensor of the decoder -> its name in the file."""
    theirs = {name: DIFFUSERS.fullmatch(name) for name in weights.entries}
    if any(theirs.values()):
        return {f"layers.{m[1]}.{m[2]}": name for name, m in theirs.items() if m}
    published = {name: PUBLISHED.fullmatch(name) for name in weights.entries}
    return {f"layers.{int(m[1]) - 1}.{m[2]}": name for name, m in published.items() if m}


def _check(path: Path, decoder: nn.Module, weights: Weights, names: dict[str, str]) -> None:
    expected = {name: tuple(tensor.shape) for name, tensor in decoder.state_dict().items()}
    found = {ours: weights.entries[theirs].shape for ours, theirs in names.items()}
    if wrong := sorted(
        n for n in expected.keys() | found.keys() if expected.get(n) != found.get(n)
    ):
        raise CheckpointError(
            f"{path} is no whole tiny decoder: {wrong[0]} is {found.get(wrong[0], 'missing')}, "
            f"{expected.get(wrong[0], 'nothing')} is right"
        )
