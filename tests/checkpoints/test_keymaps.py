"""The key maps against diffusers' own converters, on every tensor of the published sizes."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers.loaders.single_file_utils import (
    convert_ldm_unet_checkpoint,
    convert_ldm_vae_checkpoint,
    convert_open_clip_checkpoint,
)
from models_of_every_family import modules, tiny_file, tiny_parts

from limner.checkpoints import configs
from limner.checkpoints.families import family_of_config
from limner.checkpoints.folder import published_tokenizer
from limner.checkpoints.parts import Parts
from limner.checkpoints.single_file_saving import compose
from limner.diffusion.prediction import Epsilon
from limner.diffusion.process import DiscreteDiffusion
from limner.errors import CheckpointError
from limner.models import clip_presets, presets
from limner.models.autoencoder import Autoencoder
from limner.models.clip import TextTower
from limner.models.unet import UNet

TOWERS = {
    "sd1": (clip_presets.TEXT_VIT_L14, None),
    "sd2": (clip_presets.TEXT_SD2, None),
    "sdxl": (clip_presets.TEXT_VIT_L14, clip_presets.TEXT_OPENCLIP_BIGG),
}
UNETS = {"sd1": presets.UNET_SD1, "sd2": presets.UNET_SD2, "sdxl": presets.UNET_SDXL}
KEY = "transformer_blocks.{}.attn2.to_k.weight"
# Names and shapes of tensors as they were published.
PUBLISHED = {
    "sd1": {
        "model.diffusion_model.input_blocks.0.0.weight": (320, 4, 3, 3),
        "model.diffusion_model.input_blocks.3.0.op.weight": (320, 320, 3, 3),
        "model.diffusion_model.input_blocks.4.0.skip_connection.weight": (640, 320, 1, 1),
        "model.diffusion_model.input_blocks.1.1.proj_in.weight": (320, 320, 1, 1),
        f"model.diffusion_model.input_blocks.1.1.{KEY.format(0)}": (320, 768),
        "model.diffusion_model.middle_block.2.out_layers.3.weight": (1280, 1280, 3, 3),
        "model.diffusion_model.output_blocks.2.1.conv.weight": (1280, 1280, 3, 3),
        "model.diffusion_model.output_blocks.5.2.conv.weight": (1280, 1280, 3, 3),
        "model.diffusion_model.output_blocks.11.0.in_layers.2.weight": (320, 640, 3, 3),
        "model.diffusion_model.out.2.weight": (4, 320, 3, 3),
        "first_stage_model.decoder.up.0.block.0.nin_shortcut.weight": (128, 256, 1, 1),
        "first_stage_model.decoder.up.3.upsample.conv.weight": (512, 512, 3, 3),
        "first_stage_model.encoder.down.2.downsample.conv.weight": (512, 512, 3, 3),
        "first_stage_model.decoder.mid.attn_1.q.weight": (512, 512, 1, 1),
        "first_stage_model.quant_conv.weight": (8, 8, 1, 1),
        "cond_stage_model.transformer.text_model.encoder.layers.11.mlp.fc1.weight": (3072, 768),
    },
    "sd2": {
        f"model.diffusion_model.input_blocks.2.1.{KEY.format(0)}": (
            320,
            1024,
        ),
        "model.diffusion_model.input_blocks.1.1.proj_in.weight": (320, 320),
        "cond_stage_model.model.transformer.resblocks.22.attn.in_proj_weight": (3072, 1024),
        "cond_stage_model.model.transformer.resblocks.0.attn.in_proj_bias": (3072,),
        "cond_stage_model.model.transformer.resblocks.0.mlp.c_fc.weight": (4096, 1024),
        "cond_stage_model.model.positional_embedding": (77, 1024),
        "cond_stage_model.model.token_embedding.weight": (49408, 1024),
        "cond_stage_model.model.ln_final.weight": (1024,),
    },
    "sdxl": {
        "model.diffusion_model.label_emb.0.0.weight": (1280, 2816),
        f"model.diffusion_model.input_blocks.4.1.{KEY.format(1)}": (
            640,
            2048,
        ),
        "model.diffusion_model.output_blocks.2.2.conv.weight": (1280, 1280, 3, 3),
        "model.diffusion_model.output_blocks.8.0.skip_connection.weight": (320, 640, 1, 1),
        "conditioner.embedders.0.transformer.text_model.final_layer_norm.weight": (768,),
        "conditioner.embedders.1.model.text_projection": (1280, 1280),
        "conditioner.embedders.1.model.transformer.resblocks.31.ln_2.bias": (1280,),
    },
}
COUNTS = {"sd1": 686 + 248 + 196, "sd2": 686 + 248 + 4 + 23 * 12, "sdxl": 1680 + 248 + 196 + 389}


def full_size(family):
    """A model of the published sizes, without memory for its weights."""
    (first, second), process = TOWERS[family], DiscreteDiffusion()
    space = presets.AUTOENCODER_SDXL if family == "sdxl" else presets.AUTOENCODER_SD1
    with torch.device("meta"):
        return Parts(
            tokenizer=published_tokenizer(first),
            text_encoder=TextTower(first),
            denoiser=UNet(UNETS[family]),
            autoencoder=Autoencoder(space),
            process=process,
            prediction=Epsilon(),
            sampling=family_of_config(UNETS[family]).sampling_of("epsilon"),
            words=None,
            tokenizer_2=None if second is None else published_tokenizer(second),
            text_encoder_2=None if second is None else TextTower(second),
        )


def composed(parts):
    """The whole single file of a model without memory, name -> tensor."""
    file = compose(parts, Path("model.safetensors"), torch.float32)
    entries = file.entries.items()
    return {name: torch.empty(entry.shape, device="meta") for name, entry in entries}


def by_diffusers(file, parts):
    """The state dicts that diffusers' converters make of a single file."""
    unet = configs.unet_to_json(parts.denoiser.config)
    state = {
        "denoiser": convert_ldm_unet_checkpoint(dict(file), unet),
        "autoencoder": convert_ldm_vae_checkpoint(
            dict(file), configs.autoencoder_to_json(parts.autoencoder.config)
        ),
    }
    for part, prefix in (
        ("text_encoder", "cond_stage_model.model."),
        ("text_encoder_2", "conditioner.embedders.1.model."),
    ):
        if any(name.startswith(prefix) for name in file):
            tower = getattr(parts, part)
            state[part] = convert_open_clip_checkpoint(Hidden(tower), dict(file), prefix)
    return state


