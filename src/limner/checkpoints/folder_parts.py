"""How each sort of part lies in a model folder: its name there, its class, its files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from limner.checkpoints import configs, weights
from limner.models.autoencoder import Autoencoder
from limner.models.clip import TextTower, VisionTower, image_tower
from limner.models.clip_resnet import ResNetTower
from limner.models.content import ContentEncoder
from limner.models.dit import DiT
from limner.models.style import StyleNamer
from limner.models.unet import UNet
from limner.models.upscaler import Upscaler


@dataclass(frozen=True, kw_only=True)
class Kind:
    """How one sort of part lies in a folder."""

    folder: str
    library: str
    name: str
    stem: str
    module: Callable[[Any], nn.Module]
    to_json: Callable[[Any], dict[str, Any]]
    from_json: Callable[[Mapping[str, Any]], Any]
    spelling: weights.Spelling = weights.PLAIN


# fmt: off
DIFFUSERS, TRANSFORMERS = "diffusion_pytorch_model", "model"
TEXT_ENCODER = Kind(folder="text_encoder", library="transformers", name="CLIPTextModel", stem=TRANSFORMERS, module=TextTower, to_json=configs.text_to_json, from_json=configs.text_from_json, spelling=weights.TEXT)  # noqa: E501
KINDS = (
    Kind(folder="unet", library="diffusers", name="UNet2DConditionModel", stem=DIFFUSERS, module=UNet, to_json=configs.unet_to_json, from_json=configs.unet_from_json),  # noqa: E501
    Kind(folder="transformer", library="limner", name="DiT", stem=DIFFUSERS, module=DiT, to_json=configs.dit_to_json, from_json=configs.dit_from_json),  # noqa: E501
    Kind(folder="vae", library="diffusers", name="AutoencoderKL", stem=DIFFUSERS, module=Autoencoder, to_json=configs.autoencoder_to_json, from_json=configs.autoencoder_from_json, spelling=weights.AUTOENCODER),  # noqa: E501
    TEXT_ENCODER,
    replace(TEXT_ENCODER, folder="text_encoder_2", name="CLIPTextModelWithProjection"),
    Kind(folder="image_encoder", library="transformers", name="CLIPVisionModelWithProjection", stem=TRANSFORMERS, module=image_tower, to_json=configs.vision_to_json, from_json=configs.vision_from_json),  # noqa: E501
    Kind(folder="content_encoder", library="limner", name="ContentEncoder", stem=DIFFUSERS, module=ContentEncoder, to_json=configs.content_to_json, from_json=configs.content_from_json),  # noqa: E501
    Kind(folder="style_namer", library="limner", name="StyleNamer", stem=DIFFUSERS, module=StyleNamer, to_json=configs.style_to_json, from_json=configs.style_from_json),  # noqa: E501
    Kind(folder="upscaler", library="limner", name="Upscaler", stem=DIFFUSERS, module=Upscaler, to_json=configs.upscaler_to_json, from_json=configs.upscaler_from_json),  # noqa: E501
)
# fmt: on
KIND_OF_FOLDER = {kind.folder: kind for kind in KINDS}
FOLDER_OF_MODULE = {kind.module: kind.folder for kind in reversed(KINDS)}  # the first of its class
FOLDER_OF_MODULE |= dict.fromkeys((VisionTower, ResNetTower), "image_encoder")
