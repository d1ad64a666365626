"""The configuration of a part, read off the shapes of its tensors.

What no shape tells is a rule of the family: SD 1 has 8 heads at every level, SD 2 and SDXL have 64
channels a head; groups are 32; the text towers have 64 channels a head.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from limner.checkpoints import keymaps
from limner.checkpoints.header import Shape
from limner.checkpoints.keymaps import Table
from limner.errors import CheckpointError, UsageError
from limner.models.autoencoder import AutoencoderConfig
from limner.models.clip import TextTowerConfig
from limner.models.unet import UNetConfig

SD1_HEADS = 8
HEAD_WIDTH = 64
H14_LAYERS = 24  # of OpenCLIP H/14; Stable Diffusion 2 was trained with the state before the last

# More than any model has, so that a file cannot ask for a network that takes minutes to build.
MOST_LEVELS, MOST_LAYERS, MOST_DEPTH, MOST_TEXT_LAYERS = 8, 4, 12, 64


@dataclass(frozen=True)
class OurShapes:
    """The shapes of a part under our names. theirs: by the file's names."""

    theirs: Mapping[str, Shape]
    table: Table

    def get(self, name: str) -> Shape | None:
        source = keymaps.find(name, self.table)
        shape = None if source is None else self.theirs.get(source.name)
        return None if source is None or shape is None else keymaps.our_shape(shape, source.form)

    def __getitem__(self, name: str) -> Shape:
        """Raises KeyError where the file lacks the tensor."""
        shape = self.get(name)
        if shape is None:
            raise KeyError(name)
        return shape

    def count(self, name: str, most: int) -> int:
        """How many follow each other of a name with a number `{}` in it, from 0."""
        return _count(lambda number: self.get(name.format(number)) is not None, most)


def unet_skeleton(theirs: Mapping[str, Shape]) -> tuple[int, tuple[bool, ...]]:
    """(layers a level, which levels have attention) of a U-Net in LDM's names."""
    found: list[list[bool]] = [[]]
    for block in itertools.count(1):
        if f"input_blocks.{block}.0.op.weight" in theirs and found[-1]:
            found.append([])
        elif f"input_blocks.{block}.0.in_layers.2.weight" in theirs:
            found[-1].append(f"input_blocks.{block}.1.norm.weight" in theirs)
        else:
            break
    layers, attention = len(found[0]), tuple(level[:1] == [True] for level in found)
    if not 1 <= layers <= MOST_LAYERS or len(found) > MOST_LEVELS:
        raise CheckpointError(f"the U-Net has {len(found)} levels of {layers} blocks")
    return layers, attention


def autoencoder_skeleton(theirs: Mapping[str, Shape]) -> tuple[int, int]:
    """(levels, layers a level) of an autoencoder in LDM's names."""
    block = "encoder.down.{}.block.{}.conv1.weight"
    levels = _count(lambda level: block.format(level, 0) in theirs, MOST_LEVELS)
    return levels, _count(lambda layer: block.format(0, layer) in theirs, MOST_LAYERS)


def open_clip_skeleton(theirs: Mapping[str, Shape]) -> tuple[int]:
    name = "transformer.resblocks.{}.ln_1.weight"
    return (_count(lambda layer: name.format(layer) in theirs, MOST_TEXT_LAYERS),)


