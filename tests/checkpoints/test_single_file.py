"""Whole models from one file, in every layout in circulation, to the bit."""

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from models_of_every_family import (
    UNETS,
    modules,
    same_settings,
    same_weights,
    tiny_file,
    tiny_parts,
)
from safetensors.torch import load_file, save_file

import limner
from limner.checkpoints import (
    inspect,
    load_folder,
    load_single_file,
    save_folder,
    save_single_file,
    with_autoencoder,
)
from limner.checkpoints.detect import Found, detect
from limner.checkpoints.kinds import FileKind
from limner.checkpoints.pickles import PickledWeights
from limner.checkpoints.reader import open_weights
from limner.checkpoints.single_file import load_parts
from limner.diffusion.prediction import V
from limner.diffusion.process import DiscreteDiffusion, RectifiedFlow
from limner.errors import CheckpointError, UsageError
from limner.models.unet import UNet

JUNK = {
    "betas": DiscreteDiffusion().betas.float(),
    "alphas_cumprod": DiscreteDiffusion().alpha_bars.float(),
    "sqrt_one_minus_alphas_cumprod": torch.ones(10),
    "global_step": torch.tensor(5),
    "logvar": torch.ones(10),
    "model_ema.decay": torch.tensor(0.9),
    "model_ema.num_updates": torch.tensor(1),
}


@pytest.fixture
def saved(tmp_path):
    """Writes a tiny model as a single file after a change of its tensors; gives the path."""

    def save(kind, change=lambda tensors: tensors, name="model.safetensors", metadata=None):
        save_file(change(tiny_file(kind)), tmp_path / name, metadata=metadata)
        return tmp_path / name

    return save


def found(path, **given):
    weights = open_weights(path)
    return detect(weights, **given)


def renamed(tensors, old, new):
    return {name.replace(old, new): tensor for name, tensor in tensors.items()}


@pytest.mark.parametrize("kind", UNETS)
def test_a_model_survives_file_and_folder_to_the_bit(kind, tmp_path):
    parts, first = tiny_parts(kind), tmp_path / "first.safetensors"
    save_single_file(parts, first)
    loaded = load_single_file(first)
    assert same_settings(loaded, parts)
    assert same_weights(loaded, parts)
    assert not any(module.training for module in modules(loaded).values())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_weights_go_straight_to_the_dtype(dtype, tmp_path):
    save_single_file(tiny_parts("sd1"), tmp_path / "whole")
    save_single_file(tiny_parts("sd1"), tmp_path / "half", dtype=dtype)
    assert found(tmp_path / "half").dtypes == (str(dtype).removeprefix("torch."),)
    for loaded in (
        load_single_file(tmp_path / "whole", dtype=dtype),
        load_single_file(tmp_path / "half", dtype=dtype),
    ):
        assert {w.dtype for m in modules(loaded).values() for w in m.parameters()} == {dtype}
        assert same_weights(tiny_parts("sd1"), loaded, dtype)


def older_autoencoder(tensors):
    """LDM's attention stored as linear layers."""
    return {n: t.squeeze() if ".attn_1." in n else t for n, t in tensors.items()}


def with_average(tensors):
    unet = {n: t for n, t in tensors.items() if n.startswith("model.diffusion_model.")}
    average = {
        "model_ema." + n.removeprefix("model.").replace(".", ""): t + 1 for n, t in unet.items()
    }
    return tensors | JUNK | average


