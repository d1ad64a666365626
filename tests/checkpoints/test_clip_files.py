"""Published files of CLIP, in every spelling, against open_clip and transformers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from open_clip_stubbed import HAS_OPEN_CLIP, REASON, open_clip_model
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import CLIPConfig, CLIPModel

from limner.checkpoints import convert, inspect, load_single_file
from limner.checkpoints.clip import (
    Normalisation,
    holds_clip,
    load_clip,
    normalisation_of,
    save_clip,
)
from limner.cli import main
from limner.data.pixels import to_model_range
from limner.errors import CheckpointError

needs_open_clip = pytest.mark.skipif(not HAS_OPEN_CLIP, reason=REASON)
# fmt: off
TEXT = {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 1, "layers": 2}
VIT = {"image_size": 32, "layers": 2, "width": 64, "patch_size": 8}
RESNET = {"image_size": 32, "layers": [1, 1, 2, 1], "width": 8}
OPENAI = {"input_resolution": 32, "context_length": 77, "vocab_size": 49408}
# fmt: on
IDS = torch.tensor([[49406, 320, 2368, 49407, *[49407] * 73], [49406, *range(500, 575), 49407]])


def randomise(module: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            if tensor.is_floating_point() and tensor.ndim:
                norm = name.endswith("weight") and tensor.ndim == 1
                tensor.normal_(float(norm), 0.1)
                if name.endswith("running_var"):
                    tensor.abs_().add_(0.5)
    return module.eval()


def open_clip(vision: dict[str, Any], *, quick: bool, custom: bool = False, **text: Any) -> Any:
    made = open_clip_model()
    kind = made.CustomTextCLIP if custom else made.CLIP
    return randomise(
        kind(
            embed_dim=24,
            vision_cfg=made.CLIPVisionCfg(**vision),
            text_cfg=made.CLIPTextCfg(**{**TEXT, **text}),
            quick_gelu=quick,
        )
    )


def written(file: Path, theirs: nn.Module, *, openai: bool = False) -> Path:
    state = {name: tensor.clone() for name, tensor in theirs.state_dict().items()}
    if openai:
        state |= {name: torch.tensor(value) for name, value in OPENAI.items()}
    save_file(state, file)
    return file


@torch.no_grad()
def assert_same(path: Path, theirs: nn.Module, size: int = 32) -> None:
    """Both towers and the temperature of a file are those of open_clip's model."""
    ours, images = load_clip(path).clip, torch.randn(2, 3, size, size)
    close = {"atol": 1e-5, "rtol": 1e-5}
    torch.testing.assert_close(ours.text(IDS).projected, theirs.encode_text(IDS), **close)
    torch.testing.assert_close(ours.vision(images).projected, theirs.encode_image(images), **close)
    torch.testing.assert_close(ours.logit_scale, theirs.logit_scale)


@needs_open_clip
@pytest.mark.parametrize("vision", [VIT, RESNET], ids=["ViT", "RN"])
def test_openais_files(tmp_path: Path, vision: dict[str, Any]) -> None:
    theirs = open_clip(vision, quick=True)
    file = written(tmp_path / "x.safetensors", theirs, openai=True)
    assert_same(file, theirs)
    assert load_clip(file, strict=True).notes == ()
    report = inspect(file)
    assert (report.sound, report.kind, report.notes) == (True, "clip", ())
    assert report.parameters.keys() == {"text_encoder", "image_encoder"}


@needs_open_clip
@pytest.mark.parametrize("custom", [False, True], ids=["CLIP", "CustomTextCLIP"])
@pytest.mark.parametrize("quick", [False, True])
def test_open_clips_folders_say_the_activation(tmp_path: Path, quick: bool, custom: bool) -> None:
    vision, text = {**VIT, "head_width": 32}, {"heads": 2}
    theirs = open_clip(vision, quick=quick, custom=custom, **text)
    written(tmp_path / "open_clip_model.safetensors", theirs)
    said: dict[str, Any] = {"vision_cfg": vision, "text_cfg": {**TEXT, **text}}
    pixels = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}
    config = {"model_cfg": said | ({"quick_gelu": True} if quick else {}), "preprocess_cfg": pixels}
    (tmp_path / "open_clip_config.json").write_text(json.dumps(config), encoding="utf-8")
    assert_same(tmp_path, theirs)
    whole = load_clip(tmp_path)
    assert whole.notes == ()
    assert whole.normalisation == Normalisation(mean=(0.5,) * 3, spread=(0.5,) * 3)


@needs_open_clip
def test_a_file_alone_tells_what_was_taken_for_it(tmp_path: Path) -> None:
    theirs = open_clip(VIT, quick=False)
    file = written(tmp_path / "x.safetensors", theirs)
    assert_same(file, theirs)
    (note,) = load_clip(file).notes
    assert note.startswith("nothing beside the file tells its activation: gelu is taken")


def transformers_clip(folder: Path, activation: str) -> CLIPModel:
    tower = {
        "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
        "num_attention_heads": 4, "hidden_act": activation, "projection_dim": 24,
    }  # fmt: skip
    config = CLIPConfig(
        text_config={**tower, "eos_token_id": 49407},
        vision_config={**tower, "image_size": 32, "patch_size": 8},
        projection_dim=24,
    )
    theirs = randomise(CLIPModel(config))
    theirs.save_pretrained(folder)
    return theirs


