"""TAESD's decoder: diffusers' numbers, in both spellings, and what is no such file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderTiny
from safetensors.torch import load_file, save_file
from tiny_pipelines import saved

import limner
from limner.checkpoints.tiny_decoder import load_tiny_decoder
from limner.data.pixels import to_picture
from limner.errors import CheckpointError
from limner.pipeline.metadata import texts

SPACE: dict[str, Any] = {"latent_channels": 4, "stride": 8}


@pytest.fixture
def theirs(tmp_path: Path) -> AutoencoderTiny:
    torch.manual_seed(1)
    tiny = AutoencoderTiny().eval()
    tiny.save_pretrained(tmp_path / "diffusers")
    return tiny


def published(folder: Path) -> Path:
    """As TAESD's own file spells it: a layer more at the beginning."""
    state = load_file(folder / "diffusers" / "diffusion_pytorch_model.safetensors")
    renamed = {}
    for name, tensor in state.items():
        kind, _, layer, *rest = name.split(".")
        if kind == "decoder":
            renamed[".".join([str(int(layer) + 1), *rest])] = tensor.contiguous()
    save_file(renamed, folder / "taesd_decoder.safetensors")
    return folder / "taesd_decoder.safetensors"


@pytest.mark.parametrize("spelling", ["diffusers", "published"])
def test_it_decodes_as_theirs(theirs: AutoencoderTiny, tmp_path: Path, spelling: str) -> None:
    file = tmp_path / "diffusers" / "diffusion_pytorch_model.safetensors"
    file = file if spelling == "diffusers" else published(tmp_path)
    ours = load_tiny_decoder(file, **SPACE)
    latent = 4 * torch.randn(2, 4, 8, 6)
    with torch.no_grad():
        wanted = theirs.decode(latent).sample
        torch.testing.assert_close(ours(latent), wanted, atol=1e-5, rtol=1e-5)
    assert wanted.std() > 1e-3


def test_a_model_paints_by_it_and_its_pictures_say_so(tmp_path: Path) -> None:
    folder = saved("sd1", tmp_path / "sd1")
    torch.manual_seed(1)
    tiny = AutoencoderTiny(
        encoder_block_out_channels=(8, 8), decoder_block_out_channels=(8, 8),
        num_encoder_blocks=(1, 2), num_decoder_blocks=(2, 1),
    ).eval()  # fmt: skip
    tiny.save_pretrained(tmp_path / "diffusers")
    painter = limner.load(folder, decoder=published(tmp_path))
    result = painter.generate("a cat", seed=1, steps=1, size=(16, 16))
    with torch.no_grad():
        wanted = tiny.decode(result.latents).sample
    assert np.array_equal(np.array(result.images[0]), np.array(to_picture(wanted[0])))
    assert "Engine: " in texts(result, 0)["parameters"]
    assert "tiny decoder" in texts(result, 0)["parameters"]


@pytest.mark.parametrize("change", ["lacks", "other", "nothing"])
def test_what_is_no_tiny_decoder(theirs: AutoencoderTiny, tmp_path: Path, change: str) -> None:
    state = load_file(published(tmp_path))
    if change == "lacks":
        del state["3.conv.0.weight"]
    if change == "other":
        state["3.conv.0.weight"] = torch.zeros(64, 64, 1, 1)
    if change == "nothing":
        state = {"a": torch.zeros(1)}
    save_file(state, tmp_path / "x.safetensors")
    with pytest.raises(CheckpointError, match="tiny decoder"):
        load_tiny_decoder(tmp_path / "x.safetensors", **SPACE)


def test_latents_of_another_model_are_refused(theirs: AutoencoderTiny, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="4 channels and stride 8; the model's have 16 and 8"):
        load_tiny_decoder(published(tmp_path), latent_channels=16, stride=8)
