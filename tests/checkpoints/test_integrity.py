"""What a model folder names must be there, and what its kind needs."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from models_of_every_family import UNETS, tiny_file, tiny_parts
from safetensors.torch import load_file, save_file

import limner
from limner.checkpoints import inspect, load_folder, load_single_file, save_folder
from limner.cli import main
from limner.errors import CheckpointError
from limner.models.unet import UNet


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "sdxl"
    save_folder(tiny_parts("sdxl"), path)
    return path


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "model")


def index(path: Path, **fields: Any) -> None:
    file = path / "model_index.json"
    kept = json.loads(file.read_text()) | fields
    file.write_text(json.dumps({name: v for name, v in kept.items() if v != "gone"}))


def test_a_whole_folder_is_sound(whole: Path) -> None:
    assert inspect(whole).sound
    assert load_folder(whole).notes == ()


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder_2", "scheduler"])
def test_a_part_that_is_named_and_missing_is_an_error(
    folder: Path, part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(folder / part)
    message = f"{part} is missing: model_index.json names it"
    with pytest.raises(CheckpointError, match=message):
        load_folder(folder)
    assert message in inspect(folder).problems
    assert main(["inspect", str(folder)]) == 1
    assert message in capsys.readouterr().out


def test_sdxl_needs_its_second_encoder_whatever_the_index_says(folder: Path) -> None:
    shutil.rmtree(folder / "text_encoder_2")
    index(folder, text_encoder_2="gone")
    message = "text_encoder_2 is missing: Stable Diffusion XL has text_encoder and text_encoder_2"
    with pytest.raises(CheckpointError, match=message):
        load_folder(folder)
    assert inspect(folder).problems == (message,)


def test_a_model_of_pixels_says_that_it_is_one(folder: Path) -> None:
    shutil.rmtree(folder / "vae")
    index(folder, vae="gone")
    message = r'vae is missing: a model that works on pixels says so by "vae": \[null, null\]'
    with pytest.raises(CheckpointError, match=message):
        load_folder(folder)
    assert not inspect(folder).sound
    index(folder, vae=[None, None])
    assert load_folder(folder).autoencoder is None
    assert inspect(folder).sound


def test_a_model_of_pixels_that_is_saved_says_so(tmp_path: Path) -> None:
    save_folder(replace(tiny_parts("sd1"), autoencoder=None), tmp_path / "pixels")
    assert load_folder(tmp_path / "pixels").autoencoder is None


@pytest.mark.parametrize("named", [False, True])
def test_a_unet_of_rgb_is_a_model_of_pixels(tmp_path: Path, named: bool) -> None:
    """As diffusers writes one: no autoencoder, and no word of it."""
    path, whole = tmp_path / "pixels", tiny_parts("sd1")
    torch.manual_seed(0)
    unet = UNet(replace(UNETS["sd1"], in_channels=3, out_channels=3))
    save_folder(replace(whole, denoiser=unet.eval(), autoencoder=None), path)
    index(path, vae="gone", **({"vqvae": ["diffusers", "VQModel"]} if named else {}))
    (path / "limner.json").unlink()
    config = json.loads((path / "unet" / "config.json").read_text())
    (path / "unet" / "config.json").write_text(json.dumps({**config, "sample_size": 16}))
    if named:
        with pytest.raises(CheckpointError, match="vae is missing"):
            load_folder(path)
        return
    assert inspect(path).sound
    painter = limner.load(path, device="cpu")
    result = painter.generate("a cat", seed=0, steps=1)
    assert (result.latents.shape, result.images[0].size) == ((1, 3, 16, 16), (16, 16))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "model_index.json is not JSON"),
        ("[" * 100_000, "model_index.json is not JSON"),
        ("[]", "model_index.json holds no JSON object"),
        ('{"unet": "UNet"}', r"unet is 'UNet'; \[library, class\] is right"),
        ('{"vae": ["diffusers"]}', r"vae is \['diffusers'\]; \[library, class\] is right"),
        ('{"scheduler": [1, 2]}', r"scheduler is \[1, 2\]; \[library, class\] is right"),
    ],
)
def test_a_broken_index_is_an_error(folder: Path, text: str, message: str) -> None:
    (folder / "model_index.json").write_text(text)
    for read in (load_folder, inspect):
        with pytest.raises(CheckpointError, match=message):
            read(folder)
    assert main(["inspect", str(folder)]) == 1


def test_two_denoisers_are_one_too_many(folder: Path) -> None:
    shutil.copytree(folder / "unet", folder / "transformer")
    with pytest.raises(CheckpointError, match="a unet and a transformer: one of them is right"):
        load_folder(folder)


def test_a_tokenizer_that_is_made_up_for_is_told(folder: Path) -> None:
    shutil.rmtree(folder / "tokenizer")
    note = "its tokenizer is missing: CLIP's own vocabulary is taken"
    assert load_folder(folder).notes == (note,)
    assert inspect(folder).notes == (note,)


def test_a_vocabulary_of_its_own_cannot_be_made_up_for(tiny_model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "own")
    shutil.rmtree(folder / "tokenizer")
    with pytest.raises(CheckpointError, match=r"tokenizer is missing.*words of its own, not CLIP"):
        load_folder(folder)


def test_a_scheduler_that_means_nothing_is_a_problem_and_not_the_end(folder: Path) -> None:
    (folder / "scheduler" / "scheduler_config.json").write_text('{"_class_name": "Strange"}')
    report = inspect(folder)
    assert report.kind == "sdxl"
    assert any("does not describe a noise process" in problem for problem in report.problems)
    with pytest.raises(CheckpointError, match="does not describe a noise process"):
        load_folder(folder)


def test_an_image_tower_beside_the_text_encoder_is_told_and_refused_by_strict(
    folder: Path,
) -> None:
    file = folder / "text_encoder" / "model.safetensors"
    tower = {"vision_model.a.weight": torch.ones(40), "visual_projection.weight": torch.ones(2, 9)}
    save_file(load_file(file) | tower | {"logit_scale": torch.tensor(4.6)}, file)
    note = "text_encoder: 3 tensors of an image tower are not used"
    assert load_folder(folder).notes == (note,)
    assert inspect(folder).sound
    assert inspect(folder).notes == (note,)
    with pytest.raises(CheckpointError, match=note):
        load_folder(folder, strict=True)


HARMLESS = {
    "optimizer_states.0.step": torch.tensor(3.0),
    "callbacks.last": torch.ones(2),
    "control_model.input_blocks.0.0.weight": torch.ones(3, 3),
    "something.else": torch.ones(50),
}


def test_a_harmless_key_too_many_is_told_and_refused_by_strict(tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    save_file({**tiny_file("sd1"), **HARMLESS}, file)
    (note,) = load_single_file(file).notes
    assert note.startswith("4 tensors of the file are not used, such as ['callbacks.last'")
    report = inspect(file)
    assert report.sound
    assert report.notes == (note,)
    with pytest.raises(CheckpointError, match="4 unexpected"):
        load_single_file(file, strict=True)
    with pytest.raises(CheckpointError, match="4 unexpected"):
        limner.load(file, device="cpu", strict=True)


@pytest.mark.parametrize(
    "name", ["edm_vpred.sigma_data", "flow_shift", "model.diffusion_model.extra.weight"]
)
def test_a_key_that_may_change_the_meaning_is_refused(tmp_path: Path, name: str) -> None:
    count = 50 if name.startswith("model.") else 1
    save_file({**tiny_file("sd1"), name: torch.ones(count)}, tmp_path / "x")
    with pytest.raises(CheckpointError, match="1 unexpected"):
        load_single_file(tmp_path / "x")
    assert not inspect(tmp_path / "x").sound
