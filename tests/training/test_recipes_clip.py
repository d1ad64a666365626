"""CLIP's recipe on a published CLIP: its words, its pixels, its towers go on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from limner.checkpoints import ModelFolder
from limner.checkpoints.clip import Normalisation, WholeClip, load_clip, save_clip
from limner.data.captions import class_records
from limner.data.records import PictureSet
from limner.errors import CheckpointError
from limner.generators import finish
from limner.models.clip import Clip, ClipConfig, TextTowerConfig, VisionTowerConfig
from limner.models.clip_resnet import ResNetTowerConfig
from limner.text.tokenizer import Tokenizer
from limner.training.loop import LoopConfig
from limner.training.recipes import RECIPES
from limner.training.recipes.clip import fitted
from limner.training.run import train

TEXT = TextTowerConfig(width=16, layers=1, heads=1, mlp_width=16, projection_width=12)
VIT = VisionTowerConfig(
    image_size=16, patch=8, width=16, layers=1, heads=1, mlp_width=16, projection_width=12
)
RESNET = ResNetTowerConfig(image_size=32, layers=(1, 1, 1, 1), width=4, projection_width=12)
RECIPE = replace(
    RECIPES["fashion-clip"], loop=LoopConfig(steps=2, batch=3, learning_rate=1e-2, precision="fp32")
)


def pictures(channels: int = 4) -> PictureSet:
    chance = torch.Generator().manual_seed(0)
    drawn = torch.randint(0, 256, (6, channels, 8, 8), generator=chance).to(torch.uint8)
    records = class_records([0, 1, 2] * 2, ("coat", "boot", "bag"), held_out=False)
    return PictureSet(pictures=drawn, records=records)


def published(path: Path, vision: VisionTowerConfig | ResNetTowerConfig) -> Path:
    """A model folder as `limner convert` makes one of a published file."""
    torch.manual_seed(0)
    clip = Clip.from_config(ClipConfig(text=TEXT, vision=vision)).eval()
    tokenizer = Tokenizer.clip(length=77)
    save_clip(WholeClip(clip=clip, tokenizer=tokenizer, normalisation=Normalisation()), path)
    return path


@pytest.mark.parametrize("vision", [VIT, RESNET], ids=["ViT", "RN"])
def test_it_goes_on_from_both_towers(
    tmp_path: Path, vision: VisionTowerConfig | ResNetTowerConfig
) -> None:
    base = published(tmp_path / "base", vision)
    sheet = finish(train(RECIPE, pictures(), tmp_path / "run", base=base), lambda progress: None)
    assert sheet is not None
    before, after = load_clip(base), load_clip(tmp_path / "run" / "model")
    assert after.clip.vision.config == vision
    assert after.normalisation == Normalisation()
    assert torch.equal(before.tokenizer(["a coat"]), after.tokenizer(["a coat"]))
    moved = {
        name
        for name, tensor in before.clip.state_dict().items()
        if not torch.equal(tensor, after.clip.state_dict()[name])
    }
    assert "text.text_projection.weight" in moved
    assert any(name.startswith("vision.") for name in moved)


def test_a_file_is_gone_on_from_and_another_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    save_file({"a": torch.ones(2)}, file)
    with pytest.raises(CheckpointError, match="a whole CLIP is right"):
        list(train(RECIPE, pictures(), tmp_path / "run", base=file))
    whole = load_clip(published(tmp_path / "base", VIT))
    state = {name.split(".", 1)[-1]: t for name, t in whole.clip.state_dict().items()}
    save_file(state | {"logit_scale": torch.tensor(3.0)}, file)
    finish(train(RECIPE, pictures(3), tmp_path / "new", base=file), lambda progress: None)
    assert ModelFolder(tmp_path / "new" / "model").config("image_encoder") == VIT


def test_pixels_are_fitted_to_the_tower() -> None:
    clear = torch.full((1, 4, 8, 8), -1.0)  # transparent: white
    torch.testing.assert_close(fitted(clear, VIT, None), torch.ones(1, 3, 16, 16))
    grey = torch.zeros(1, 1, 16, 16)
    expected = Normalisation()(torch.zeros(1, 3, 16, 16))
    torch.testing.assert_close(fitted(grey, VIT, Normalisation()), expected)
    red = torch.tensor([0.6, -0.4, -0.4, 0.6]).view(1, 4, 1, 1).expand(1, 4, 16, 16)
    seen = fitted(red, VIT, None)[0, :, 0, 0]  # 0.8 of red over white
    torch.testing.assert_close(seen, torch.tensor([1.0, 0.0, 0.0]))
    assert fitted(red, replace(VIT, channels=4), None) is red