@pytest.mark.parametrize("activation", ["quick_gelu", "gelu"])
@torch.no_grad()
def test_transformers_folders(tmp_path: Path, activation: str) -> None:
    theirs = transformers_clip(tmp_path, activation)
    images = torch.randn(2, 3, 32, 32)
    expected = theirs(IDS, images)
    for path in (tmp_path, tmp_path / "model.safetensors"):
        whole = load_clip(path)
        ours, close = whole.clip, {"atol": 1e-5, "rtol": 1e-5}
        torch.testing.assert_close(ours.text_features(IDS), expected.text_embeds, **close)
        torch.testing.assert_close(ours.image_features(images), expected.image_embeds, **close)
        scores = ours.similarity(ours.text_features(IDS), ours.image_features(images))
        torch.testing.assert_close(scores, expected.logits_per_text, atol=1e-4, rtol=1e-4)
        assert whole.notes == ()
    assert (inspect(tmp_path / "model.safetensors").kind, holds_clip(tmp_path)) == ("clip", True)


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A folder of transformers' with a file beside it that none of it is."""
    folder = tmp_path / "published"
    transformers_clip(folder, "quick_gelu")
    return folder


@torch.no_grad()
def test_texts_and_pictures_are_compared(
    published: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (40, 32), (51, 102, 153)).save(tmp_path / "blue.png")
    words = ["text", "similarity", "a cat", "a dog", "--picture", str(tmp_path / "blue.png")]
    assert main([*words, "--json", "--model", str(published)]) == 0
    shown = json.loads(capsys.readouterr().out)
    whole = load_clip(published)
    pixels = to_model_range(torch.tensor([51, 102, 153], dtype=torch.uint8).view(1, 3, 1, 1))
    seen = whole.clip.image_features(Normalisation()(pixels.expand(1, 3, 32, 32)))
    read = whole.texts(["a cat", "a dog"])
    for row in (0, 1):
        alike = torch.cosine_similarity(read[row], seen[0], dim=0)
        assert shown["cosines"][row][2] == pytest.approx(float(alike), abs=1e-5)
    near = ["text", "nearest", "a cat", "--among", "a dog,a fox", "--model", str(published)]
    assert main(near) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert main([*near[:3], "--model", str(published)]) == 2
    assert "--among cat,dog,... gives some" in capsys.readouterr().err


def test_what_lies_beside_the_towers_is_told_or_refused(published: Path) -> None:
    file = published / "model.safetensors"
    save_file(load_file(file) | {"optimizer_states.0.step": torch.ones(3)}, file)
    assert load_clip(file).notes == (
        "1 tensors of the file are not used, such as ['optimizer_states.0.step']",
    )
    with pytest.raises(CheckpointError, match="1 unexpected"):
        load_clip(file, strict=True)
    save_file(load_file(file) | {"logit_bias": torch.ones(1)}, file)
    with pytest.raises(CheckpointError, match=r"1 unexpected \['logit_bias'\]"):
        load_clip(file)


@torch.no_grad()
def assert_equal(one: Path, other: Path) -> None:
    first, second = load_clip(one), load_clip(other)
    pairs = zip(first.clip.state_dict().items(), second.clip.state_dict().items(), strict=True)
    for (name, tensor), (again, same) in pairs:
        assert name == again
        if name != "logit_scale":  # of a training, which begins anew
            assert torch.equal(tensor, same)
    torch.testing.assert_close(first.texts(["a cat"]), second.texts(["a cat"]))
    assert first.normalisation == second.normalisation


def test_a_file_becomes_a_model_folder(published: Path, tmp_path: Path) -> None:
    convert(published / "model.safetensors", tmp_path / "made")
    assert inspect(tmp_path / "made").sound
    assert holds_clip(tmp_path / "made")
    assert_equal(published, tmp_path / "made")
    with pytest.raises(CheckpointError, match="is CLIP's two towers"):
        load_single_file(published / "model.safetensors")


@needs_open_clip
def test_a_resnet_is_saved_and_loaded(tmp_path: Path) -> None:
    theirs = open_clip(RESNET, quick=True)
    file = written(tmp_path / "x.safetensors", theirs, openai=True)
    save_clip(load_clip(file), tmp_path / "made")
    index = json.loads((tmp_path / "made" / "model_index.json").read_text())
    assert index["image_encoder"] == ["limner", "ResNetTower"]
    assert_equal(file, tmp_path / "made")


def test_what_is_no_clip(tiny_model: Path, tmp_path: Path) -> None:
    assert not holds_clip(tiny_model)
    with pytest.raises(CheckpointError, match="is no CLIP: a folder with text_encoder and image"):
        load_clip(tiny_model)
    save_file({"a": torch.ones(2)}, tmp_path / "x")
    with pytest.raises(CheckpointError, match="no kind that is known: a whole CLIP is right"):
        load_clip(tmp_path / "x")


@pytest.mark.parametrize("text", ['{"image_mean": [0.5]}', '{"image_mean": [1], "image_std": [0]}'])
def test_pixels_that_mean_nothing(tmp_path: Path, text: str) -> None:
    file = tmp_path / "feature_extractor" / "preprocessor_config.json"
    file.parent.mkdir()
    assert normalisation_of(tmp_path) is None
    file.write_text(text, encoding="utf-8")
    with pytest.raises(CheckpointError, match="does not describe the pixels"):
        normalisation_of(tmp_path)


def cut(state: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key: tensor for key, tensor in state.items() if key != name}


def test_a_tower_that_is_not_whole_is_refused(published: Path) -> None:
    file = published / "model.safetensors"
    whole = load_file(file)
    save_file(cut(whole, "vision_model.post_layernorm.bias"), file)
    with pytest.raises(CheckpointError, match=r"1 tensors missing .*post_layernorm.bias"):
        load_clip(file)
    places = "vision_model.embeddings.position_embedding.weight"
    save_file(whole | {places: torch.ones(13, 64)}, file)
    with pytest.raises(CheckpointError, match="12 places are no square"):
        load_clip(file)
