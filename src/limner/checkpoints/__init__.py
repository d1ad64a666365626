"""Checkpoints on the disk, Limner's modules in memory: diffusers' folders and single files."""

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
from limner.checkpoints.single_file import load_autoencoder, load_single_file
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
    "load_autoencoder",
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
]
