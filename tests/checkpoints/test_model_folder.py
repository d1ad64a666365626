import json
import shutil
from dataclasses import replace

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from transformers import CLIPTextModel, CLIPTokenizer

from limner.checkpoints import (
    ModelFolder,
    convert,
    load_folder,
    ship,
    ship_denoiser,
    ship_loras,
    ship_naming,
    ship_upscaler,
)
from limner.checkpoints.lora import save_lora
from limner.checkpoints.shipping import _copy_loras
from limner.diffusion.prediction import name_of
from limner.errors import CheckpointError
from limner.models.clip import Clip, ClipConfig, TextTowerConfig, VisionTowerConfig
from limner.nn.adapter import LowRank
from limner.text.tokenizer import Tokenizer


@pytest.fixture
def broken(tiny_model, tmp_path):
    """A copy that a test may spoil."""
    return shutil.copytree(tiny_model, tmp_path / "copy")


def test_what_is_saved_is_loaded_to_the_bit(tiny_model, tmp_path):
    unet = ModelFolder(tiny_model).load("unet")
    again = ModelFolder(tmp_path)
    again.save(unet)
    for name, weight in again.load("unet").state_dict().items():
        assert torch.equal(weight, unet.state_dict()[name]), name


def test_half_precision_on_disk_is_single_in_memory(tiny_model, tmp_path):
    unet = ModelFolder(tiny_model).load("unet")
    ModelFolder(tmp_path).save(unet, torch.float16)
    loaded = ModelFolder(tmp_path).load("unet")
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}
    torch.testing.assert_close(loaded.conv_in.weight, unet.conv_in.weight, atol=1e-3, rtol=1e-3)


def test_the_parts_open_in_diffusers_and_transformers_and_say_the_same(tiny_model):
    parts = load_folder(tiny_model)
    unet = UNet2DConditionModel.from_pretrained(tiny_model / "unet")
    vae = AutoencoderKL.from_pretrained(tiny_model / "vae")
    text = CLIPTextModel.from_pretrained(tiny_model / "text_encoder")
    tokenizer = CLIPTokenizer.from_pretrained(tiny_model / "tokenizer")

    prompt = "a red apple, 3d"
    ids = parts.tokenizer([prompt])
    theirs = tokenizer([prompt], padding="max_length", max_length=12, return_tensors="pt")
    assert torch.equal(ids, theirs.input_ids)
    x, t = torch.randn(1, 4, 8, 8), torch.tensor([500.0])
    with torch.no_grad():
        context = parts.text_encoder(ids).last
        torch.testing.assert_close(context, text(ids).last_hidden_state, atol=1e-5, rtol=1e-5)
        ours = parts.denoiser(x, t, context)
        torch.testing.assert_close(ours, unet(x, t, context).sample, atol=1e-4, rtol=1e-4)
        decoded = parts.autoencoder.decode(x)
        torch.testing.assert_close(decoded, vae.decode(x).sample, atol=1e-4, rtol=1e-4)


def test_a_folder_that_is_none(tmp_path):
    with pytest.raises(CheckpointError, match=r"model_index\.json"):
        load_folder(tmp_path)


def test_a_missing_weights_file(broken):
    path = broken / "unet" / "diffusion_pytorch_model.safetensors"
    path.unlink()
    with pytest.raises(
        CheckpointError, match=r"unet/diffusion_pytorch_model.safetensors is missing"
    ):
        load_folder(broken)


@pytest.mark.parametrize("keep", [0, 6, 100, -10])
def test_a_truncated_weights_file(broken, keep):
    path = broken / "vae" / "diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match="broken or cut short"):
        load_folder(broken)


def test_a_config_that_does_not_match_the_weights(broken):
    path = broken / "unet" / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "layers_per_block": 2}))
    with pytest.raises(
        CheckpointError, match=r"does not match its config\.json: \d+ tensors missing"
    ):
        load_folder(broken)
    path.write_text(json.dumps({**config, "cross_attention_dim": 48}))
    with pytest.raises(CheckpointError, match="has shape"):
        load_folder(broken)


