"""Parts of a model that lie in a file of their own."""

from __future__ import annotations

from collections.abc import Mapping

from limner.checkpoints.families.places import (
    AUTOENCODER_PLACE,
    CLIP_TEXT,
    DIFFUSERS_AUTOENCODER,
    DIFFUSERS_UNET,
    LDM_AUTOENCODER,
    LDM_UNET,
    OPEN_CLIP,
    Place,
)
from limner.checkpoints.kinds import FileKind

# fmt: off
# The first whose marker is there.
ALONE: Mapping[FileKind, tuple[tuple[str, Place], ...]] = {
    FileKind.UNET: (
        ("input_blocks.0.0.weight", Place(part="denoiser", prefix="", naming=LDM_UNET)),
        ("down_blocks.0.resnets.0.conv1.weight", Place(part="denoiser", prefix="", naming=DIFFUSERS_UNET)),  # noqa: E501
    ),
    FileKind.AUTOENCODER: (
        ("first_stage_model.decoder.conv_in.weight", AUTOENCODER_PLACE),
        ("vae.decoder.up.0.block.0.conv1.weight", Place(part="autoencoder", prefix="vae.", naming=LDM_AUTOENCODER)),  # noqa: E501
        ("decoder.up.0.block.0.conv1.weight", Place(part="autoencoder", prefix="", naming=LDM_AUTOENCODER)),  # noqa: E501
        ("decoder.up_blocks.0.resnets.0.conv1.weight", Place(part="autoencoder", prefix="", naming=DIFFUSERS_AUTOENCODER)),  # noqa: E501
    ),
    FileKind.TEXT_ENCODER: (
        ("text_model.embeddings.token_embedding.weight", Place(part="text_encoder", prefix="", naming=CLIP_TEXT)),  # noqa: E501
        ("embeddings.token_embedding.weight", Place(part="text_encoder", prefix="", naming=CLIP_TEXT)),  # noqa: E501
        ("transformer.resblocks.0.ln_1.weight", Place(part="text_encoder", prefix="", naming=OPEN_CLIP)),  # noqa: E501
    ),
}
# fmt: on
