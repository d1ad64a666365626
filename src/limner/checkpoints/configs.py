"""Limner's configurations and the `config.json` files of diffusers and transformers, both ways.

A file of theirs says much that never changes here (activation, normalisation). What a table below
does not read is ignored; what Limner cannot do raises CheckpointError.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from limner.errors import CheckpointError
from limner.models.autoencoder import AutoencoderConfig
from limner.models.clip import TextTowerConfig, VisionTowerConfig
from limner.models.clip_resnet import ResNetTowerConfig
from limner.models.content import ContentConfig
from limner.models.dit import DiTConfig
from limner.models.style import StyleConfig
from limner.models.unet import SIZE_WIDTH, UNetConfig
from limner.models.upscaler import UpscalerConfig

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
# What Stable Diffusion's U-Nets and autoencoders have in common, so that Limner's have no field for
# it: another value is another network.
UNET_FIXED = {
    "act_fn": "silu",
    "addition_time_embed_dim": SIZE_WIDTH,
    "center_input_sample": False,
    "class_embed_type": None,
    "conv_in_kernel": 3,
    "conv_out_kernel": 3,
    "dual_cross_attention": False,
    "encoder_hid_dim_type": None,
    "flip_sin_to_cos": True,
    "freq_shift": 0,
    "norm_eps": 1e-5,
    "num_class_embeds": None,
    "only_cross_attention": False,
    "resnet_time_scale_shift": "default",
    "time_cond_proj_dim": None,
    "time_embedding_type": "positional",
}
AUTOENCODER_FIXED = {"act_fn": "silu", "use_quant_conv": True, "use_post_quant_conv": True}
RESNET = "clip_resnet"
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
    """As `UNet2DConditionModel` reads it. A pooled vector is that of SDXL: text and six sizes."""
    attention = [depth > 0 for depth in config.attention_depth]
    middle = config.mid_attention_depth
    if config.attention_depth[-1] not in (0, middle):  # theirs has one number for both
        raise CheckpointError(
            f"a U-Net whose last level has {config.attention_depth[-1]} transformer blocks and its "
            f"middle {middle} does not fit diffusers' config.json: the same number does"
        )
    down = ["CrossAttnDownBlock2D" if has else "DownBlock2D" for has in attention]
    up = ["CrossAttnUpBlock2D" if has else "UpBlock2D" for has in reversed(attention)]
    return {
        "_class_name": "UNet2DConditionModel",
        "in_channels": config.in_channels,
        "out_channels": config.out_channels,
        "block_out_channels": list(config.channels),
        "layers_per_block": config.layers_per_block,
        "down_block_types": down,
        "mid_block_type": "UNetMidBlock2DCrossAttn" if middle else "UNetMidBlock2D",
        "up_block_types": up,
        "transformer_layers_per_block": [
            max(1, depth) for depth in (*config.attention_depth[:-1], middle)
        ],
        # the name is diffusers' own slip: it holds the number of heads
        "attention_head_dim": config.heads if isinstance(config.heads, int) else list(config.heads),
        "cross_attention_dim": config.context_width,
        "use_linear_projection": config.linear_projection,
        "norm_num_groups": config.norm_groups,
        "flip_sin_to_cos": True,
        "freq_shift": 0,
        **({} if config.pooled_width is None else _text_and_sizes(config.pooled_width)),
    }


def unet_from_json(json: Mapping[str, Any]) -> UNetConfig:
    """A U-Net with text, as Stable Diffusion 1, 2 and XL are saved."""
    _refuse(json, UNET_FIXED)
    addition = json.get("addition_embed_type")
    if addition not in (None, "text_time"):
        raise CheckpointError(_UNSUPPORTED.format("addition_embed_type", addition))
    channels = tuple(json["block_out_channels"])
    depths = json.get("transformer_layers_per_block", 1)
    depths = [depths] * len(channels) if isinstance(depths, int) else depths
    crossed = json.get("mid_block_type", "UNetMidBlock2DCrossAttn") == "UNetMidBlock2DCrossAttn"
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
        mid_attention_depth=depths[-1] if crossed else 0,
        heads=heads if isinstance(heads, int) else tuple(heads),
        context_width=json["cross_attention_dim"],
        linear_projection=json.get("use_linear_projection", False),
        norm_groups=json.get("norm_num_groups", 32),
        pooled_width=None if addition is None else json["projection_class_embeddings_input_dim"],
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
        "force_upcast": config.overflows_half,
        "scaling_factor": 1.0 if per_channel else config.scale,
        "shift_factor": None if per_channel else config.shift,
        "latents_mean": list(config.shift) if isinstance(config.shift, tuple) else None,
        "latents_std": [1 / s for s in config.scale] if isinstance(config.scale, tuple) else None,
        # diffusers has no such part, and refuses the first layer's weights for their shape
        **({} if config.shuffle == 1 else {"shuffle": config.shuffle}),
    }


def autoencoder_from_json(json: Mapping[str, Any]) -> AutoencoderConfig:
    _refuse(json, AUTOENCODER_FIXED)
    mean, deviation = json.get("latents_mean"), json.get("latents_std")
    factor, shift = json.get("scaling_factor", 0.18215), json.get("shift_factor")
    return AutoencoderConfig(
        in_channels=json["in_channels"],
        latent_channels=json["latent_channels"],
        channels=tuple(json["block_out_channels"]),
        layers_per_block=json["layers_per_block"],
        norm_groups=json.get("norm_num_groups", 32),
        mid_attention=json.get("mid_block_add_attention", True),
        scale=factor if deviation is None else tuple(factor / value for value in deviation),
        shift=(0.0 if shift is None else shift) if mean is None else tuple(mean),
        overflows_half=json.get("force_upcast", False),
        shuffle=json.get("shuffle", 1),
    )


def text_to_json(config: TextTowerConfig) -> Json:
    projected = config.projection_width is not None
    name = "CLIPTextModelWithProjection" if projected else "CLIPTextModel"
    json: Json = {"architectures": [name], "model_type": "clip_text_model"}
    json |= {theirs: getattr(config, ours) for ours, theirs in TEXT_FIELDS.items()}
    return json | ({"projection_dim": config.projection_width} if projected else {})


def text_from_json(json: Mapping[str, Any]) -> TextTowerConfig:
    if json.get("model_type", "clip_text_model") != "clip_text_model":
        raise CheckpointError(_UNSUPPORTED.format("model_type", json["model_type"]))
    fields = {ours: json[theirs] for ours, theirs in TEXT_FIELDS.items() if theirs in json}
    if fields.get("end") == 2:  # transformers' old default, which no CLIP vocabulary means
        fields["end"] = fields["vocabulary_size"] - 1
    projected = "CLIPTextModelWithProjection" in (json.get("architectures") or ())
    return TextTowerConfig(**fields, projection_width=json["projection_dim"] if projected else None)


def vision_to_json(config: VisionTowerConfig | ResNetTowerConfig) -> Json:
    if isinstance(config, ResNetTowerConfig):
        return {"model_type": RESNET, **asdict(config)}
    json: Json = {
        "architectures": ["CLIPVisionModelWithProjection"],
        "model_type": "clip_vision_model",
    }
    return json | {theirs: getattr(config, ours) for ours, theirs in VISION_FIELDS.items()}


def vision_from_json(json: Mapping[str, Any]) -> VisionTowerConfig | ResNetTowerConfig:
    if json.get("model_type") == RESNET:  # which transformers has not
        return ResNetTowerConfig(**_own_fields(ResNetTowerConfig, json))
    return VisionTowerConfig(
        **{ours: json[theirs] for ours, theirs in VISION_FIELDS.items() if theirs in json}
    )


def dit_to_json(config: DiTConfig) -> Json:
    return _own_to_json("DiT", config)


def dit_from_json(json: Mapping[str, Any]) -> DiTConfig:
    return DiTConfig(**_own_fields(DiTConfig, json))


def content_to_json(config: ContentConfig) -> Json:
    return _own_to_json("ContentEncoder", config)


def content_from_json(json: Mapping[str, Any]) -> ContentConfig:
    return ContentConfig(**_own_fields(ContentConfig, json))


def style_to_json(config: StyleConfig) -> Json:
    return _own_to_json("StyleNamer", config)


def style_from_json(json: Mapping[str, Any]) -> StyleConfig:
    return StyleConfig(**_own_fields(StyleConfig, json))


def upscaler_to_json(config: UpscalerConfig) -> Json:
    return _own_to_json("Upscaler", config)


def upscaler_from_json(json: Mapping[str, Any]) -> UpscalerConfig:
    return UpscalerConfig(**_own_fields(UpscalerConfig, json))


def _own_to_json(name: str, config: Any) -> Json:
    """A part that only Limner has: the fields as they are called here."""
    return {"_class_name": name, **asdict(config)}


def _own_fields(config: Any, json: Mapping[str, Any]) -> Json:
    """The fields of such a part; JSON knows lists alone."""
    fields = {name: json[name] for name in config.__dataclass_fields__ if name in json}
    return {n: tuple(v) if isinstance(v, list) else v for n, v in fields.items()}


_UNSUPPORTED = "it has {} {!r}, which is not supported"


def _text_and_sizes(pooled_width: int) -> Json:
    return {
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": SIZE_WIDTH,
        "projection_class_embeddings_input_dim": pooled_width,
    }


def _refuse(json: Mapping[str, Any], fixed: Mapping[str, Any]) -> None:
    """Raises CheckpointError where a field has another value than the one of the table."""
    for field, value in fixed.items():
        given = json.get(field)
        if given is not None and given != value:
            raise CheckpointError(_UNSUPPORTED.format(field, given))
