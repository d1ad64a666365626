"""Limner's configurations and the `config.json` files of diffusers and transformers, both ways.

A file of theirs says much that never changes here (activation, normalisation). What a table below
does not read is ignored; what Limner cannot do raises CheckpointError.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from limner.errors import CheckpointError
from limner.models.autoencoder import AutoencoderConfig
from limner.models.clip import TextTowerConfig, VisionTowerConfig
from limner.models.dit import DiTConfig
from limner.models.unet import UNetConfig

Json = dict[str, Any]

TEXT_FIELDS = {
    "vocabulary_size": "vocab_size",
    "length": "max_position_embeddings",
    "width": "hidden_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "mlp_width": "intermediate_size",
    "activation": "hidden_act",
    "end": "eos_token_id",
}
VISION_FIELDS = {
    "image_size": "image_size",
    "patch": "patch_size",
    "channels": "num_channels",
    "width": "hidden_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "mlp_width": "intermediate_size",
    "activation": "hidden_act",
    "projection_width": "projection_dim",
}


def unet_to_json(config: UNetConfig) -> Json:
    """As `UNet2DConditionModel` reads it; without text as Limner's own class."""
    attention = [depth > 0 for depth in config.attention_depth]
    down = ["CrossAttnDownBlock2D" if has else "DownBlock2D" for has in attention]
    up = ["CrossAttnUpBlock2D" if has else "UpBlock2D" for has in reversed(attention)]
    return {
        "_class_name": "UNet2DConditionModel",
        "in_channels": config.in_channels,
        "out_channels": config.out_channels,
        "block_out_channels": list(config.channels),
        "layers_per_block": config.layers_per_block,
        "down_block_types": down,
        "mid_block_type": "UNetMidBlock2DCrossAttn",
        "up_block_types": up,
        "transformer_layers_per_block": [max(1, depth) for depth in config.attention_depth],
        # the name is diffusers' own slip: it holds the number of heads
        "attention_head_dim": config.heads if isinstance(config.heads, int) else list(config.heads),
        "cross_attention_dim": config.context_width,
        "use_linear_projection": config.linear_projection,
        "norm_num_groups": config.norm_groups,
        "flip_sin_to_cos": True,
        "freq_shift": 0,
    }


def unet_from_json(json: Mapping[str, Any]) -> UNetConfig:
    """A U-Net with text, as Stable Diffusion 1 and 2 are saved."""
    _refuse(json, "class_embed_type", "addition_embed_type", "encoder_hid_dim_type")
    channels = tuple(json["block_out_channels"])
    depths = json.get("transformer_layers_per_block", 1)
    depths = [depths] * len(channels) if isinstance(depths, int) else depths
    types = json["down_block_types"]
    heads = json["attention_head_dim"]
    return UNetConfig(
        in_channels=json["in_channels"],
        out_channels=json["out_channels"],
        channels=channels,
        layers_per_block=json["layers_per_block"],
        attention_depth=tuple(
            depth if kind == "CrossAttnDownBlock2D" else 0
            for depth, kind in zip(depths, types, strict=True)
        ),
        heads=heads if isinstance(heads, int) else tuple(heads),
        context_width=json["cross_attention_dim"],
        linear_projection=json.get("use_linear_projection", False),
        norm_groups=json.get("norm_num_groups", 32),
    )


def autoencoder_to_json(config: AutoencoderConfig) -> Json:
    levels = len(config.channels)
    per_channel = isinstance(config.scale, tuple)
    return {
        "_class_name": "AutoencoderKL",
        "in_channels": config.in_channels,
        "out_channels": config.in_channels,
        "latent_channels": config.latent_channels,
        "block_out_channels": list(config.channels),
        "layers_per_block": config.layers_per_block,
        "down_block_types": ["DownEncoderBlock2D"] * levels,
        "up_block_types": ["UpDecoderBlock2D"] * levels,
        "norm_num_groups": config.norm_groups,
        "mid_block_add_attention": config.mid_attention,
        "scaling_factor": 1.0 if per_channel else config.scale,
        "shift_factor": None if per_channel else config.shift,
        "latents_mean": list(config.shift) if isinstance(config.shift, tuple) else None,
        "latents_std": [1 / s for s in config.scale] if isinstance(config.scale, tuple) else None,
    }


def autoencoder_from_json(json: Mapping[str, Any]) -> AutoencoderConfig:
    mean, deviation = json.get("latents_mean"), json.get("latents_std")
    shift = json.get("shift_factor")
    return AutoencoderConfig(
        in_channels=json["in_channels"],
        latent_channels=json["latent_channels"],
        channels=tuple(json["block_out_channels"]),
        layers_per_block=json["layers_per_block"],
        norm_groups=json.get("norm_num_groups", 32),
        mid_attention=json.get("mid_block_add_attention", True),
        scale=json.get("scaling_factor", 0.18215)
        if deviation is None
        else tuple(1 / value for value in deviation),
        shift=(0.0 if shift is None else shift) if mean is None else tuple(mean),
    )


def text_to_json(config: TextTowerConfig) -> Json:
    projected = config.projection_width is not None
    name = "CLIPTextModelWithProjection" if projected else "CLIPTextModel"
    json: Json = {"architectures": [name], "model_type": "clip_text_model"}
    json |= {theirs: getattr(config, ours) for ours, theirs in TEXT_FIELDS.items()}
    return json | ({"projection_dim": config.projection_width} if projected else {})


def text_from_json(json: Mapping[str, Any]) -> TextTowerConfig:
    fields = {ours: json[theirs] for ours, theirs in TEXT_FIELDS.items() if theirs in json}
    if fields.get("end") == 2:  # transformers' old default, which no CLIP vocabulary means
        fields["end"] = fields["vocabulary_size"] - 1
    projected = "CLIPTextModelWithProjection" in json.get("architectures", ())
    return TextTowerConfig(**fields, projection_width=json["projection_dim"] if projected else None)


def vision_to_json(config: VisionTowerConfig) -> Json:
    json: Json = {
        "architectures": ["CLIPVisionModelWithProjection"],
        "model_type": "clip_vision_model",
    }
    return json | {theirs: getattr(config, ours) for ours, theirs in VISION_FIELDS.items()}


def vision_from_json(json: Mapping[str, Any]) -> VisionTowerConfig:
    return VisionTowerConfig(
        **{ours: json[theirs] for ours, theirs in VISION_FIELDS.items() if theirs in json}
    )


def dit_to_json(config: DiTConfig) -> Json:
    fields = {name: getattr(config, name) for name in config.__dataclass_fields__}
    return {"_class_name": "DiT", **fields, "size": list(config.size)}


def dit_from_json(json: Mapping[str, Any]) -> DiTConfig:
    fields = {name: json[name] for name in DiTConfig.__dataclass_fields__ if name in json}
    return DiTConfig(**{**fields, "size": tuple(fields["size"])})


def _refuse(json: Mapping[str, Any], *fields: str) -> None:
    for field in fields:
        if json.get(field) is not None:
            raise CheckpointError(
                f"config.json has {field} {json[field]!r}, which is not supported"
            )