CLIP_KEY = "cond_stage_model.transformer."
LAYOUTS = {
    "flat": lambda tensors: tensors,
    "nested": lambda tensors: {f"state_dict.{n}": t for n, t in (tensors | JUNK).items()},
    "left over from training": lambda tensors: with_average(tensors),
    "without text_model": lambda tensors: renamed(tensors, CLIP_KEY + "text_model.", CLIP_KEY),
    "position ids": lambda tensors: {
        **tensors,
        CLIP_KEY + "text_model.embeddings.position_ids": torch.arange(77)[None],
    },
    "linear attention": older_autoencoder,
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_model(layout, saved):
    path = saved("sd1", LAYOUTS[layout], name="model.ckpt")
    loaded = load_single_file(path)
    assert same_weights(loaded, tiny_parts("sd1"))
    assert found(path).layout == ("state_dict" if layout == "nested" else "flat")
    assert found(path).ema == (layout in ("nested", "left over from training"))


def test_the_full_text_encoder_of_sd2_is_cut_to_what_was_trained_with(saved):
    """Published files hold one layer more than is used, and a projection."""
    prefix = "cond_stage_model.model."

    def whole(tensors):
        last = {n: t for n, t in tensors.items() if ".resblocks.1." in n}
        more = {n.replace(".resblocks.1.", ".resblocks.2."): t + 1 for n, t in last.items()}
        return {**tensors, **more, prefix + "text_projection": torch.randn(32, 32)}

    assert same_weights(load_single_file(saved("sd2", whole)), tiny_parts("sd2"))
    assert same_settings(load_single_file(saved("sd2", whole)), tiny_parts("sd2"))


@pytest.mark.parametrize("kind", ["sd1", "sdxl"])
def test_averaged_weights_are_taken_when_asked_for(kind, saved):
    path = saved(kind, with_average)
    last, averaged = load_single_file(path), load_single_file(path, ema=True)
    for name, weight in last.denoiser.state_dict().items():
        assert torch.equal(averaged.denoiser.state_dict()[name], weight + 1), name
    assert same_weights(replace(averaged, denoiser=last.denoiser), last)
    with pytest.raises(CheckpointError, match=r"lacks \d+ averaged \(EMA\) tensors"):
        load_single_file(saved(kind), ema=True)


@pytest.mark.parametrize("prefix", ["", "first_stage_model.", "vae."])
@pytest.mark.parametrize("naming", ["ldm", "diffusers", "old diffusers", "whole model"])
def test_another_autoencoder_takes_the_place_of_the_files(naming, prefix, saved, tmp_path):
    if naming in ("ldm", "whole model"):
        tensors = {
            name.replace("first_stage_model.", prefix): tensor + 1
            for name, tensor in tiny_file("sd1").items()
            if name.startswith("first_stage_model.") or naming == "whole model"
        }
        if naming == "whole model" and prefix != "first_stage_model.":
            return
        tensors |= {"loss.logvar": torch.ones(())}
    else:
        state = tiny_parts("sd1").autoencoder.state_dict()
        tensors = {name: tensor + 1 for name, tensor in state.items()}
        if naming == "old diffusers":
            for new, old in (("to_q", "query"), ("to_k", "key"), ("to_v", "value")):
                tensors = renamed(tensors, f".{new}.", f".{old}.")
            tensors = renamed(tensors, ".to_out.0.", ".proj_attn.")
    save_file(tensors, tmp_path / "vae.pt")
    loaded = load_single_file(saved("sdxl"), vae=tmp_path / "vae.pt")
    assert loaded.autoencoder.config == tiny_parts("sdxl").autoencoder.config
    for name, weight in tiny_parts("sd1").autoencoder.state_dict().items():
        assert torch.equal(loaded.autoencoder.state_dict()[name], weight + 1), name


def test_a_file_without_an_autoencoder_needs_another(saved, tmp_path):
    vae = tmp_path / "vae"
    save_file(tiny_parts("sd1").autoencoder.state_dict(), vae)
    lora = tmp_path / "lora"
    save_file({"a.lora_up.weight": torch.ones(1)}, lora)
    path = saved("sd1", lambda t: {n: w for n, w in t.items() if "first_stage" not in n})
    with pytest.raises(CheckpointError, match=r"autoencoder \(first_stage_model\.\) is not in"):
        load_single_file(path)
    assert same_weights(load_single_file(path, vae=vae), tiny_parts("sd1"))
    with pytest.raises(CheckpointError, match="a VAE is right"):
        load_single_file(path, vae=lora)


def test_sizes_that_no_shape_tells_can_be_given(saved):
    sizes = replace(UNETS["sd1"], heads=4)
    assert load_single_file(saved("sd1"), unet=sizes).denoiser.config == sizes


def without(name):
    return lambda tensors: {n: t for n, t in tensors.items() if n != name}


BIAS = "model.diffusion_model.out.2.bias"
KEY = "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without(BIAS), r"1 tensors missing \['model.diffusion_model.: conv_out.bias'\], 0 unexp"),
        (lambda t: {**t, "a": torch.ones(1), "b": torch.ones(1)}, r"2 unexpected \['a', 'b'\]"),
        (lambda t: {**t, BIAS: torch.ones(5)}, r"conv_out.bias is \(5,\) .* \(4,\) are right"),
        (lambda t: {**t, BIAS: torch.ones(4).int()}, "torch.int32, floats"),
        (lambda t: {**t, KEY: torch.ones(32, 33)}, r"is \(32, 33\)"),
        (without("model.diffusion_model.input_blocks.0.0.weight"), "lacks conv_in.weight"),
        (without(KEY.replace("attn1.to_q", "attn2.to_k")), "lacks down_blocks.0.attentions.0"),
    ],
)
def test_what_does_not_match_is_said_in_one_line(change, message, saved):
    with pytest.raises(CheckpointError, match=message) as raised:
        load_single_file(saved("sd1", change))
    assert len(str(raised.value).splitlines()) == 1