def test_a_config_without_its_fields(broken):
    (broken / "unet" / "config.json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"unet/config\.json does not describe unet"):
        load_folder(broken)
    (broken / "unet" / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match="is not JSON"):
        load_folder(broken)


def test_shipping_keeps_the_model_and_packs_its_weights(tiny_model, tmp_path):
    ship(tiny_model, tmp_path / "shipped")
    before, after = load_folder(tiny_model), load_folder(tmp_path / "shipped")
    assert (after.sampling, after.words) == (before.sampling, before.words)
    assert after.prediction == before.prediction
    for name, weight in before.denoiser.state_dict().items():
        torch.testing.assert_close(
            after.denoiser.state_dict()[name], weight, rtol=1e-3, atol=weight.abs().max() / 250
        )
    with pytest.raises(CheckpointError, match="exists already"):
        ship(tiny_model, tmp_path / "shipped")


def test_a_folder_borrows_from_its_base_what_it_has_not(tiny_model, tmp_path):
    shutil.copytree(tiny_model, tmp_path / "base")
    trained = shutil.copytree(tiny_model, tmp_path / "trained")
    unet = ModelFolder(trained).load("unet")
    with torch.no_grad():
        unet.conv_in.bias += 1
    ModelFolder(trained).save(unet)
    ship_denoiser(trained, tmp_path / "small", "../base")
    assert {path.name for path in (tmp_path / "small").iterdir()} == {
        "unet",
        "limner.json",
        "model_index.json",
    }
    parts, base = load_folder(tmp_path / "small"), load_folder(tmp_path / "base")
    torch.testing.assert_close(
        parts.denoiser.conv_in.bias, base.denoiser.conv_in.bias + 1, atol=1e-3, rtol=1e-3
    )
    assert parts.sampling == base.sampling
    assert parts.words == base.words
    both = zip(parts.text_encoder.parameters(), base.text_encoder.parameters(), strict=True)
    assert all(torch.equal(own, lent) for own, lent in both)
    with pytest.raises(CheckpointError, match="exists already"):
        ship_denoiser(trained, tmp_path / "small", "../base")


@pytest.mark.parametrize("absolute", [False, True])
def test_a_copy_elsewhere_finds_its_base(absolute, tiny_model, tmp_path):
    shutil.copytree(tiny_model, tmp_path / "base")
    lender = str(tmp_path / "base") if absolute else "../base"
    ship_denoiser(tmp_path / "base", tmp_path / "small", lender)
    copy = ModelFolder(tmp_path / "small").copy_to(tmp_path / "deep" / "er" / "copy")
    assert copy.base.path.resolve() == tmp_path / "base"
    assert json.loads((copy.path / "limner.json").read_text())["base"] == (
        lender if absolute else "../../../base"
    )
    assert load_folder(copy.path).sampling == load_folder(tiny_model).sampling
    (tmp_path / "small" / "limner.json").write_text('{"base": "../gone"}')
    with pytest.raises(CheckpointError, match="which is missing"):
        ModelFolder(tmp_path / "small").copy_to(tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_a_part_that_a_folder_gives_up_is_not_its_bases(tiny_model, tmp_path):
    ship_denoiser(tiny_model, tmp_path / "small", str(tiny_model))
    folder = ModelFolder(tmp_path / "small")
    folder.remove("vae")
    assert not folder.has("vae")
    assert folder.has("text_encoder")


def test_a_conversion_keeps_what_the_base_is_exact_in(tiny_model, tmp_path):
    ship_denoiser(tiny_model, tmp_path / "small", str(tiny_model))  # in half precision
    convert(tmp_path / "small", tmp_path / "whole")
    tower = load_folder(tmp_path / "whole").text_encoder.state_dict()
    for name, weight in ModelFolder(tiny_model).load("text_encoder").state_dict().items():
        assert torch.equal(tower[name], weight)


def test_a_base_that_is_missing_is_named(tiny_model, tmp_path):
    ship_denoiser(tiny_model, tmp_path / "small", str(tiny_model))
    (tmp_path / "small" / "limner.json").write_text('{"base": "../gone"}')
    with pytest.raises(CheckpointError, match=r"names a base, \.\./gone, which is missing"):
        load_folder(tmp_path / "small")


@pytest.mark.parametrize("base", [".", "../second"])
def test_bases_of_bases_and_of_themselves_are_refused(base, tiny_model, tmp_path):
    for name, lender in (("first", base), ("second", str(tiny_model))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "limner.json").write_text(json.dumps({"base": lender}))
    with pytest.raises(CheckpointError, match="has a base itself: a whole model is right"):
        ModelFolder(tmp_path / "first").has("unet")


def test_a_denoiser_that_is_painted_with_otherwise_has_another_base(tiny_model, tmp_path):
    other = ModelFolder(shutil.copytree(tiny_model, tmp_path / "other"))
    process, prediction, sampling, words = other.load_settings()
    other.save_settings(process, name_of(prediction), replace(sampling, steps=3), words)
    with pytest.raises(CheckpointError, match="is not painted with as"):
        ship_denoiser(other.path, tmp_path / "small", str(tiny_model))
    assert not (tmp_path / "small").exists()


def test_an_upscaler_is_shipped_in_half_precision_with_its_own_steps(tiny_upscaler, tmp_path):
    ship_upscaler(tiny_upscaler, tmp_path / "small", steps=1)
    before, after = ModelFolder(tiny_upscaler), ModelFolder(tmp_path / "small")
    for name, weight in before.load("upscaler").state_dict().items():
        assert torch.equal(after.load("upscaler").state_dict()[name], weight.half().float()), name
    assert after.load_settings()[2] == replace(before.load_settings()[2], steps=1)
    with pytest.raises(CheckpointError, match="exists already"):
        ship_upscaler(tiny_upscaler, tmp_path / "small")
    with pytest.raises(CheckpointError, match="is missing"):
        ship_upscaler(tmp_path / "nowhere", tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_loras_are_shipped_in_half_precision_beside_their_base(tiny_model, tmp_path):
    trained = ModelFolder(shutil.copytree(tiny_model, tmp_path / "trained"))
    with pytest.raises(CheckpointError, match="has no LoRA"):
        ship_loras(trained.path, tmp_path / "small", str(tiny_model))
    unet = trained.load("unet")
    name = next(n for n, m in unet.named_modules() if n.endswith("to_q"))
    width = unet.get_submodule(name).in_features
    update = LowRank(down=torch.randn(2, width), up=torch.randn(width, 2))
    save_lora(trained.path / "a.safetensors", {f"unet.{name}": update}, {"unet": unet})
    trained.add_lora("a.safetensors")
    trained.add_lora("a.safetensors")  # it is there once
    ship_loras(trained.path, tmp_path / "small", str(tiny_model))
    made = ModelFolder(tmp_path / "small")
    assert made.loras == (tmp_path / "small" / "a.safetensors",)
    assert {tensor.dtype for tensor in load_file(made.loras[0]).values()} == {torch.float16}
    assert load_folder(made.path).sampling == trained.load_settings()[2]
    with pytest.raises(CheckpointError, match=r"the base .* is missing"):
        ship_loras(trained.path, tmp_path / "other", "../gone")


@pytest.fixture
def clip(tmp_path):
    """The folder of a tiny CLIP on captions that the tiny model's concepts are read with."""
    folder = ModelFolder(tmp_path / "clip")
    folder.path.mkdir()
    tokenizer = Tokenizer.train(["a red apple", "a blue cat"] * 4, 600, length=12)
    folder.save_tokenizer(tokenizer)
    text = TextTowerConfig(
        vocabulary_size=tokenizer.vocabulary_size, length=12, width=16, layers=1, heads=2,
        mlp_width=16, projection_width=8, end=tokenizer.end,
    )  # fmt: skip
    vision = VisionTowerConfig(
        image_size=8, patch=4, channels=4, width=16, layers=1, heads=2, mlp_width=16,
        projection_width=8,
    )  # fmt: skip
    made = Clip.from_config(ClipConfig(text=text, vision=vision))
    folder.save(made.text)
    folder.save(made.vision)
    return folder


@pytest.fixture
def shown():
    """Pictures of two things, of one of them several."""
    return [(name, torch.rand(4, 8, 8) * 2 - 1) for name in ("cat", "dog", "cat")]


def test_a_picture_has_the_name_of_the_nearest_picture(tiny_model, tmp_path, clip, shown):
    ship_denoiser(tiny_model, tmp_path / "small", str(tiny_model))
    ship_naming(clip.path, tmp_path / "small", shown)
    naming = load_folder(tmp_path / "small").naming
    assert naming.names == ("cat", "dog", "cat")
    known = torch.stack([pixels for _, pixels in shown])
    assert naming(known) == naming.names
    pixels = torch.rand(5, 4, 8, 8) * 2 - 1
    with torch.no_grad():
        seen, of = (clip.load("image_encoder")(some).projected for some in (pixels, known))
    for picture, name in zip(seen, naming(pixels), strict=True):
        cosines = torch.cosine_similarity(picture[None], of).tolist()
        named = [cosine for cosine, (each, _) in zip(cosines, shown, strict=True) if each == name]
        assert max(named) == pytest.approx(max(cosines), abs=2e-3)  # half precision on the disk
    assert load_folder(tiny_model).naming is None


def test_pictures_are_named_by_at_least_one(tiny_model, tmp_path, clip):
    ship_denoiser(tiny_model, tmp_path / "small", str(tiny_model))
    with pytest.raises(CheckpointError, match="one of each name at least"):
        ship_naming(clip.path, tmp_path / "small", [])


def test_broken_names_are_refused(tiny_model, tmp_path, clip, shown):
    ship_denoiser(tiny_model, tmp_path / "small", str(tiny_model))
    ship_naming(clip.path, tmp_path / "small", shown)
    file = tmp_path / "small" / "image_encoder" / "names.safetensors"
    save_file({"vectors": torch.zeros(2, 8)}, file, metadata={"names": '["a", "b", "c"]'})
    with pytest.raises(CheckpointError, match="are right for its names and tower"):
        load_folder(tmp_path / "small")
    file.write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match="no readable names"):
        load_folder(tmp_path / "small")


def test_a_lora_is_cut_to_the_nearest_of_a_lower_rank(tmp_path):
    tensors = {
        "unet.a.lora_A.weight": torch.randn(6, 10),
        "unet.a.lora_B.weight": torch.randn(12, 6),
        "unet.b.lora_A.weight": torch.randn(6, 4, 3, 3),
        "unet.b.lora_B.weight": torch.randn(3, 6, 1, 1),
    }
    save_file(tensors, tmp_path / "a.safetensors")
    folder = ModelFolder(tmp_path / "cut")
    folder.path.mkdir()
    _copy_loras([tmp_path / "a.safetensors"], folder, 4)
    cut = load_file(folder.loras[0])
    assert cut["unet.a.lora_A.weight"].shape == (4, 10)
    assert cut["unet.b.lora_B.weight"].shape == (3, 3, 1, 1)  # of three rows: rank 3 is all
    for name in ("unet.a", "unet.b"):
        whole, less = (
            up.float().flatten(1) @ down.float().flatten(1)
            for t in (tensors, cut)
            for up, down in [(t[f"{name}.lora_B.weight"], t[f"{name}.lora_A.weight"])]
        )
        u, s, v = torch.linalg.svd(whole, full_matrices=False)
        torch.testing.assert_close(less, u[:, :4] * s[:4] @ v[:4], atol=2e-2, rtol=2e-2)
