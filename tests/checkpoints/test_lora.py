"""LoRA files against diffusers: `load_lora_weights` and `fuse_lora` of the same file."""

import json

import pytest
import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from peft import LoraConfig
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from limner.checkpoints import ModelFolder, configs
from limner.checkpoints.lora import parse_lora, read_lora, save_lora
from limner.checkpoints.lora_names import adaptable, kohya_names
from limner.errors import CheckpointError
from limner.models.clip import TextTower, TextTowerConfig
from limner.models.presets import UNET_SD1, UNET_SDXL
from limner.models.unet import UNet, UNetConfig

X, T = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(1)), torch.tensor(500.0)
IDS = torch.tensor([[5, 9, 30, 31, 400, 7, 1, 1, 1, 1, 1, 1]])


@pytest.fixture
def models(tiny_model):
    """The parts of ours."""
    folder = ModelFolder(tiny_model)
    return {part: folder.load(part) for part in ("unet", "text_encoder")}


@pytest.fixture
def theirs(tiny_model):
    """diffusers' pipeline of the same weights."""
    return StableDiffusionPipeline(
        unet=UNet2DConditionModel.from_pretrained(tiny_model / "unet"),
        vae=AutoencoderKL.from_pretrained(tiny_model / "vae"),
        text_encoder=CLIPTextModel.from_pretrained(tiny_model / "text_encoder"),
        tokenizer=CLIPTokenizer.from_pretrained(tiny_model / "tokenizer"),
        scheduler=DDIMScheduler(steps_offset=1, clip_sample=False),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def kohya(part, name, piece):
    prefix = {"unet": "lora_unet_", "text_encoder": "lora_te_text_model_"}[part]
    ending = {"down": ".lora_down.weight", "up": ".lora_up.weight", "alpha": ".alpha"}[piece]
    return prefix + name.replace(".", "_") + ending


def peft(part, name, piece):
    prefix = {"unet": "unet.", "text_encoder": "text_encoder.text_model."}[part]
    return f"{prefix}{name}.{ {'down': 'lora_A', 'up': 'lora_B'}[piece] }.weight"


def older(part, name, piece):
    prefix = {"unet": "unet.", "text_encoder": "text_encoder.text_model."}[part]
    return f"{prefix}{name}.{'lora' if part == 'unet' else 'lora_linear_layer'}.{piece}.weight"


def processor(part, name, piece):
    """The first spelling of diffusers, which knows attention only."""
    parent, leaf = name.removesuffix(".0").rsplit(".", 1)
    if part == "unet":
        return f"unet.{parent}.processor.{leaf}_lora.{piece}.weight"
    leaf = {"q_proj": "to_q", "k_proj": "to_k", "v_proj": "to_v", "out_proj": "to_out"}[leaf]
    return f"text_encoder.text_model.{parent}.{leaf}_lora.{piece}.weight"


def random_lora(theirs, spell, *, alpha=False, seed=0, only=""):
    """An update for every linear layer and convolution, by the names of diffusers' own modules."""
    draw = torch.Generator().manual_seed(seed)
    tensors = {}
    for part in ("unet", "text_encoder"):
        for name, module in getattr(theirs, part).named_modules():
            if not isinstance(module, nn.Linear | nn.Conv2d) or only not in name:
                continue
            (out, into, *kernel), rank = module.weight.shape, 2 if "q" in name else 3
            down = 0.2 * torch.randn(rank, into, *kernel, generator=draw)
            up = 0.2 * torch.randn(out, rank, *[1] * len(kernel), generator=draw)
            tensors |= {spell(part, name, "down"): down, spell(part, name, "up"): up}
            if alpha:
                tensors[spell(part, name, "alpha")] = torch.tensor(1.5)
    return tensors


@torch.no_grad()
def both(models, theirs):
    """(ours, theirs) of the text encoder and of the U-Net."""
    ours_text = models["text_encoder"](IDS).last
    theirs_text = theirs.text_encoder(IDS).last_hidden_state
    context = torch.linspace(-1, 1, 2 * 12 * 24).reshape(2, 12, 24)
    ours_unet = models["unet"](X, T.expand(2), context)
    return (ours_text, theirs_text), (ours_unet, theirs.unet(X, T, context).sample)


def assert_equal_to_theirs(models, theirs):
    for ours, expected in both(models, theirs):
        torch.testing.assert_close(ours, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("spell", "alpha", "weight"),
    [
        (kohya, True, 0.5),
        (kohya, False, -1.0),
        (peft, False, 1.0),
        (older, False, 1.0),
        (processor, False, 1.0),
    ],
)
def test_is_what_diffusers_fuses(models, theirs, tmp_path, spell, alpha, weight):
    plain = both(models, theirs)
    tensors = random_lora(theirs, spell, alpha=alpha, only="attn" if spell is processor else "")
    save_file(tensors, tmp_path / "one.safetensors")
    theirs.load_lora_weights(dict(tensors))
    theirs.fuse_lora(lora_scale=weight)

    lora = read_lora(tmp_path / "one.safetensors", models)
    assert len(lora.updates) == len(tensors) // (3 if alpha else 2)
    assert lora.unmatched == ()
    adapter = lora.adapter(models, weight)
    for way in (adapter.attach, adapter.merge):
        way()
        assert_equal_to_theirs(models, theirs)
    for (before, _), (after, _) in zip(plain, both(models, theirs), strict=True):
        assert (before - after).abs().max() > 1e-3


@pytest.mark.filterwarnings("ignore:Already found a `peft_config`:UserWarning")
def test_two_at_once_are_what_diffusers_fuses(models, theirs):
    pair = {
        "one": random_lora(theirs, kohya, alpha=True, only="attn"),
        "two": random_lora(theirs, peft, seed=1),
    }
    weights = {"one": 0.5, "two": -0.7}
    for name, tensors in pair.items():
        theirs.load_lora_weights(dict(tensors), adapter_name=name)
        parse_lora(tensors, models).adapter(models, weights[name]).attach()
    theirs.set_adapters(list(weights), list(weights.values()))
    theirs.fuse_lora(adapter_names=list(weights))
    assert_equal_to_theirs(models, theirs)


def test_leaves_the_bits_as_they_were(models, theirs):
    before = {part: model.state_dict() for part, model in models.items()}
    kept = {part: {k: v.clone() for k, v in state.items()} for part, state in before.items()}
    output = both(models, theirs)
    adapter = parse_lora(random_lora(theirs, peft), models).adapter(models)
    for way in (adapter.attach, adapter.merge):
        way()
        assert not torch.equal(both(models, theirs)[1][0], output[1][0])
        adapter.detach()
        for part, model in models.items():
            assert list(model.state_dict()) == list(kept[part])
            for name, value in model.state_dict().items():
                assert torch.equal(value, kept[part][name]), name
        for (ours, _), (first, _) in zip(both(models, theirs), output, strict=True):
            assert torch.equal(ours, first)


def test_alpha_of_the_configuration_in_the_metadata(models, theirs, tmp_path):
    """diffusers writes peft's configuration into the file, and alpha is there alone."""
    config = LoraConfig(r=4, lora_alpha=2, target_modules=["to_q", "to_v"], init_lora_weights=False)
    theirs.unet.add_adapter(config)
    theirs.unet.save_lora_adapter(tmp_path, weight_name="theirs.safetensors")
    theirs.unet.delete_adapters("default")
    tensors = load_file(tmp_path / "theirs.safetensors")
    with safe_open(tmp_path / "theirs.safetensors", framework="pt") as file:
        settings = json.loads(file.metadata()["lora_adapter_metadata"])
    assert settings["lora_alpha"] == 2
    names = [key.removesuffix(".lora_A.weight") for key in tensors if "lora_A" in key]
    settings["alpha_pattern"] = {names[0]: 12}
    save_file(
        {f"unet.{key}": value for key, value in tensors.items()},
        tmp_path / "one.safetensors",
        metadata={
            "lora_adapter_metadata": json.dumps({f"unet.{k}": v for k, v in settings.items()})
        },
    )
    theirs.load_lora_weights(tmp_path, weight_name="one.safetensors")
    theirs.fuse_lora()
    lora = read_lora(tmp_path / "one.safetensors", models)
    scales = {name: low.scale for name, low in lora.updates.items()}
    assert scales == {f"unet.{n}": 3.0 if n == names[0] else 0.5 for n in names}
    lora.adapter(models).attach()
    assert_equal_to_theirs(models, theirs)


@pytest.mark.parametrize(
    ("settings", "scale"),
    [({"lora_alpha": 8}, 2.0), ({"lora_alpha": 8, "use_rslora": True}, 4.0), ({}, 1.0)],
)
def test_alpha_of_the_configuration_beside_a_peft_file(models, tmp_path, settings, scale):
    name = "base_model.model.mid_block.attentions.0.transformer_blocks.0.attn1.to_q"
    tensors = {
        f"{name}.lora_A.weight": torch.ones(4, 32),
        f"{name}.lora_B.weight": torch.ones(32, 4),
    }
    save_file(tensors, tmp_path / "adapter_model.safetensors")
    (tmp_path / "adapter_config.json").write_text(json.dumps({"r": 4, **settings}))
    (low,) = read_lora(tmp_path / "adapter_model.safetensors", models).updates.values()
    assert low.scale == scale


@pytest.mark.parametrize("spelling", ["peft", "kohya"])
def test_what_we_write_loads_in_diffusers(models, theirs, tmp_path, spelling):
    lora = parse_lora(random_lora(theirs, kohya, alpha=True), models)
    save_lora(tmp_path / "ours.safetensors", lora.updates, models, spelling)
    theirs.load_lora_weights(tmp_path, weight_name="ours.safetensors")
    theirs.fuse_lora()
    lora.adapter(models).attach()
    assert_equal_to_theirs(models, theirs)
    again = read_lora(tmp_path / "ours.safetensors", models)
    assert again.updates.keys() == lora.updates.keys()
    assert list(tmp_path.iterdir()) == [tmp_path / "ours.safetensors"]


SDXL = UNetConfig(
    channels=(8, 16, 16), attention_depth=(0, 1, 2), mid_attention_depth=2, heads=(1, 2, 2),
    context_width=40, linear_projection=True, norm_groups=4, pooled_width=16 + 6 * 256,
)  # fmt: skip
TOWERS = {
    "text_encoder": TextTowerConfig(
        vocabulary_size=600, length=12, width=24, layers=1, heads=2, mlp_width=32, end=599
    ),
    "text_encoder_2": TextTowerConfig(
        vocabulary_size=600, length=12, width=16, layers=2, heads=2, mlp_width=32, end=599,
        projection_width=16,
    ),
}  # fmt: skip


@pytest.fixture
def sdxl():
    """(ours, diffusers' pipeline) of SDXL's form, of the same weights."""
    ours = {"unet": UNet(SDXL), **{part: TextTower(config) for part, config in TOWERS.items()}}
    unet = UNet2DConditionModel.from_config(
        configs.unet_to_json(SDXL),
        addition_embed_type="text_time",
        addition_time_embed_dim=256,
        projection_class_embeddings_input_dim=SDXL.pooled_width,
        transformer_layers_per_block=[1, 1, 2],
    )
    unet.load_state_dict(ours["unet"].state_dict())
    sizes = {part: CLIPTextConfig(**configs.text_to_json(TOWERS[part])) for part in TOWERS}
    pipeline = StableDiffusionXLPipeline(
        unet=unet,
        vae=AutoencoderKL(block_out_channels=(32,)),
        text_encoder=CLIPTextModel(sizes["text_encoder"]),
        text_encoder_2=CLIPTextModelWithProjection(sizes["text_encoder_2"]),
        tokenizer=None,
        tokenizer_2=None,
        scheduler=DDIMScheduler(steps_offset=1, clip_sample=False),
        add_watermarker=False,
    )
    for part in TOWERS:
        module = getattr(pipeline, part)
        state = {
            key.removeprefix("text_model."): value for key, value in ours[part].state_dict().items()
        }
        spelled = {key.removeprefix("text_model."): key for key in module.state_dict()}
        module.load_state_dict({spelled[key]: value for key, value in state.items()})
    return ours, pipeline


def test_sdxl_of_ours_loads_in_diffusers(sdxl, tmp_path):
    """kohya's blocks have LDM's numbers there, and its two towers are te1 and te2."""
    models, theirs = sdxl
    tensors = {}
    for name, module in adaptable(models).items():
        (out, into, *kernel) = module.weight.shape
        if "text_projection" not in name:
            tensors[f"{name}.lora_A.weight"] = torch.randn(2, into, *kernel)
            tensors[f"{name}.lora_B.weight"] = torch.randn(out, 2, *[1] * len(kernel))
    updates = parse_lora(tensors, models).updates
    save_lora(tmp_path / "ours.safetensors", updates, models, "kohya")
    keys = " ".join(load_file(tmp_path / "ours.safetensors"))
    assert all(word in keys for word in ("unet_input_blocks_4_1", "lora_te1_", "lora_te2_"))
    theirs.load_lora_weights(tmp_path, weight_name="ours.safetensors")
    theirs.fuse_lora()
    theirs.unload_lora_weights()
    read_lora(tmp_path / "ours.safetensors", models).adapter(models).merge()
    for part, model in models.items():
        expected = getattr(theirs, part).state_dict()
        expected = {key.removeprefix("text_model."): value for key, value in expected.items()}
        for key, value in model.state_dict().items():
            torch.testing.assert_close(value, expected[key.removeprefix("text_model.")])


@pytest.mark.parametrize("config", [UNET_SD1, UNET_SDXL])
def test_every_module_has_a_name_of_its_own(config):
    with torch.device("meta"):
        models = {"unet": UNet(config)}
    names = [name for full in adaptable(models) for name in set(kohya_names(models, full))]
    assert "lora_unet_input_blocks_4_1_proj_in" in names
    assert len(set(names)) == len(names) > len(adaptable(models))


Q = "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q"  # 32 x 32


def pair(name=Q, down=(2, 32), up=(32, 2), dtype=torch.float32):
    return {
        f"{name}.lora_A.weight": torch.ones(down, dtype=dtype),
        f"{name}.lora_B.weight": torch.ones(up, dtype=dtype),
    }


def test_keys_that_match_no_module_are_told(models):
    lora = parse_lora(pair() | pair("unet.other.to_q") | {"note": torch.ones(1)}, models)
    assert list(lora.updates) == [Q]
    assert lora.unmatched == (
        "unet.other.to_q.lora_A.weight",
        "unet.other.to_q.lora_B.weight",
        "note",
    )


def test_a_file_that_matches_nothing_shows_its_first_keys(models, tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({**pair("transformer.blocks.0.to_q"), "z": torch.ones(1)}, path)
    with pytest.raises(
        CheckpointError, match=r"other\.safetensors: no key matches .*blocks\.0\.to_q"
    ):
        read_lora(path, models)
    with pytest.raises(CheckpointError, match="there is none"):
        parse_lora({}, models)


def test_linear_and_pointwise_convolution_stand_for_each_other(models):
    """SD 1 projects by 1 x 1 convolutions, SD 2 by linear layers; files have the one or other."""
    name = "unet.mid_block.attentions.0.proj_in"
    low = parse_lora(pair(name), models).updates[name]
    assert (low.down.shape, low.up.shape) == ((2, 32, 1, 1), (32, 2, 1, 1))
    low = parse_lora(pair(down=(2, 32, 1, 1), up=(32, 2, 1, 1)), models).updates[Q]
    assert (low.down.shape, low.up.shape) == ((2, 32), (32, 2))


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        (pair(down=(2, 48)), r"for another model: .*to_q has weights of \(32, 32\).*\(2, 48\)"),
        (pair(up=(48, 2)), r"another model.*up \(48, 2\)"),
        (pair(up=(32, 3)), "another model"),
        (pair(down=(0, 32), up=(32, 0)), "another model"),
        (pair(down=(2, 32, 3, 3)), "another model"),
        (pair(down=(32,)), "another model"),
        (pair(down=()), "another model"),
        (pair(dtype=torch.int8), "floating point is right"),
        ({f"{Q}.lora_A.weight": torch.ones(2, 32)}, "to_q has no up matrix"),
        ({f"{Q}.alpha": torch.ones(())}, "no key matches a module"),  # it says nothing alone
        ({**pair(), f"{Q}.alpha": torch.ones(2)}, "not one finite number"),
        ({**pair(), f"{Q}.alpha": torch.tensor(torch.nan)}, "not one finite number"),
        ({**pair(), f"{Q}.lora.up.weight": torch.ones(32, 2)}, "given twice"),
    ],
)
def test_what_does_not_fit(models, tensors, message):
    with pytest.raises(CheckpointError, match=message):
        parse_lora(tensors, models)


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("lora_unet_x.set_weight", "weights in place of the model's"),
        ("unet.x.ia3_l", "peft's IA3"),
        ("lora_unet_x.lambda_layer", "T-LoRA"),
        ("unet.x.vera_lambda_b", "a kind of peft's"),
    ],
)
def test_other_kinds_are_refused_by_name(models, key, kind):
    with pytest.raises(CheckpointError, match=f"this is {kind}.*not supported"):
        parse_lora(pair() | {key: torch.ones(1)}, models)


