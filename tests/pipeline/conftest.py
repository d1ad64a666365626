"""A whole model of a few thousand random weights, saved as a folder."""

from dataclasses import replace

import pytest
import torch

from limner.checkpoints import ModelFolder, Sampling, Words
from limner.diffusion.process import RectifiedFlow
from limner.models.autoencoder import Autoencoder
from limner.models.clip import TextTower, TextTowerConfig
from limner.models.presets import AUTOENCODER_TINY, UNET_TINY
from limner.models.unet import UNet
from limner.text.tokenizer import Tokenizer

SAMPLING = Sampling(
    steps=4, guidance=3.0, solver="dpmpp_2m", schedule="shifted", shift=2.0,
    size=(16, 16), pad_mask="pad",
)  # fmt: skip


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    torch.manual_seed(0)
    folder = ModelFolder(tmp_path_factory.mktemp("model"))
    tokenizer = Tokenizer.train(["a red apple, 3d", "a blue cat"] * 4, 600, length=12)
    folder.save_tokenizer(tokenizer)
    tower = TextTowerConfig(
        vocabulary_size=tokenizer.vocabulary_size, length=12, width=24, layers=1, heads=2,
        mlp_width=32, end=tokenizer.end,
    )  # fmt: skip
    folder.save(TextTower(tower))
    unet = UNet(UNET_TINY)
    for parameter in unet.parameters():  # zero-initialised outputs would paint nothing
        torch.nn.init.normal_(parameter, std=0.1)
    folder.save(unet)
    space = {"scale": (1.0, 2.0, 0.5, 1.5), "shift": (0.0, 0.1, -0.1, 0.2)}
    folder.save(Autoencoder(replace(AUTOENCODER_TINY, **space)))
    words = Words(concepts=("red apple", "blue cat"), styles=("3d",), others=("fruit",))
    folder.save_settings(RectifiedFlow(), "flow", SAMPLING, words)
    return folder.path
