"""What the modules of a model are called in LoRA files.

A table is made forwards, from our modules to every spelling in use; backwards it would be
ambiguous where dots were written as underscores.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from torch import nn

from limner.models.unet import UNet, UNetConfig
from limner.nn.adapter import Adaptable

# The parts of a model by their folder names: diffusers' prefixes too.
Models = Mapping[str, nn.Module]

KOHYA_PREFIXES = {
    "unet": ("lora_unet_",),
    "transformer": ("lora_unet_", "lora_transformer_"),
    "text_encoder": ("lora_te_", "lora_te1_"),
    "text_encoder_2": ("lora_te2_",),
}
# The names of a module within an attention in diffusers' first spelling, `processor.to_q_lora`.
PROCESSOR_NAMES = {
    **{"to_q": "to_q", "to_k": "to_k", "to_v": "to_v", "to_out.0": "to_out"},
    **{"q_proj": "to_q", "k_proj": "to_k", "v_proj": "to_v", "out_proj": "to_out"},
}
RESIDUAL_TO_LDM = {
    "conv1": "in_layers.2",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}
OUTSIDE_BLOCKS_TO_LDM = {
    "conv_in": "input_blocks.0.0",
    "conv_out": "out.2",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
}
BLOCK = re.compile(r"(down|mid|up)_blocks?\.(?:(\d+)\.)?(\w+)\.(\d+)\.(.+)")


def adaptable(models: Models) -> dict[str, Adaptable]:
    """The modules that can have a low-rank update, as "unet.mid_block.attentions.0.proj_in"."""
    return {
        f"{part}.{name}": module
        for part, model in models.items()
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d)
    }


def names_in_files(models: Models) -> dict[str, str]:
    """Every spelling of every adaptable module -> its name in `adaptable`.

    A spelling without the part's name means the first part that has such a module.
    """
    table: dict[str, str] = {}
    for full in adaptable(models):
        for spelling in (*kohya_names(models, full), *diffusers_names(full)):
            table.setdefault(spelling, full)
    return table


def kohya_names(models: Models, full: str) -> Iterator[str]:
    """`lora_unet_...`, by diffusers' names of the blocks and, for a U-Net, by LDM's."""
    part, name = full.split(".", 1)
    model = models[part]
    for prefix in KOHYA_PREFIXES[part]:
        yield prefix + name.replace(".", "_")
        if isinstance(model, UNet):
            yield prefix + ldm_name(name, model.config).replace(".", "_")


def diffusers_names(full: str) -> Iterator[str]:
    """`unet....to_q`, with `processor.` in the first spelling, and without `unet.` as in peft."""
    part, name = full.split(".", 1)
    names = {name, *processor_name(name)}
    names |= {name.removeprefix("text_model.") for name in names}
    for prefix in (f"{part}.", "", "base_model.model."):
        yield from (prefix + name for name in sorted(names))


def processor_name(name: str) -> Iterator[str]:
    """`attn1.processor.to_q` of a projection of an attention; nothing of another module."""
    for own, old in PROCESSOR_NAMES.items():
        if name.endswith("." + own):
            parent = name.removesuffix(own)
            yield parent + old if "self_attn" in parent else f"{parent}processor.{old}"


def ldm_name(name: str, config: UNetConfig) -> str:
    """A module of a U-Net by the numbers of the original release, as "input_blocks.1.1.proj_in"."""
    match = BLOCK.fullmatch(name)
    if match is None:
        return OUTSIDE_BLOCKS_TO_LDM[name]
    way, block, kind, index, inner = match.groups()
    inner = RESIDUAL_TO_LDM[inner] if kind == "resnets" else inner
    layers, place = config.layers_per_block + 1, int(index)
    slot = {"resnets": 0, "attentions": 1}
    if way == "mid":
        return f"middle_block.{2 * place if kind == 'resnets' else 1}.{inner}"
    if kind == "downsamplers":
        return f"input_blocks.{layers * (int(block) + 1)}.0.op"
    if kind == "upsamplers":
        has_attention = config.attention_depth[-1 - int(block)] > 0
        return f"output_blocks.{layers * (int(block) + 1) - 1}.{2 if has_attention else 1}.conv"
    if way == "down":
        return f"input_blocks.{layers * int(block) + place + 1}.{slot[kind]}.{inner}"
    return f"output_blocks.{layers * int(block) + place}.{slot[kind]}.{inner}"
