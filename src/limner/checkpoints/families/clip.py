"""Files of a whole CLIP: OpenAI's, OpenCLIP's, transformers'; its two towers and what lies beside.

No shape tells a tower's activation, nor the heads of the three widest Vision Transformers: what is
said beside the file does (`checkpoints.clip`).
"""

from __future__ import annotations

from collections.abc import Collection

from limner.checkpoints import keymaps
from limner.checkpoints.families.places import Naming, Place
from limner.checkpoints.sizes import (
    HEAD_WIDTH,
    MOST_TEXT_LAYERS,
    OurShapes,
    clip_text_config,
    open_clip_skeleton,
)
from limner.checkpoints.weights import Spelling
from limner.errors import CheckpointError
from limner.models.clip import TextTower, TextTowerConfig, VisionTower, VisionTowerConfig
from limner.models.clip_resnet import LEVELS, STRIDE, ResNetTower, ResNetTowerConfig

VISUAL, TEXT = "visual.", "text."
VIT, RESNET = "visual.class_embedding", "visual.attnpool.c_proj.weight"
TRANSFORMERS = "vision_model.embeddings.class_embedding"
SIXTEEN_HEADS = (1280, 1408, 1664)  # widths of OpenCLIP's H, g and bigG
MOST_BLOCKS = 64  # of a level of a ResNet
# Beside the towers: the temperature, OpenAI's three numbers, and what was never a weight.
BESIDE_ENDS = (".num_batches_tracked", ".position_ids")
SCALE = "logit_scale"
OPENAI = frozenset({"input_resolution", "context_length", "vocab_size"})


def is_clip(names: Collection[str]) -> bool:
    """Whether a file of these tensors has both towers."""
    towers = {VIT, RESNET, TRANSFORMERS} & set(names)
    return bool(towers) and any(name.endswith("token_embedding.weight") for name in names)


def beside(name: str) -> bool:
    """Whether a tensor of such a file is of no tower and means nothing to them."""
    return name in OPENAI or name in (SCALE, "attn_mask") or name.endswith(BESIDE_ENDS)


def places(names: Collection[str]) -> tuple[Place, ...]:
    """Where the two towers of such a file are."""
    if TRANSFORMERS in names:
        text = Place(part="text_encoder", prefix="", naming=CLIP_TEXT)
        return text, Place(part="image_encoder", prefix="", naming=CLIP_VISION)
    prefix = TEXT if f"{TEXT}token_embedding.weight" in names else ""
    image = OPEN_CLIP_RESNET if RESNET in names else OPEN_CLIP_VISION
    return (
        Place(part="text_encoder", prefix=prefix, naming=OPEN_CLIP_TEXT),
        Place(part="image_encoder", prefix=VISUAL, naming=image),
    )


def text_config(shapes: OurShapes) -> TextTowerConfig:
    """With CLIP's projection."""
    projection = shapes["text_projection.weight"]
    return TextTowerConfig(**{**vars(clip_text_config(shapes)), "projection_width": projection[0]})


def vision_config(shapes: OurShapes) -> VisionTowerConfig:
    width, channels, patch, _ = shapes["vision_model.embeddings.patch_embedding.weight"]
    places_ = shapes["vision_model.embeddings.position_embedding.weight"][0] - 1
    layer = "vision_model.encoder.layers.{}.mlp.fc1.weight"
    return VisionTowerConfig(
        image_size=patch * _root(places_),
        patch=patch,
        channels=channels,
        width=width,
        layers=shapes.count(layer, MOST_TEXT_LAYERS),
        heads=16 if width in SIXTEEN_HEADS else max(1, width // HEAD_WIDTH),
        mlp_width=shapes[layer.format(0)][0],
        projection_width=shapes["visual_projection.weight"][0],
    )


def resnet_config(shapes: OurShapes) -> ResNetTowerConfig:
    block = "layer{}.{{}}.conv1.weight"
    return ResNetTowerConfig(
        image_size=STRIDE * _root(shapes["attnpool.positional_embedding"][0] - 1),
        channels=shapes["conv1.weight"][1],
        layers=tuple(shapes.count(block.format(n), MOST_BLOCKS) for n in range(1, LEVELS + 1)),
        width=shapes["conv3.weight"][0],
        projection_width=shapes["attnpool.c_proj.weight"][0],
    )


def _root(places: int) -> int:
    """The side of a square of so many places."""
    side = round(max(0, places) ** 0.5)
    if side**2 != places or not side:
        raise CheckpointError(f"{places} places are no square")
    return side


def _nothing(_: object) -> tuple[()]:
    return ()


def _layers(config: TextTowerConfig | VisionTowerConfig) -> tuple[int]:
    return (config.layers,)


# fmt: off
_BOTH: Spelling = ((r".*\bposition_ids$", ""),)
CLIP_TEXT = Naming(module=TextTower, table=lambda: keymaps.CLIP_TEXT, skeleton=_nothing, skeleton_of=_nothing, config=text_config, spelling=_BOTH)  # noqa: E501
CLIP_VISION = Naming(module=VisionTower, table=lambda: keymaps.CLIP_VISION, skeleton=_nothing, skeleton_of=_nothing, config=vision_config, spelling=_BOTH)  # noqa: E501
OPEN_CLIP_TEXT = Naming(module=TextTower, table=keymaps.open_clip, skeleton=open_clip_skeleton, skeleton_of=_layers, config=text_config)  # noqa: E501
OPEN_CLIP_VISION = Naming(module=VisionTower, table=keymaps.open_clip_vision, skeleton=open_clip_skeleton, skeleton_of=_layers, config=vision_config)  # noqa: E501
OPEN_CLIP_RESNET = Naming(module=ResNetTower, table=lambda: keymaps.CLIP_RESNET, skeleton=_nothing, skeleton_of=_nothing, config=resnet_config)  # noqa: E501
# fmt: on
