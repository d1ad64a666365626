"""Every configuration survives its way through diffusers' and transformers' own classes."""

from dataclasses import replace

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from limner.checkpoints import configs
from limner.errors import CheckpointError
from limner.models import presets
from limner.models.autoencoder import Autoencoder
from limner.models.clip import TextTower, TextTowerConfig
from limner.models.unet import UNet
from limner.training.recipes.sizes import (
    AUTOENCODER_EMOJI,
    AUTOENCODER_EVERYDAY,
    DIT_EMOJI,
    TEXT_EMOJI,
    UNET_EMOJI,
    VISION_EMOJI,
)

UNETS = (
    presets.UNET_SD1,
    presets.UNET_SD2_INPAINTING,
    replace(presets.UNET_SDXL, attention_depth=(0, 2, 3), mid_attention_depth=3),
    UNET_EMOJI,
    replace(UNET_EMOJI, attention_depth=(1, 1, 0), mid_attention_depth=0),
)


@pytest.mark.parametrize("config", UNETS)
def test_unet_is_what_diffusers_builds_from_the_same_file(config):
    json = configs.unet_to_json(config)
    assert configs.unet_from_json(json) == config
    with torch.device("meta"):
        theirs, ours = UNet2DConditionModel.from_config(json), UNet(config)
    shapes = {k: v.shape for k, v in ours.state_dict().items()}
    assert shapes == {k: v.shape for k, v in theirs.state_dict().items()}


@pytest.mark.parametrize(
    "config", [presets.AUTOENCODER_SD1, presets.AUTOENCODER_SDXL, AUTOENCODER_EMOJI]
)
def test_autoencoder_is_what_diffusers_builds_from_the_same_file(config):
    json = configs.autoencoder_to_json(config)
    assert configs.autoencoder_from_json(json) == config
    with torch.device("meta"):
        theirs, ours = AutoencoderKL.from_config(json), Autoencoder(config)
    shapes = {k: v.shape for k, v in ours.state_dict().items()}
    assert shapes == {k: v.shape for k, v in theirs.state_dict().items()}


def test_a_scale_for_each_channel_is_kept():
    config = presets.replace(
        AUTOENCODER_EMOJI, scale=(1.0, 2.0, 4.0, 0.5), shift=(0.1, 0.0, -0.1, 2.0)
    )
    json = configs.autoencoder_to_json(config)
    assert json["latents_std"] == [1.0, 0.5, 0.25, 2.0]
    assert configs.autoencoder_from_json(json) == config


@pytest.mark.parametrize("projection", [None, 24])
def test_text_tower_is_what_transformers_builds_from_the_same_file(projection):
    config = TextTowerConfig(
        vocabulary_size=50, length=9, width=16, layers=2, heads=2, mlp_width=32,
        projection_width=projection, end=49,
    )  # fmt: skip
    json = configs.text_to_json(config)
    assert configs.text_from_json(json) == config
    model = CLIPTextModel if projection is None else CLIPTextModelWithProjection
    fields = {k: v for k, v in json.items() if k not in ("architectures", "model_type")}
    theirs = model(CLIPTextConfig(**fields, bos_token_id=48))
    strip = "text_model."
    shapes = {k.removeprefix(strip): v.shape for k, v in TextTower(config).state_dict().items()}
    assert shapes == {k.removeprefix(strip): v.shape for k, v in theirs.state_dict().items()}


def test_own_configs_survive():
    assert configs.dit_from_json(configs.dit_to_json(DIT_EMOJI)) == DIT_EMOJI
    assert configs.vision_from_json(configs.vision_to_json(VISION_EMOJI)) == VISION_EMOJI
    assert configs.text_from_json(configs.text_to_json(TEXT_EMOJI)) == TEXT_EMOJI


def test_an_unknown_kind_of_unet_is_refused_by_name():
    json = {**configs.unet_to_json(presets.UNET_TINY), "addition_embed_type": "image"}
    with pytest.raises(CheckpointError, match="addition_embed_type 'image', which is not supp"):
        configs.unet_from_json(json)


def test_a_unet_that_diffusers_cannot_describe_is_refused():
    config = presets.replace(presets.UNET_TINY, mid_attention_depth=2)
    with pytest.raises(CheckpointError, match="last level has 1 transformer blocks and its middle"):
        configs.unet_to_json(config)


def test_shuffled_autoencoder_is_kept_and_no_other_file_speaks_of_it():
    json = configs.autoencoder_to_json(AUTOENCODER_EVERYDAY)
    assert json["shuffle"] == 2
    assert configs.autoencoder_from_json(json) == AUTOENCODER_EVERYDAY
    assert "shuffle" not in configs.autoencoder_to_json(presets.AUTOENCODER_SD1)
    # diffusers builds the network without it, whose first layer has other shapes: it cannot load
    with torch.device("meta"):
        theirs = AutoencoderKL.from_config(json)
        ours = Autoencoder(AUTOENCODER_EVERYDAY)
    assert theirs.encoder.conv_in.weight.shape != ours.encoder.conv_in.weight.shape
