"""Model folders: diffusers' layout on the disk, Limner's modules in memory."""

from limner.checkpoints.folder import ModelFolder, Parts, Sampling, Words, load_folder, ship

__all__ = ["ModelFolder", "Parts", "Sampling", "Words", "load_folder", "ship"]
