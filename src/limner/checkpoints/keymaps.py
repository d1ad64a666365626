"""What a part's tensors are called in single files, as tables: our name -> their name and form.

A table maps the names of modules, or of single tensors where the form differs; what comes after a
module's name is the same in both. It is made from a few sizes, so it fits every size of model.

    LDM         the U-Net and the autoencoder as CompVis and Stability released them
    OpenCLIP    the text encoder of Stable Diffusion 2, and the second of SDXL
    diffusers   Limner's own names, which are those of diffusers and transformers
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

import torch
from torch import Tensor

from limner.checkpoints.header import Shape


class Form(Enum):
    """How a tensor of ours lies in a foreign file."""

    SAME = "same"
    TRANSPOSED = "transposed"
    CONVOLUTION = "a 1x1 convolution"  # a linear layer of ours
    QUERY, KEY, VALUE = 0, 1, 2  # a third of one tensor for all three


THIRDS = (Form.QUERY, Form.KEY, Form.VALUE)


@dataclass(frozen=True)
class Source:
    """Where a tensor of ours, or all of a module of ours, is in a foreign file."""

    name: str
    form: Form = Form.SAME


Table = Mapping[str, Source]

# Inside a residual block of the U-Net.
RESIDUAL = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
UNET_ENDS = {
    "conv_in": "input_blocks.0.0",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "mid_block.attentions.0": "middle_block.1",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
AUTOENCODER_SIDES = ("encoder", "decoder")
AUTOENCODER_ENDS = {
    "conv_in": "conv_in",
    "conv_norm_out": "norm_out",
    "conv_out": "conv_out",
    "mid_block.attentions.0.group_norm": "mid.attn_1.norm",
}
PICTURE_ATTENTION = {"to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
OPEN_CLIP_ENDS: Table = {
    "text_model.embeddings.token_embedding": Source("token_embedding"),
    "text_model.embeddings.position_embedding.weight": Source("positional_embedding"),
    "text_model.final_layer_norm": Source("ln_final"),
    "text_projection.weight": Source("text_projection", Form.TRANSPOSED),
}
OPEN_CLIP_VISION_ENDS: Table = {
    "vision_model.embeddings.class_embedding": Source("class_embedding"),
    "vision_model.embeddings.patch_embedding": Source("conv1"),
    "vision_model.embeddings.position_embedding.weight": Source("positional_embedding"),
    "vision_model.pre_layrnorm": Source("ln_pre"),
    "vision_model.post_layernorm": Source("ln_post"),
    "visual_projection.weight": Source("proj", Form.TRANSPOSED),
}
OPEN_CLIP_LAYER: Table = {
    "layer_norm1": Source("ln_1"),
    "layer_norm2": Source("ln_2"),
    "mlp.fc1": Source("mlp.c_fc"),
    "mlp.fc2": Source("mlp.c_proj"),
    "self_attn.out_proj": Source("attn.out_proj"),
    **{
        f"self_attn.{letter}_proj.{kind}": Source(f"attn.in_proj_{kind}", form)
        for letter, form in zip("qkv", THIRDS, strict=True)
        for kind in ("weight", "bias")
    },
}


def ldm_unet(layers: int, attention: Sequence[bool]) -> Table:
    """layers: residual blocks a level on the way down; attention: which levels have it."""
    table = dict(UNET_ENDS)
    last, blocks = len(attention) - 1, layers + 1
    for level in range(len(attention)):
        first = 1 + level * blocks
        for layer in range(layers):
            table |= _residual(
                f"down_blocks.{level}.resnets.{layer}", f"input_blocks.{first + layer}.0"
            )
            table[f"down_blocks.{level}.attentions.{layer}"] = f"input_blocks.{first + layer}.1"
        if level < last:
            table[f"down_blocks.{level}.downsamplers.0.conv"] = (
                f"input_blocks.{first + layers}.0.op"
            )
    for place in (0, 1):
        table |= _residual(f"mid_block.resnets.{place}", f"middle_block.{2 * place}")
    for up, attends in enumerate(reversed(attention)):
        for layer in range(blocks):
            block = f"output_blocks.{up * blocks + layer}"
            table |= _residual(f"up_blocks.{up}.resnets.{layer}", f"{block}.0")
            table[f"up_blocks.{up}.attentions.{layer}"] = f"{block}.1"
        if up < last:  # after the last block, and after its attention where it has any
            table[f"up_blocks.{up}.upsamplers.0.conv"] = f"{block}.{2 if attends else 1}.conv"
    return {ours: Source(theirs) for ours, theirs in table.items()}


def ldm_autoencoder(levels: int, layers: int) -> Table:
    """layers: residual blocks a level in the encoder; one more in the decoder."""
    table = {name: Source(name) for name in ("quant_conv", "post_quant_conv")}
    for side in AUTOENCODER_SIDES:
        ends = AUTOENCODER_ENDS.items()
        table |= {f"{side}.{ours}": Source(f"{side}.{theirs}") for ours, theirs in ends}
        for place in (0, 1):
            table |= _shortcut(f"{side}.mid_block.resnets.{place}", f"{side}.mid.block_{place + 1}")
        for ours, theirs in PICTURE_ATTENTION.items():
            module = f"{side}.mid_block.attentions.0.{ours}"
            table[module] = Source(f"{side}.mid.attn_1.{theirs}")
            table[f"{module}.weight"] = Source(
                f"{side}.mid.attn_1.{theirs}.weight", Form.CONVOLUTION
            )
    for level in range(levels):
        down, up = f"encoder.down_blocks.{level}", f"decoder.up_blocks.{levels - 1 - level}"
        for layer in range(layers):
            table |= _shortcut(f"{down}.resnets.{layer}", f"encoder.down.{level}.block.{layer}")
        for layer in range(layers + 1):
            table |= _shortcut(f"{up}.resnets.{layer}", f"decoder.up.{level}.block.{layer}")
        table[f"{down}.downsamplers.0"] = Source(f"encoder.down.{level}.downsample")
        table[f"{up}.upsamplers.0"] = Source(f"decoder.up.{level}.upsample")
    return table


def open_clip(layers: int) -> Table:
    return dict(OPEN_CLIP_ENDS) | _open_clip_layers("text_model", layers)


def open_clip_vision(layers: int) -> Table:
    """A Vision Transformer of OpenAI's and OpenCLIP's, whose layers are those of the text tower."""
    return dict(OPEN_CLIP_VISION_ENDS) | _open_clip_layers("vision_model", layers)


def same_names(*modules: str) -> Table:
    return {name: Source(name) for name in modules}


# fmt: off
DIFFUSERS_UNET = same_names("conv_in", "time_embedding", "add_embedding", "down_blocks", "mid_block", "up_blocks", "conv_norm_out", "conv_out")  # noqa: E501
DIFFUSERS_AUTOENCODER = same_names("encoder", "decoder", "quant_conv", "post_quant_conv")
CLIP_VISION = same_names("vision_model", "visual_projection")
CLIP_RESNET = same_names(*(f"{name}{number}" for name in ("conv", "bn", "layer") for number in range(1, 5)), "attnpool")  # noqa: E501
CLIP_TEXT = same_names("text_model", "text_projection")
# fmt: on


def find(name: str, table: Table) -> Source | None:
    """Where a tensor of ours is: by its own name, or by the module nearest to it in the table."""
    cut = len(name)
    while cut > 0:
        if (source := table.get(name[:cut])) is not None:
            return replace(source, name=source.name + name[cut:])
        cut = name.rfind(".", 0, cut)
    return None


def possible_shapes(ours: Shape, form: Form) -> tuple[Shape, ...]:
    """The shapes that a tensor of ours may have in a foreign file, the usual one first."""
    match form:
        case Form.SAME:
            return (ours,)
        case Form.TRANSPOSED:
            return (ours[::-1],)
        case Form.CONVOLUTION:
            return ((*ours, 1, 1), (*ours, 1), ours)
    return ((3 * ours[0], *ours[1:]),)


def our_shape(theirs: Shape, form: Form) -> Shape:
    """The shape of a tensor of ours that lies so in a foreign file."""
    match form:
        case Form.SAME:
            return theirs
        case Form.TRANSPOSED:
            return theirs[::-1]
        case Form.CONVOLUTION:
            return theirs[:2]
    return (theirs[0] // 3, *theirs[1:])


def to_ours(theirs: Tensor, form: Form, shape: Shape) -> Tensor:
    """A foreign tensor of a possible shape as we have it, in memory of its own."""
    match form:
        case Form.SAME:
            return theirs
        case Form.TRANSPOSED:
            return theirs.T.contiguous()
        case Form.CONVOLUTION:
            return theirs.reshape(shape)
    return theirs.chunk(3)[form.value].clone()


def to_theirs(ours: Iterable[tuple[Tensor, Form]]) -> Tensor:
    """The foreign tensor of those of ours that lie in it: all three thirds in order, or one."""
    tensors = [(tensor.T if form is Form.TRANSPOSED else tensor, form) for tensor, form in ours]
    first, form = tensors[0]
    if form in THIRDS:
        by_third = sorted(tensors, key=lambda pair: THIRDS.index(pair[1]))
        return torch.cat([tensor for tensor, _ in by_third])
    return first[..., None, None] if form is Form.CONVOLUTION else first


def _residual(ours: str, theirs: str) -> dict[str, str]:
    return {f"{ours}.{name}": f"{theirs}.{other}" for name, other in RESIDUAL.items()}


def _shortcut(ours: str, theirs: str) -> dict[str, Source]:
    """A residual block of the autoencoder, whose inner names differ in one."""
    names = {ours: theirs, f"{ours}.conv_shortcut": f"{theirs}.nin_shortcut"}
    return {name: Source(other) for name, other in names.items()}


def _open_clip_layers(tower: str, layers: int) -> dict[str, Source]:
    return {
        f"{tower}.encoder.layers.{layer}.{ours}": replace(
            source, name=f"transformer.resblocks.{layer}.{source.name}"
        )
        for layer in range(layers)
        for ours, source in OPEN_CLIP_LAYER.items()
    }
