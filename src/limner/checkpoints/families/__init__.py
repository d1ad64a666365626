"""The families of models: one description each, in a file of its own."""

from __future__ import annotations

from collections.abc import Mapping

from limner.checkpoints.families.family import Family
from limner.checkpoints.families.limner import LIMNER
from limner.checkpoints.families.sd1 import SD1
from limner.checkpoints.families.sd2 import SD2
from limner.checkpoints.families.sdxl import REFINER_MARKER, SDXL
from limner.checkpoints.kinds import OTHERS, FileKind
from limner.diffusion.process import Process, RectifiedFlow
from limner.models.dit import DiT, DiTConfig
from limner.models.unet import UNet, UNetConfig

__all__ = [
    "FAMILIES",
    "LIMNER",
    "SD1",
    "SD2",
    "SDXL",
    "SINGLE_FILES",
    "Family",
    "denoiser_of",
    "description",
    "family_of_config",
    "family_of_model",
    "kind_by_marker",
]

# By name; the sure marks of the first ones come before the more general of the later.
FAMILIES: Mapping[str, Family] = {family.name: family for family in (SDXL, SD2, SD1, LIMNER)}
SINGLE_FILES: Mapping[str, Family] = {
    name: family for name, family in FAMILIES.items() if family.places
}
_MARKERS = (
    (SDXL.marker, FileKind.SDXL),
    (REFINER_MARKER, FileKind.REFINER),
    (SD2.marker, FileKind.SD2),
    (SD1.marker, FileKind.SD1),
)


def denoiser_of(config: UNetConfig | DiTConfig) -> UNet | DiT:
    """A new network of that shape."""
    return DiT(config) if isinstance(config, DiTConfig) else UNet(config)


def family_of_config(config: UNetConfig | DiTConfig) -> Family:
    """The family of a denoiser by its sizes: a U-Net's as Stable Diffusion has it."""
    if isinstance(config, DiTConfig):
        return LIMNER
    if config.pooled_width is not None:
        return SDXL
    return SD2 if config.linear_projection else SD1


def family_of_model(config: UNetConfig | DiTConfig, process: Process) -> Family:
    """The family of a whole model; Stable Diffusion has no flow."""
    return LIMNER if isinstance(process, RectifiedFlow) else family_of_config(config)


def kind_by_marker(names: Mapping[str, object]) -> FileKind | None:
    """The whole model that a file's names tell of for sure."""
    for marker, kind in _MARKERS:
        if marker is not None and any(name.startswith(marker) for name in names):
            return kind
    return None


def description(kind: str) -> str:
    """What a file of that kind is, in words."""
    family = FAMILIES.get(kind)
    return OTHERS[FileKind(kind)] if family is None else family.description