NAME = "model.diffusion_model.input_blocks.{}.0.in_layers.2.weight"


@pytest.mark.parametrize(
    "names",
    [
        [NAME.format(i) for i in range(1, 5000)],
        [NAME.format(i).replace("in_layers.2", "op") for i in range(1, 5000)],
        [
            KEY.replace("blocks.0", f"blocks.{i}").replace("attn1.to_q", "norm1")
            for i in range(5000)
        ],
        [f"cond_stage_model.model.transformer.resblocks.{i}.ln_1.weight" for i in range(5000)],
        [f"first_stage_model.encoder.down.{i}.block.0.conv1.weight" for i in range(5000)],
    ],
)
def test_a_file_cannot_ask_for_a_network_without_end(names, tmp_path):
    plain = {"model.diffusion_model.input_blocks.1.0.in_layers.2.weight": torch.ones(32, 32, 3, 3)}
    save_file(plain | {name: torch.ones(1) for name in names}, tmp_path / "x")
    with pytest.raises(CheckpointError):
        load_single_file(tmp_path / "x")


@settings(max_examples=40)
@given(data=st.data(), kind=st.sampled_from(["sd1", "sd2", "sdxl"]))
def test_shapes_and_names_of_no_model_are_refused(data, kind):
    """Real names with made-up shapes, some left out."""
    tensors = dict(tiny_file(kind))
    for name in data.draw(st.lists(st.sampled_from(sorted(tensors)), min_size=1, max_size=5)):
        shape = data.draw(st.none() | st.lists(st.sampled_from([0, 1, 2, 33, 2**20]), max_size=3))
        tensors.pop(name, None)
        if shape is not None:
            tensors[name] = torch.empty(shape, device="meta")
    with pytest.raises(CheckpointError) as raised:
        load_parts(PickledWeights(Path("x"), tensors))
    assert len(str(raised.value).splitlines()) == 1


def test_a_file_is_reported_with_what_does_not_match(saved, tmp_path):
    whole = inspect(saved("sd2-v", with_average))
    assert (whole.kind, whole.prediction, whole.ema) == ("sd2", "v", True)
    assert whole.prediction_found == Found.MARKER
    parts = modules(tiny_parts("sd2-v"))
    assert whole.parameters == {
        name: sum(parameter.numel() for parameter in module.parameters())
        for name, module in parts.items()
    }
    assert whole.problems == whole.missing == whole.unexpected == whole.misshapen == ()
    spoilt = saved("sd1-inpainting", lambda t: {**without(BIAS)(t), "a": torch.ones(1)})
    report = inspect(spoilt)
    assert report.description == "Stable Diffusion 1, inpainting"
    assert report.missing == ("model.diffusion_model.: conv_out.bias",)
    assert report.unexpected == ("a",)
    alone = inspect(saved("sd1", lambda t: {n: w for n, w in t.items() if "cond_stage" not in n}))
    assert "is not in the file" in alone.problems[0]


def test_the_refiner_is_refused_by_name(saved):
    path = saved("sdxl", lambda t: renamed(t, "embedders.1.model", "embedders.0.model"))
    with pytest.raises(CheckpointError, match="is Stable Diffusion XL's refiner: a whole"):
        load_single_file(path)


def test_prediction_is_told_by_the_caller_the_marker_the_metadata_or_the_family(saved):
    plain = saved("sd1", name="plain")
    assert (found(plain).prediction, found(plain).prediction_found) == ("epsilon", Found.DEFAULT)
    marked = saved("sd1", lambda t: {**t, "v_pred": torch.empty(0)})
    assert (found(marked).prediction, found(marked).prediction_found) == ("v", Found.MARKER)
    assert found(marked, prediction="epsilon").prediction_found is Found.GIVEN
    assert isinstance(load_single_file(plain, prediction="v").prediction, V)
    told = saved("sd1", metadata={"modelspec.prediction_type": "v"})
    assert (found(told).prediction, found(told).prediction_found) == ("v", Found.METADATA)
    assert found(saved("sd1", lambda t: {**t, "ztsnr": torch.empty(0)})).zero_snr
    with pytest.raises(UsageError, match="'x' is none of epsilon and v"):
        load_single_file(plain, prediction="x")


@pytest.mark.parametrize(("spread", "prediction"), [(0.2, "v"), (0.05, "epsilon")])
def test_what_sd2_predicts_is_told_by_the_spread_of_a_bias(spread, prediction, saved):
    bias = torch.linspace(-1, 1, 320)
    key = "model.diffusion_model.output_blocks.11.1.transformer_blocks.0.norm1.bias"
    path = saved("sd2", lambda t: {**t, key: bias * spread / bias.std()})
    assert (found(path).prediction, found(path).prediction_found) == (prediction, Found.SPREAD)