class Hidden:
    """What the converter asks of a text model: its width, where there is no projection."""

    def __init__(self, tower):
        self.config = type("Config", (), {"hidden_size": tower.config.width})()


@pytest.mark.parametrize("family", ["sd1", "sd2", "sdxl"])
def test_every_name_and_shape_of_the_published_sizes(family):
    parts = full_size(family)
    file = composed(parts)
    assert len(file) == COUNTS[family]
    for name, shape in PUBLISHED[family].items():
        assert tuple(file[name].shape) == shape, name
    for part, theirs in by_diffusers(file, parts).items():
        ours = {n: t.shape for n, t in modules(parts)[part].state_dict().items()}
        assert {name: tensor.shape for name, tensor in theirs.items()} == ours, part


@pytest.mark.parametrize("kind", ["sd1", "sd1-inpainting", "sd2-v", "sdxl"])
def test_every_number_comes_out_of_diffusers_converters_as_it_went_in(kind):
    parts = tiny_parts(kind)
    for part, theirs in by_diffusers(tiny_file(kind), parts).items():
        ours = modules(parts)[part].state_dict()
        assert theirs.keys() == ours.keys(), part
        assert all(torch.equal(theirs[name], tensor) for name, tensor in ours.items()), part


def test_what_a_file_has_no_name_for_is_refused():
    parts = tiny_parts("sd1")
    classes = UNet(replace(parts.denoiser.config, classes=3))
    with pytest.raises(
        CheckpointError, match=r"class_embedding.weight has no name in a single file"
    ):
        compose(replace(parts, denoiser=classes), Path("x"), torch.float32)
