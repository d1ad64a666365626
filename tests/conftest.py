"""What every test stands on: fixed random numbers and fixed numbers of threads."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import settings

import limner
from limner.checkpoints import ModelFolder, Sampling, Words
from limner.checkpoints.branches import asked_of
from limner.checkpoints.folder import EXTRA, write_json
from limner.checkpoints.lora import save_lora
from limner.checkpoints.lora_names import adaptable
from limner.diffusion.process import RectifiedFlow
from limner.models.autoencoder import Autoencoder
from limner.models.clip import TextTower, TextTowerConfig
from limner.models.content import ContentEncoder
from limner.models.dit import DiT, DiTConfig
from limner.models.presets import AUTOENCODER_TINY, UNET_TINY
from limner.models.style import StyleConfig, StyleNamer
from limner.models.unet import UNet
from limner.models.upscaler import Upscaler, UpscalerConfig
from limner.nn.trainable import TrainableUpdates
from limner.text.tokenizer import Tokenizer

# The same examples in every run, however slow the machine.
settings.register_profile("limner", deadline=None, derandomize=True, database=None)
settings.load_profile("limner")


@pytest.fixture(autouse=True)
def _random_numbers() -> None:
    """Each test begins with the same global random state, whichever ran before it."""
    torch.manual_seed(0)


@pytest.fixture(autouse=True, scope="session")
def _threads_of_fixtures() -> None:
    """What a module's tests share is made on as many threads as they have, whichever run first."""
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", 1)))


@pytest.fixture(autouse=True)
def _threads(request: pytest.FixtureRequest) -> None:
    """Small tensors lose time on more than one thread; the full-size tests of `slow` gain it.

    (And sums are others on other numbers of threads.)
    """
    marked = {marker.name for marker in request.node.iter_markers()}
    cores = os.cpu_count() if "slow" in marked and "often" not in marked else 1
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", cores)))


SAMPLING = Sampling(
    steps=4, guidance=3.0, solver="dpmpp_2m", schedule="shifted", shift=2.0,
    size=(16, 16), pad_mask="pad",
)  # fmt: skip


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole model of a few thousand random weights, saved as a folder."""
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


@pytest.fixture
def model_with_lora(tiny_model: Path, tmp_path: Path) -> Path:
    """The tiny model with a LoRA of its U-Net that changes all that it paints."""
    folder = ModelFolder(shutil.copytree(tiny_model, tmp_path / "model with a LoRA"))
    models = {"unet": folder.load("unet")}
    updates = TrainableUpdates(adaptable(models), rank=2).updates()
    for low in updates.values():
        torch.nn.init.normal_(low.up, std=0.3)
    save_lora(folder.path / "own.safetensors", updates, models)
    folder.add_lora("own.safetensors")
    return folder.path


@pytest.fixture(scope="session")
def restyling_model(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What restyles, of random weights, in a folder that borrows all else from the tiny model."""
    torch.manual_seed(1)
    folder = ModelFolder(tmp_path_factory.mktemp("restyling"))
    write_json(folder.path / EXTRA, {"base": os.path.relpath(tiny_model, folder.path)})
    content = ContentEncoder(asked_of(folder))
    style = StyleNamer(StyleConfig(styles=("3d", "noto"), channels=(8, 8), width=16))
    for module in (content, style):
        for parameter in module.parameters():  # new ones add nothing
            torch.nn.init.normal_(parameter, std=0.2)
        folder.save(module)
    return folder.path


@pytest.fixture(scope="session")
def tiny_upscaler(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An upscaler of a few thousand random weights, saved as a folder."""
    torch.manual_seed(0)
    folder = ModelFolder(tmp_path_factory.mktemp("upscaler"))
    network = Upscaler(UpscalerConfig(width=8, depth=1, time_width=8))
    for parameter in network.parameters():  # zero-initialised outputs would add nothing
        torch.nn.init.normal_(parameter, std=0.2)
    folder.save(network)
    sampling = Sampling(steps=2, guidance=1.0, solver="euler", schedule="uniform")
    folder.save_settings(RectifiedFlow(), "v", sampling, None)
    return folder.path


@pytest.fixture
def painter(tiny_model: Path) -> limner.Painter:
    """A painter of the tiny model."""
    return limner.load(tiny_model, device="cpu")


@pytest.fixture
def encoded(painter: limner.Painter) -> list[torch.Tensor]:
    """The number of texts that the tower has read."""
    texts: list[torch.Tensor] = []
    painter.parts.text_encoder.register_forward_pre_hook(lambda _, given: texts.extend(given[0]))
    return texts


@pytest.fixture
def tiny_transformer(painter: limner.Painter) -> DiT:
    """A transformer of random weights for the painter's texts and latents."""
    torch.manual_seed(0)
    width = painter.parts.text_encoder.config.width
    transformer = DiT(DiTConfig(width=32, depth=2, heads=2, context_width=width, size=(8, 8)))
    for parameter in transformer.parameters():  # gates of zero would paint nothing
        torch.nn.init.normal_(parameter, std=0.1)
    return transformer
