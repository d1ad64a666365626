"""Checkpoints on the disk, Limner's modules in memory: diffusers' folders and single files."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from limner.checkpoints.conversion import convert
    from limner.checkpoints.folder import ModelFolder
    from limner.checkpoints.parts import Parts
    from limner.checkpoints.report import Report, inspect
    from limner.checkpoints.settings import Sampling, Words
    from limner.checkpoints.shipping import (
        ship,
        ship_branches,
        ship_denoiser,
        ship_loras,
        ship_naming,
        ship_style_namer,
        ship_upscaler,
    )
    from limner.checkpoints.single_file import load_single_file, with_autoencoder
    from limner.checkpoints.single_file_saving import save_single_file
    from limner.checkpoints.whole_folder import load_folder, save_folder

__all__ = [
    "ModelFolder",
    "Parts",
    "Report",
    "Sampling",
    "Words",
    "convert",
    "inspect",
    "load_folder",
    "load_single_file",
    "save_folder",
    "save_single_file",
    "ship",
    "ship_branches",
    "ship_denoiser",
    "ship_loras",
    "ship_naming",
    "ship_style_namer",
    "ship_upscaler",
    "with_autoencoder",
]

_PLACES = {
    "ModelFolder": "limner.checkpoints.folder",
    "Parts": "limner.checkpoints.parts",
    "Report": "limner.checkpoints.report",
    "Sampling": "limner.checkpoints.settings",
    "Words": "limner.checkpoints.settings",
    "convert": "limner.checkpoints.conversion",
    "inspect": "limner.checkpoints.report",
    "load_folder": "limner.checkpoints.whole_folder",
    "load_single_file": "limner.checkpoints.single_file",
    "save_folder": "limner.checkpoints.whole_folder",
    "save_single_file": "limner.checkpoints.single_file_saving",
    "ship": "limner.checkpoints.shipping",
    "ship_branches": "limner.checkpoints.shipping",
    "ship_denoiser": "limner.checkpoints.shipping",
    "ship_loras": "limner.checkpoints.shipping",
    "ship_naming": "limner.checkpoints.shipping",
    "ship_style_namer": "limner.checkpoints.shipping",
    "ship_upscaler": "limner.checkpoints.shipping",
    "with_autoencoder": "limner.checkpoints.single_file",
}


def __getattr__(name: str) -> Any:
    """Each name is imported when first asked for (PEP 562): a folder needs no single file."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
