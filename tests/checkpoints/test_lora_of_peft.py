"""What peft writes of a module, read by what its files and its configuration say."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from models_of_every_family import tiny_parts
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file
from torch import nn

from limner.checkpoints.lora import read_lora
from limner.errors import CheckpointError

LINEAR = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_out.0"
KERNEL = "down_blocks.0.resnets.0.conv1"
OFT = {"oft_block_size": 8, "r": 0}

# fmt: off
KINDS: list[tuple[str, dict[str, Any]]] = [
    ("Lora", {"r": 4, "lora_alpha": 2}),
    ("Lora", {"r": 4, "lora_alpha": 2, "use_rslora": True}),
    ("Lora", {"r": 4, "lora_alpha": 2, "use_dora": True}),
    ("Lora", {"r": 4, "lora_alpha": 2, "lora_bias": True}),
    ("LoHa", {"r": 4, "alpha": 2}),
    ("LoHa", {"r": 4, "alpha": 2, "use_effective_conv2d": True}),
    ("LoKr", {"r": 4, "alpha": 2}),
    ("LoKr", {"r": 4, "alpha": 2, "use_effective_conv2d": True}),
    ("LoKr", {"r": 1, "alpha": 2, "decompose_both": True}),
    ("LoKr", {"r": 64, "alpha": 2}),  # two whole factors, and a scale all the same
    ("OFT", OFT), ("OFT", {**OFT, "use_cayley_neumann": False}),
    ("OFT", {**OFT, "num_cayley_neumann_terms": 3}),
    ("OFT", {**OFT, "num_cayley_neumann_terms": 8}),
    ("OFT", {**OFT, "block_share": True}), ("OFT", {**OFT, "coft": True, "eps": 0.3}),
    ("BOFT", {"boft_block_size": 8}),
]
# fmt: on


def own(name: str) -> nn.Module:
    return tiny_parts("sd1").denoiser.get_submodule(name)


def written(folder: Path, name: str, kind: str, options: dict[str, Any]) -> nn.Module:
    """Writes a random adapter of a copy of a module as peft does, and returns the merged copy."""
    layer, theirs = own(name), nn.Sequential()
    bias = layer.bias is not None
    again: nn.Module = nn.Linear(layer.weight.shape[1], len(layer.weight), bias=bias)
    if isinstance(layer, nn.Conv2d):
        again = nn.Conv2d(layer.in_channels, layer.out_channels, 3, padding=1, bias=bias)
    again.load_state_dict(layer.state_dict())
    theirs.add_module("m", again)
    config = getattr(peft, f"{kind}Config")(target_modules=["m"], **options)
    torch.manual_seed(1)
    model = peft.get_peft_model(theirs, config)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.add_(0.2 * torch.randn_like(parameter))
    state = get_peft_model_state_dict(model)
    keys = {key.replace("model.m.", f"model.{name}."): t.clone() for key, t in state.items()}
    save_file(keys, folder / "adapter_model.safetensors")
    said = {k: v for k, v in config.to_dict().items() if not isinstance(v, set)}
    (folder / "adapter_config.json").write_text(json.dumps(said, default=str), encoding="utf-8")
    return model.merge_and_unload().m


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", [LINEAR, KERNEL])
@pytest.mark.parametrize(("kind", "options"), KINDS)
@torch.no_grad()
def test_a_kind_of_peft_is_what_it_merges(
    tmp_path: Path, name: str, kind: str, options: dict[str, Any]
) -> None:
    merged = written(tmp_path, name, kind, options)
    parts = {"unet": copy.deepcopy(tiny_parts("sd1").denoiser)}
    lora = read_lora(tmp_path / "adapter_model.safetensors", parts)
    assert lora.unmatched == ()
    layer = parts["unet"].get_submodule(name)
    before = {key: value.clone() for key, value in layer.state_dict().items()}
    assert (merged.weight - layer.weight).abs().max() > 1e-3
    adapter = lora.adapter(parts)
    adapter.merge()
    torch.testing.assert_close(layer.weight, merged.weight, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(layer.bias, merged.bias, atol=1e-5, rtol=1e-5)
    adapter.detach()
    for key, value in layer.state_dict().items():
        assert torch.equal(value, before[key])


@torch.no_grad()
def test_boft_of_several_stages_is_refused(tmp_path: Path) -> None:
    name = f"base_model.model.{LINEAR}"
    tensors = {f"{name}.boft_R": torch.zeros(2, 4, 8, 8), f"{name}.boft_s": torch.ones(32, 1)}
    save_file(tensors, tmp_path / "x.safetensors")
    with pytest.raises(CheckpointError, match="BOFT of 2 stages in peft's order: 1 is right"):
        read_lora(tmp_path / "x.safetensors", {"unet": tiny_parts("sd1").denoiser})


def test_a_configuration_of_loha_needs_its_rank(tmp_path: Path) -> None:
    pieces = {"w1_a": (32, 2), "w1_b": (2, 32), "w2_a": (32, 2), "w2_b": (2, 32)}
    name = f"base_model.model.{LINEAR}"
    file = tmp_path / "adapter_model.safetensors"
    save_file({f"{name}.hada_{p}": torch.ones(shape) for p, shape in pieces.items()}, file)
    (tmp_path / "adapter_config.json").write_text('{"peft_type": "LOHA"}', encoding="utf-8")
    with pytest.raises(CheckpointError, match="r is missing"):
        read_lora(file, {"unet": tiny_parts("sd1").denoiser})