def unet_config(shapes: OurShapes) -> UNetConfig:
    levels = range(shapes.count("down_blocks.{}.resnets.0.conv1.weight", MOST_LEVELS))
    layers = shapes.count("down_blocks.0.resnets.{}.conv1.weight", MOST_LAYERS)
    channels = tuple(shapes[f"down_blocks.{level}.resnets.0.conv1.weight"][0] for level in levels)
    depth = tuple(_depth(shapes, f"down_blocks.{level}") for level in levels)
    mid_depth = _depth(shapes, "mid_block")
    blocks = [f"down_blocks.{level}" for level in levels if depth[level]] + ["mid_block"]
    transformer = f"{blocks[0]}.attentions.0"
    linear = len(shapes[f"{transformer}.proj_in.weight"]) == 2
    pooled = shapes.get("add_embedding.linear_1.weight")
    return UNetConfig(
        in_channels=shapes["conv_in.weight"][1],
        out_channels=shapes["conv_out.weight"][0],
        channels=channels,
        layers_per_block=layers,
        attention_depth=depth,
        mid_attention_depth=mid_depth,
        heads=tuple(max(1, width // HEAD_WIDTH) for width in channels) if linear else SD1_HEADS,
        context_width=shapes[f"{transformer}.transformer_blocks.0.attn2.to_k.weight"][1],
        linear_projection=linear,
        pooled_width=None if pooled is None else pooled[1],
    )


def autoencoder_config(shapes: OurShapes) -> AutoencoderConfig:
    """With the latent scale of Stable Diffusion 1 and 2, of which no shape tells."""
    block = "encoder.down_blocks.{}.resnets.0.conv1.weight"
    levels = shapes.count(block, MOST_LEVELS)
    return AutoencoderConfig(
        in_channels=shapes["encoder.conv_in.weight"][1],
        latent_channels=shapes["decoder.conv_in.weight"][1],
        channels=tuple(shapes[block.format(level)][0] for level in range(levels)),
        layers_per_block=shapes.count("encoder.down_blocks.0.resnets.{}.conv1.weight", MOST_LAYERS),
        mid_attention=shapes.get("encoder.mid_block.attentions.0.to_q.weight") is not None,
    )


def clip_text_config(shapes: OurShapes) -> TextTowerConfig:
    """CLIP's tower in Stable Diffusion, which has no projection."""
    layer = "text_model.encoder.layers.{}.mlp.fc1.weight"
    vocabulary, width = shapes["text_model.embeddings.token_embedding.weight"]
    return TextTowerConfig(
        vocabulary_size=vocabulary,
        length=shapes["text_model.embeddings.position_embedding.weight"][0],
        width=width,
        layers=shapes.count(layer, MOST_TEXT_LAYERS),
        heads=max(1, width // HEAD_WIDTH),
        mlp_width=shapes[layer.format(0)][0],
        end=vocabulary - 1,
    )


def open_clip_config(shapes: OurShapes) -> TextTowerConfig:
    """OpenCLIP's tower, whole."""
    fields = vars(clip_text_config(shapes))
    projection = shapes.get("text_projection.weight")
    width = None if projection is None else projection[0]
    return TextTowerConfig(**{**fields, "activation": "gelu", "projection_width": width})


def penultimate_config(shapes: OurShapes) -> TextTowerConfig:
    """OpenCLIP's tower as Stable Diffusion 2 has it: without its last layer and the projection.

    A file that was written from a folder lacks them already.
    """
    whole = open_clip_config(shapes)
    complete = whole.projection_width is not None or whole.layers == H14_LAYERS
    layers = whole.layers - complete
    return TextTowerConfig(**{**vars(whole), "layers": layers, "projection_width": None})


def derived(read: Callable[[], Any], what: str) -> Any:
    """What `read` makes of a file's shapes; CheckpointError where they are of no model."""
    try:
        return read()
    except KeyError as error:
        raise CheckpointError(f"{what} lacks {error.args[0]}") from None
    # PyTorch raises RuntimeError for a tensor of more bytes than there are numbers for
    except (UsageError, CheckpointError, ValueError, IndexError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(f"{what} has sizes of no model: {reason}") from None


def _depth(shapes: OurShapes, block: str) -> int:
    name = block + ".attentions.0.transformer_blocks.{}.norm1.weight"
    return shapes.count(name, MOST_DEPTH)


def _count(exists: Callable[[int], bool], most: int) -> int:
    """How many numbers from 0 there are in a row; CheckpointError for more than `most`."""
    count = next(number for number in itertools.count() if number > most or not exists(number))
    if count > most:
        raise CheckpointError(f"more than {most} of a kind in a row")
    return count
