"""Modules by number, as the first trainer of LoRAs wrote them: the order of diffusers' classes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from models_of_every_family import tiny_parts
from tiny_pipelines import tiny_pipeline
from torch import Tensor, nn

from limner.checkpoints import inspect
from limner.checkpoints.configs import unet_from_json
from limner.checkpoints.lora import parse_lora
from limner.errors import CheckpointError
from limner.models.unet import UNet


def inside(model: nn.Module, classes: Sequence[str]) -> list[str]:
    """The linear layers in modules of these classes, in the order in which the model has them."""
    return [
        f"{outer}.{inner}"
        for outer, module in model.named_modules()
        if type(module).__name__ in classes
        for inner, layer in module.named_modules()
        if isinstance(layer, nn.Linear)
    ]


def older(names: Sequence[str]) -> list[str]:
    """The same as diffusers had it before 0.17: a block's feed-forward between its attentions."""
    blocks: dict[str, list[str]] = {}
    for name in names:
        blocks.setdefault(name.split(".transformer_blocks.")[0], []).append(name)
    places = ("attn1", "ff", "attn2")

    def place(name: str) -> int:
        return next(n for n, each in enumerate(places) if f".{each}." in name)

    return [name for block in blocks.values() for name in sorted(block, key=place)]


def numbered(part: str, model: nn.Module, names: Sequence[str]) -> dict[str, Tensor]:
    tensors = {}
    for number, name in enumerate(names):
        out, into = model.get_submodule(name).weight.shape
        tensors[f"{part}:{number}:up"] = torch.full((out, 2), float(number))
        tensors[f"{part}:{number}:down"] = torch.ones(2, into)
    return tensors


@pytest.mark.parametrize("order", [list, older])
def test_numbers_are_those_of_diffusers(order) -> None:
    theirs = tiny_pipeline("sd1").unet
    models = {"unet": UNet(unet_from_json(dict(theirs.config)))}
    names = order(inside(theirs, ("Attention", "GEGLU")))
    assert len(names) == 9 * 4  # blocks: two on each side of attention, one in the middle
    lora = parse_lora(numbered("unet", theirs, names), models)
    found = {name: update.up[0, 0].item() for name, update in lora.updates.items()}
    assert found == {f"unet.{name}": number for number, name in enumerate(names)}
    assert lora.unmatched == ()


def test_numbers_of_the_text_encoder_are_those_of_transformers() -> None:
    theirs = tiny_pipeline("sd1").text_encoder
    models = {"text_encoder": tiny_parts("sd1").text_encoder}
    names = [n for n in inside(theirs, ("CLIPAttention",)) if ".layers.2." not in n]
    lora = parse_lora(numbered("text_encoder", theirs, names), models)
    found = {name: update.up[0, 0].item() for name, update in lora.updates.items()}
    assert [name.split(".")[-1] for name in names[:4]] == ["k_proj", "v_proj", "q_proj", "out_proj"]
    assert found == {
        f"text_encoder.text_model.{name.removeprefix('text_model.')}": number
        for number, name in enumerate(names)
    }


def test_numbers_of_another_model_are_refused() -> None:
    models = tiny_parts("sd1").adaptable
    pair = {"unet:0:up": torch.ones(32, 2), "unet:0:down": torch.ones(2, 32)}
    with pytest.raises(CheckpointError, match="its 1 numbered modules of unet do not fit here"):
        parse_lora(pair, models)
    with pytest.raises(CheckpointError, match="numbered modules of text_encoder do not fit"):
        parse_lora({"text_encoder:0:up": torch.ones(32, 2)}, {"unet": models["unet"]})


def test_a_file_of_numbers_is_a_lora(tmp_path) -> None:
    from safetensors.torch import save_file

    save_file({"unet:0:up": torch.ones(3, 2), "unet:0:down": torch.ones(2, 3)}, tmp_path / "x")
    assert inspect(tmp_path / "x").kind == "lora"
