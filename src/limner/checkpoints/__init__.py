"""Model folders: diffusers' layout on the disk, Limner's modules in memory."""

from limner.checkpoints.folder import ModelFolder, Parts, load_folder, save_folder, ship
from limner.checkpoints.settings import Sampling, Words

__all__ = ["ModelFolder", "Parts", "Sampling", "Words", "load_folder", "save_folder", "ship"]
