"""What the modules of a model are called in LoRA files.

A table is made forwards, from our modules to every spelling in use; backwards it would be
ambiguous where dots were written as underscores.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from torch import nn

from limner.checkpoints.families import FAMILIES, LIMNER, SDXL, Family, family_of_config
from limner.checkpoints.families.places import LDM_UNET
from limner.checkpoints.keymaps import Table, find
from limner.models.unet import UNetConfig
from limner.nn.adapter import Adaptable
from limner.nn.offsets import Norm

# The parts of a model by their folder names: diffusers' prefixes too.
Models = Mapping[str, nn.Module]

# LyCORIS's wrapper names whatever it is given by one prefix.
LYCORIS_PREFIX = "lycoris_"
COMFY_PREFIXES = {
    "unet": ("diffusion_model.", "model.diffusion_model."),
    "transformer": ("diffusion_model.", "model.diffusion_model."),
    **{
        part: tuple(
            f"{before}{clip}.{after}"
            for before in ("", "text_encoders.")
            for after in ("transformer.", "")
        )
        for part, clip in (("text_encoder", "clip_l"), ("text_encoder_2", "clip_g"))
    },
}
# The names of a module within an attention in diffusers' first spelling, `processor.to_q_lora`.
PROCESSOR_NAMES = {
    **{"to_q": "to_q", "to_k": "to_k", "to_v": "to_v", "to_out.0": "to_out"},
    **{"q_proj": "to_q", "k_proj": "to_k", "v_proj": "to_v", "out_proj": "to_out"},
}


def adaptable(models: Models) -> dict[str, Adaptable]:
    """The modules that can have a low-rank update, as "unet.mid_block.attentions.0.proj_in"."""
    return {
        f"{part}.{name}": module
        for part, model in models.items()
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d)
    }


def shiftable(models: Models) -> dict[str, Adaptable | Norm]:
    """The modules that a file can say anything of: those of `adaptable`, and norms."""
    return {
        f"{part}.{name}": module
        for part, model in models.items()
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d | nn.LayerNorm | nn.GroupNorm)
    }


def names_in_files(models: Models) -> dict[str, str]:
    """Every spelling of every such module -> its name in `shiftable`.

    A spelling without the part's name means the first part that has such a module.
    """
    table: dict[str, str] = {}
    for full in shiftable(models):
        for spelling in (
            *kohya_names(models, full),
            *diffusers_names(full),
            *comfy_names(models, full),
        ):
            table.setdefault(spelling, full)
    return table


def comfy_names(models: Models, full: str) -> Iterator[str]:
    """Dotted names of ComfyUI: a U-Net's by LDM's numbers or diffusers', the towers' by CLIP's."""
    part, name = full.split(".", 1)
    others = [other] if (other := ldm_name(models, full)) else []
    bare = name.removeprefix("text_model.")
    for prefix in COMFY_PREFIXES.get(part, ()):
        yield from (prefix + each for each in dict.fromkeys((name, bare, *others)))


def kohya_names(models: Models, full: str) -> Iterator[str]:
    """`lora_unet_...`, by diffusers' names of the blocks and, for a U-Net, by LDM's."""
    part, name = full.split(".", 1)
    others = [other] if (other := ldm_name(models, full)) else []
    for prefix in (*kohya_prefixes(part), LYCORIS_PREFIX):
        yield from (prefix + each.replace(".", "_") for each in (name, *others))


def written_by_kohya(models: Models, full: str) -> str:
    """The one of `kohya_names` that kohya's trainer writes for a model of this family."""
    part, name = full.split(".", 1)
    family = family_of_models(models)
    other = ldm_name(models, full) if family.lora_numbers else None
    return family.lora_prefixes[part][0] + (other or name).replace(".", "_")


@cache
def kohya_prefixes(part: str) -> tuple[str, ...]:
    """How the names of a part begin, in all families' files."""
    prefixes = [family.lora_prefixes.get(part, ()) for family in reversed([*FAMILIES.values()])]
    return tuple(dict.fromkeys(prefix for each in prefixes for prefix in each))


def family_of_models(models: Models) -> Family:
    """The family of the model whose parts these are."""
    if "text_encoder_2" in models:
        return SDXL
    denoiser: Any = models.get("unet")
    return LIMNER if denoiser is None else family_of_config(denoiser.config)


def ldm_name(models: Models, full: str) -> str | None:
    """A module of a U-Net by the original release's numbers, as "input_blocks.1.1.proj_in"."""
    part, name = full.split(".", 1)
    if part != "unet":
        return None
    unet: Any = models[part]
    source = find(name, ldm_table(unet.config))
    return None if source is None else source.name


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


@cache
def ldm_table(config: UNetConfig) -> Table:
    """A U-Net's modules by the numbers of the original release."""
    return LDM_UNET.table(*LDM_UNET.skeleton_of(config))