@pytest.mark.parametrize(
    "settings", [{"lora_alpha": "x"}, {"alpha_pattern": 3}, {"lora_alpha": []}]
)
def test_a_configuration_that_is_none(models, settings):
    with pytest.raises(CheckpointError, match="not peft's"):
        parse_lora(pair(), models, settings)


@pytest.mark.parametrize("text", ["{", "[]", "[" * 100_000])
def test_broken_metadata(models, tmp_path, text):
    save_file(pair(), tmp_path / "one.safetensors", metadata={"lora_adapter_metadata": text})
    with pytest.raises(CheckpointError, match="configuration"):
        read_lora(tmp_path / "one.safetensors", models)


def test_files_that_are_no_safetensors(models, tmp_path):
    path = tmp_path / "one.safetensors"
    with pytest.raises(CheckpointError, match="is missing"):
        read_lora(path, models)
    torch.save(pair(), path)  # a pickle
    with pytest.raises(CheckpointError, match="which can run code when opened"):
        read_lora(path, models)
    save_file(pair(), path)
    whole = path.read_bytes()
    for keep in (0, 6, 100, len(whole) - 10):
        path.write_bytes(whole[:keep])
        with pytest.raises(CheckpointError, match="broken or cut short"):
            read_lora(path, models)


def test_very_many_tiny_tensors_are_refused_at_once(models, tmp_path):
    header = b"{" + b",".join(
        b'"%d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}' % i for i in range(300_000)
    ) + b"}"  # fmt: skip
    path = tmp_path / "many.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(CheckpointError, match="8,388,608 is the most"):
        read_lora(path, models)