def test_a_single_file_paints_the_same_picture_as_the_folder(saved, tmp_path):
    path = saved("sd1")
    save_folder(tiny_parts("sd1"), tmp_path / "folder")
    fields = {"seed": 3, "steps": 2, "size": (16, 16)}
    one, other = (limner.load(p).generate("a cat", **fields) for p in (path, tmp_path / "folder"))
    assert torch.equal(one.latents, other.latents)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"autoencoder": None}, "without autoencoder"),
        ({"text_encoder_2": tiny_parts("sdxl").text_encoder_2}, "of two families"),
        ({"denoiser": UNet(replace(UNETS["sd1"], heads=4))}, r"cannot say denoiser heads \(4, 4\)"),
        ({"process": limner.__name__}, "noise process"),
    ],
)
def test_a_model_that_a_single_file_cannot_say_is_not_written(change, message, tmp_path):
    if "process" in change:
        change = {"process": replace(tiny_parts("sd1").process, beta_end=0.02)}
    with pytest.raises(CheckpointError, match=message):
        save_single_file(replace(tiny_parts("sd1"), **change), tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_a_model_of_its_own_words_is_not_written(tiny_model, tmp_path):
    with pytest.raises(CheckpointError, match="in a single file"):
        save_single_file(load_folder(tiny_model), tmp_path / "model")


@pytest.mark.parametrize(
    ("tensors", "kind"),
    [
        ({"input_blocks.0.0.weight": (4, 4)}, FileKind.UNET),
        ({"down_blocks.0.resnets.0.conv1.weight": (4, 4)}, FileKind.UNET),
        ({"decoder.up.0.block.0.conv1.weight": (4, 4)}, FileKind.AUTOENCODER),
        ({"embeddings.token_embedding.weight": (4, 4)}, FileKind.TEXT_ENCODER),
        ({"transformer.resblocks.0.ln_1.weight": (4,)}, FileKind.TEXT_ENCODER),
        ({"lora_unet_x.lora_down.weight": (4, 4), "lora_unet_x.alpha": ()}, FileKind.LORA),
        ({"unet.x.attn1.to_q.lora_A.weight": (4, 4)}, FileKind.LORA),
        ({"lora_unet_x.hada_w1_a": (4, 4)}, FileKind.LORA),
        ({"emb_params": (3, 99)}, FileKind.TEXTUAL_INVERSION),
        ({"<cat>": (768,)}, FileKind.TEXTUAL_INVERSION),
        ({"clip_l": (2, 768), "clip_g": (2, 1280)}, FileKind.TEXTUAL_INVERSION),
        ({"<cat>": (5000, 768)}, FileKind.UNKNOWN),
        ({"model.diffusion_model.input_blocks.0.0.weight": (4, 4)}, FileKind.SD1),
        ({}, FileKind.UNKNOWN),
    ],
)
def test_other_files_are_named_and_refused(tensors, kind, tmp_path):
    path = Path(tmp_path / "x")
    save_file({name: torch.ones(shape) for name, shape in tensors.items()}, path)
    assert found(path).kind is kind
    with pytest.raises(CheckpointError):
        load_single_file(path)


@pytest.mark.parametrize("whole", [True, False])
def test_a_painter_takes_another_autoencoder(tmp_path, whole):
    parts = tiny_parts("sd1")
    save_single_file(parts, tmp_path / "model.safetensors")
    other = replace(parts, autoencoder=copy.deepcopy(parts.autoencoder))
    with torch.no_grad():
        other.autoencoder.decoder.conv_out.bias.add_(0.5)
    save_single_file(other, tmp_path / "other.safetensors")
    if not whole:
        state = load_file(tmp_path / "other.safetensors")
        prefix = "first_stage_model."
        alone = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        save_file(alone, tmp_path / "other.safetensors")
    painter = limner.load(
        tmp_path / "model.safetensors", device="cpu", vae=tmp_path / "other.safetensors"
    )
    own, taken = parts.autoencoder.state_dict(), painter.parts.autoencoder.state_dict()
    changed = {name for name in own if not torch.equal(own[name], taken[name])}
    assert changed == {"decoder.conv_out.bias"}
    assert painter.parts.autoencoder.config == parts.autoencoder.config


def test_a_model_of_limners_own_takes_no_other_autoencoder(tmp_path):
    own = replace(tiny_parts("sd1"), process=RectifiedFlow())
    with pytest.raises(UsageError, match="not a model of Limner's own"):
        with_autoencoder(own, tmp_path / "x")
