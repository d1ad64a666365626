"""The parts for restyling, which stand beside a model's own: loading them, and whether they fit."""

from __future__ import annotations

from typing import Any

import torch

from limner.checkpoints.folder import ModelFolder
from limner.errors import CheckpointError, UsageError
from limner.models.content import ContentConfig

CONTENT, STYLE = "content_encoder", "style_namer"
MEANT_FOR = ("picture_channels", "stride", "channels", "context_width")


def load_branches(
    folder: ModelFolder, *, dtype: torch.dtype | None = None, device: torch.device | str = "cpu"
) -> dict[str, Any]:
    """The content branch and the style namer of a folder by name, those that it has.

    Raises CheckpointError where the branch was made for another U-Net, autoencoder or text tower.
    """
    found = [part for part in (CONTENT, STYLE) if folder.has(part)]
    if CONTENT in found:
        check_fit(folder.config(CONTENT), folder)
    return {part: folder.load(part, dtype=dtype, device=device) for part in found}


def check_fit(config: ContentConfig, folder: ModelFolder) -> None:
    """Raises CheckpointError where a content branch is not for the other parts of its folder."""
    asked = asked_of(folder)
    for field in MEANT_FOR:
        own, wanted = getattr(config, field), getattr(asked, field)
        if own != wanted:
            raise CheckpointError(
                f"{folder.place(CONTENT)} is for a model with {field} {own}; "
                f"this one's is {wanted}: another {CONTENT} is right, or none"
            )


def asked_of(folder: ModelFolder) -> ContentConfig:
    """The sizes that a model asks of its content branch."""
    if not folder.has("unet"):
        raise CheckpointError(f"{folder.path} takes no {CONTENT}: only a U-Net does")
    unet = folder.config("unet")
    channels, stride = unet.in_channels, 1
    if folder.has("vae"):
        autoencoder = folder.config("vae")
        channels, stride = autoencoder.in_channels, autoencoder.space.stride
    try:
        return ContentConfig.of(unet, picture_channels=channels, stride=stride)
    except UsageError as error:
        raise CheckpointError(f"{folder.path} takes no {CONTENT}: {error}") from None
