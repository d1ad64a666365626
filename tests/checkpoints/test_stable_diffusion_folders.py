"""Folders of Stable Diffusion in every layout in circulation, held against what wrote them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_pipelines import KINDS, saved, tiny_pipeline
from torch import Tensor

from limner.checkpoints import ModelFolder, load_folder
from limner.checkpoints.conditions import encoder_of
from limner.checkpoints.families import SDXL
from limner.diffusion.prediction import Epsilon, V
from limner.errors import CheckpointError
from limner.models.clip import TextTowerConfig
from limner.models.unet import add_sizes

PROMPTS = ["a red apple, 3d", "", "a blue cat " * 40]
SIZES = torch.tensor([[512.0, 640.0, 0.0, 8.0, 1024.0, 1024.0], [64.0, 64.0, 3.0, 0.0, 96.0, 64.0]])
WEIGHTS = {
    "unet": "diffusion_pytorch_model.safetensors",
    "vae": "diffusion_pytorch_model.safetensors",
    "text_encoder": "model.safetensors",
}


def relative(ours: Tensor, theirs: Tensor) -> float:
    return ((ours - theirs).abs().max() / theirs.abs().max()).item()


def states(path: Path) -> dict[str, Tensor]:
    """Every weight that a folder gives, by part."""
    parts = load_folder(path)
    found = {}
    for part in ("text_encoder", "text_encoder_2", "denoiser", "autoencoder"):
        if (module := getattr(parts, part)) is not None:
            found |= {f"{part}.{name}": weight for name, weight in module.state_dict().items()}
    return found


def encode_prompt(kind: str, **options: Any) -> tuple[Tensor, ...]:
    return tiny_pipeline(kind).encode_prompt(
        PROMPTS,
        device="cpu",
        num_images_per_prompt=1,
        do_classifier_free_guidance=False,
        **options,
    )


def rewrite(path: Path, part: str, rename: Any, extra: dict[str, Tensor] | None = None) -> None:
    """The weights file of a part with other names of tensors."""
    file = path / part / WEIGHTS[part]
    renamed = {rename(name): weight for name, weight in load_file(file).items()}
    assert renamed.keys() != load_file(file).keys()
    save_file(renamed | (extra or {}), file)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {kind: saved(kind, tmp_path_factory.mktemp(kind)) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_text_states_are_those_of_the_pipeline(plain: dict[str, Path], kind: str) -> None:
    encode = encoder_of(load_folder(plain[kind]))
    theirs, ours = encode_prompt(kind), encode(PROMPTS)
    torch.testing.assert_close(ours.context, theirs[0], atol=1e-5, rtol=1e-5)
    if kind.startswith("sdxl"):
        torch.testing.assert_close(ours.pooled, theirs[2], atol=1e-5, rtol=1e-5)
        skipping = encode.with_clip_skip(3)(PROMPTS)  # theirs counts from the one before the last
        theirs = encode_prompt(kind, clip_skip=1)
        torch.testing.assert_close(skipping.context, theirs[0], atol=1e-5, rtol=1e-5)
        assert torch.equal(skipping.pooled, ours.pooled)


@pytest.mark.parametrize("kind", ["sd1", "sd2"])
@pytest.mark.parametrize("skip", [2, 3])
@torch.no_grad()
def test_clip_skip_is_an_earlier_layer_after_the_final_norm(
    plain: dict[str, Path], kind: str, skip: int
) -> None:
    """diffusers' own clip_skip does not run with transformers 5, so the layers are taken here."""
    encode, tower = encoder_of(load_folder(plain[kind])), tiny_pipeline(kind).text_encoder
    ids = encode.tokenizer(PROMPTS)
    hidden = tower(ids, output_hidden_states=True).hidden_states[-skip]
    ours = encode.with_clip_skip(skip)(PROMPTS).context
    torch.testing.assert_close(ours, tower.final_layer_norm(hidden), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_unet_and_decoder_are_those_of_the_pipeline(plain: dict[str, Path], kind: str) -> None:
    pipeline, parts = tiny_pipeline(kind), load_folder(plain[kind])
    x, t = torch.randn(2, pipeline.unet.config.in_channels, 8, 12), torch.tensor([3.0, 981.0])
    context = torch.randn(2, 7, pipeline.unet.config.cross_attention_dim)
    pooled, added = None, None
    if kind.startswith("sdxl"):
        text = torch.randn(2, 24)
        pooled, added = add_sizes(text, SIZES), {"text_embeds": text, "time_ids": SIZES}
    theirs = pipeline.unet(x, t, context, added_cond_kwargs=added).sample
    assert relative(parts.denoiser(x, t, context, pooled=pooled), theirs) < 1e-4
    decoded = pipeline.vae.decode(x[:, :4]).sample
    assert relative(parts.autoencoder.decode(x[:, :4]), decoded) < 1e-4
    encoded = pipeline.vae.encode(decoded).latent_dist.mode()
    assert relative(parts.autoencoder.encode(decoded).mode(), encoded) < 1e-4


def test_what_a_folder_without_our_settings_is_painted_with(plain: dict[str, Path]) -> None:
    parts = {kind: load_folder(path) for kind, path in plain.items()}
    assert {kind: type(p.prediction) for kind, p in parts.items()} == {
        kind: V if kind == "sd2-v" else Epsilon for kind in KINDS
    }
    assert {p.sampling.size for p in parts.values()} == {(16, 16)}  # sample_size of the U-Net
    assert parts["sdxl"].sampling.clip_skip == SDXL.sampling.clip_skip == 2
    assert not parts["sdxl"].sampling.final_norm
    assert parts["sd2"].sampling.clip_skip == 1


@pytest.mark.parametrize(
    ("kind", "size"), [("sd1", (512, 512)), ("sd2-v", (768, 768)), ("sdxl", (1024, 1024))]
)
def test_the_size_of_a_kind_without_sample_size(
    tmp_path: Path, kind: str, size: tuple[int, int]
) -> None:
    path = saved(kind, tmp_path)
    edit(path / "unet" / "config.json", sample_size=None)
    assert load_folder(path).sampling.size == size


def test_zeros_for_an_empty_negative_are_switched_off_by_the_folder(tmp_path: Path) -> None:
    path = saved("sdxl", tmp_path)
    assert load_folder(path).sampling.zero_negative
    edit(path / "model_index.json", force_zeros_for_empty_prompt=False)
    assert not load_folder(path).sampling.zero_negative


@pytest.mark.parametrize("kind", ["sd1", "sdxl"])
def test_shards(plain: dict[str, Path], tmp_path: Path, kind: str) -> None:
    path = saved(kind, tmp_path, max_shard_size="100KB")
    assert len(list((path / "unet").glob("*-of-*.safetensors"))) > 1
    assert_same(states(path), states(plain[kind]))


@pytest.mark.parametrize("size", ["5GB", "60KB"])
def test_a_half_variant_alone(plain: dict[str, Path], tmp_path: Path, size: str) -> None:
    """Whole and in shards; the pipeline is cast in place, so it is read from the disk for this."""
    whole = type(tiny_pipeline("sdxl")).from_pretrained(plain["sdxl"], add_watermarker=False)
    whole.to(torch.float16).save_pretrained(tmp_path, variant="fp16", max_shard_size=size)
    assert not (tmp_path / "unet" / WEIGHTS["unet"]).exists()
    expected = {name: w.half().float() for name, w in states(plain["sdxl"]).items()}
    assert_same(states(tmp_path), expected)


def test_whole_precision_is_taken_where_there_is_a_choice(tmp_path: Path) -> None:
    path = saved("sd1", tmp_path)
    before = states(path)
    half = {n: w.half() for n, w in load_file(path / "unet" / WEIGHTS["unet"]).items()}
    save_file(half, path / "unet" / "diffusion_pytorch_model.fp16.safetensors")
    assert_same(states(path), before)


@pytest.mark.parametrize("prefixed", [True, False])
def test_text_encoder_keys_in_both_spellings(
    plain: dict[str, Path], tmp_path: Path, prefixed: bool
) -> None:
    path = saved("sd1", tmp_path)
    ids = torch.arange(77)[None]

    def rename(name: str) -> str:
        bare = name.removeprefix("text_model.")
        return f"text_model.{bare}" if prefixed else bare

    file = path / "text_encoder" / WEIGHTS["text_encoder"]
    prefix = "text_model." if prefixed else ""
    renamed = {rename(name): weight for name, weight in load_file(file).items()}
    save_file(renamed | {f"{prefix}embeddings.position_ids": ids}, file)
    assert_same(states(path), states(plain["sd1"]))


def test_older_attention_keys_of_the_autoencoder(plain: dict[str, Path], tmp_path: Path) -> None:
    path = saved("sd1", tmp_path)
    older = {"to_q.": "query.", "to_k.": "key.", "to_v.": "value.", "to_out.0.": "proj_attn."}

    def rename(name: str) -> str:
        for new, old in older.items():
            name = name.replace(new, old)
        return name

    rewrite(path, "vae", rename)
    assert_same(states(path), states(plain["sd1"]))


@pytest.mark.parametrize("form", ["tokenizer.json", "vocab.json and merges.txt"])
def test_tokenizer_folders(plain: dict[str, Path], tmp_path: Path, form: str) -> None:
    path = saved("sdxl", tmp_path)
    texts = ["a red apple!", "it's 3d"]
    for part in ("tokenizer", "tokenizer_2"):
        if form.startswith("vocab"):
            vocabulary = json.loads((path / part / "tokenizer.json").read_text())["model"]
            (path / part / "vocab.json").write_text(json.dumps(vocabulary["vocab"]))
            merges = "\n".join(["#version: 0.2", *(" ".join(m) for m in vocabulary["merges"])])
            (path / part / "merges.txt").write_text(merges)
            (path / part / "tokenizer.json").unlink()
        theirs = getattr(tiny_pipeline("sdxl"), part)(texts, padding="max_length", max_length=77)
        ours = getattr(load_folder(path), part)(texts)
        assert ours.tolist() == theirs.input_ids


def test_without_tokenizer_folders_clips_vocabulary_is_taken(tmp_path: Path) -> None:
    path = saved("sd2", tmp_path)
    for file in (path / "tokenizer").iterdir():
        file.unlink()
    (path / "tokenizer").rmdir()
    published = TextTowerConfig(activation="gelu")
    tokenizer = ModelFolder(path).load_tokenizer(tower=published)
    assert (tokenizer.vocabulary_size, tokenizer.pad, tokenizer.length) == (49408, 0, 77)
    with pytest.raises(CheckpointError, match="tokenizer is missing: the text encoder has 525"):
        load_folder(path)  # whose tower is too small for CLIP's


def test_a_folder_of_pickles_is_refused(tmp_path: Path) -> None:
    path = saved("sd1", tmp_path, safe_serialization=False)
    with pytest.raises(CheckpointError, match=r"pickles \(.bin\).*FOLDER NEW --from-pickle"):
        load_folder(path)


def test_the_refiner_is_refused(tmp_path: Path) -> None:
    path = saved("sdxl", tmp_path)
    (path / "text_encoder").rename(path / "elsewhere")
    with pytest.raises(CheckpointError, match="refiner: the base model is right"):
        load_folder(path)


@pytest.mark.parametrize(
    ("part", "fields", "message"),
    [
        ("unet", {"_class_name": "UNetSpatioTemporal"}, "class is UNetSpatioTemporal, not UNet2D"),
        ("unet", {"addition_time_embed_dim": 128}, "addition_time_embed_dim 128"),
        ("unet", {"class_embed_type": "timestep"}, "class_embed_type 'timestep'"),
        ("unet", {"act_fn": "gelu"}, "act_fn 'gelu'"),
        ("vae", {"use_quant_conv": False}, "use_quant_conv False"),
        ("text_encoder", {"model_type": "t5"}, "model_type 't5'"),
    ],
)
def test_other_networks_are_refused_by_name(
    tmp_path: Path, part: str, fields: dict[str, Any], message: str
) -> None:
    path = saved("sdxl", tmp_path)
    edit(path / part / "config.json", **fields)
    with pytest.raises(CheckpointError, match=f"{part}/config.json does not describe.*{message}"):
        load_folder(path)


def edit(path: Path, **fields: Any) -> None:
    path.write_text(
        json.dumps(json.loads(path.read_text(encoding="utf-8")) | fields), encoding="utf-8"
    )


def assert_same(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    assert ours.keys() == theirs.keys()
    for name, weight in theirs.items():
        assert torch.equal(ours[name], weight), name
