"""Kinds of adapters beside low rank, and the spellings of all: against LyCORIS and peft."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from models_of_every_family import tiny_parts
from torch import Tensor, nn

from limner.checkpoints.lora import parse_lora
from limner.errors import CheckpointError
from limner.nn.adapter import LowRank

LINEAR = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
KERNEL = "down_blocks.0.resnets.0.conv1"


def models() -> dict[str, nn.Module]:
    return tiny_parts("sd1").adaptable


def weight_of(name: str) -> Tensor:
    return tiny_parts("sd1").denoiser.get_submodule(name).weight


def parsed(tensors: dict[str, Tensor], base: str = "lora_unet_") -> dict[str, LowRank]:
    """The updates of a file whose keys are `name.piece`."""
    keys = {}
    for key, tensor in tensors.items():
        name, piece = key.rsplit("/", 1)
        keys[f"{base}{name.replace('.', '_')}.{piece}"] = tensor
    lora = parse_lora(keys, models())
    assert lora.unmatched == ()
    return dict(lora.updates)


def draws(*shapes: tuple[int, ...], seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [0.3 * torch.randn(shape, generator=generator) for shape in shapes]


def lycoris_pieces(name: str, algo: str, **options: Any) -> tuple[dict[str, Tensor], Tensor]:
    """(what LyCORIS writes of a module with random pieces, what its module gives for `shown`).

    Its outputs and not its own merge, which multiplies some kinds by their scale twice.
    """
    modules = pytest.importorskip("lycoris.modules")
    kind = {
        "locon": "LoConModule", "loha": "LohaModule", "lokr": "LokrModule",
        "oft": "DiagOFTModule", "boft": "ButterflyOFTModule",
        "glora": "GLoRAModule", "ia3": "IA3Module",
    }[algo]  # fmt: skip
    own = weight_of(name).detach()
    layer: nn.Module = nn.Linear(own.shape[1], own.shape[0], bias=False)
    if own.ndim == 4:
        layer = nn.Conv2d(own.shape[1], own.shape[0], 3, padding=1, bias=False)
    layer.weight.data = own.clone()
    torch.manual_seed(1)
    module = getattr(modules, kind)("x", layer, 1.0, **{"lora_dim": 4, "alpha": 2.0, **options})
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.requires_grad and parameter is not layer.weight:
                parameter.add_(0.2 * torch.randn_like(parameter))
    pieces = module.custom_state_dict() if hasattr(module, "custom_state_dict") else None
    pieces = module.state_dict() if pieces is None else pieces
    wanted = {piece: tensor.detach().clone() for piece, tensor in pieces.items()}
    output = module.eval()(shown(own)).detach()
    return {p: t for p, t in wanted.items() if not p.startswith("org")}, output


def shown(weight: Tensor) -> Tensor:
    """Something for a module of this weight to look at."""
    shape = (2, weight.shape[1], 5, 5) if weight.ndim == 4 else (7, weight.shape[1])
    return torch.randn(shape, generator=torch.Generator().manual_seed(9))


def passed(weight: Tensor) -> Tensor:
    """What a module of this weight, and no bias, gives for it."""
    x = shown(weight)
    return nn.functional.conv2d(x, weight, padding=1) if weight.ndim == 4 else x @ weight.T


@pytest.mark.parametrize("name", [LINEAR, KERNEL])
@pytest.mark.parametrize(
    ("algo", "options"),
    [
        ("locon", {}), ("locon", {"use_tucker": True}), ("locon", {"weight_decompose": True}),
        ("locon", {"use_scalar": True}),
        ("loha", {}), ("loha", {"use_tucker": True}), ("loha", {"weight_decompose": True}),
        ("lokr", {}), ("lokr", {"use_tucker": True}), ("lokr", {"factor": 4}),
        ("lokr", {"decompose_both": True, "lora_dim": 1}), ("lokr", {"lora_dim": 100}),
        ("lokr", {"weight_decompose": True}),
        ("oft", {}), ("oft", {"rescaled": True}), ("oft", {"constraint": 0.001, "alpha": 0.001}),
        ("boft", {}), ("boft", {"rescaled": True}),
        ("glora", {}), ("glora", {"use_tucker": True}),
        ("ia3", {}), ("ia3", {"train_on_input": True}),
    ],
)  # fmt: skip
def test_a_kind_of_lycoris_is_what_its_module_does(
    name: str, algo: str, options: dict[str, Any]
) -> None:
    pieces, expected = lycoris_pieces(name, algo, **options)
    (update,) = parsed({f"{name}/{piece}": tensor for piece, tensor in pieces.items()}).values()
    own = weight_of(name).detach()
    assert (expected - passed(own)).abs().max() > 1e-3
    torch.testing.assert_close(passed(own + update.delta()), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", [LINEAR, KERNEL])
@torch.no_grad()
def test_a_whole_difference_comes_on_and_off_to_the_bit(name: str) -> None:
    module = tiny_parts("sd1").denoiser.get_submodule(name)
    before = module.weight.clone()
    (change,) = draws(tuple(before.shape))
    lora = parse_lora({f"lora_unet_{name.replace('.', '_')}.diff": change}, models())
    x = torch.randn(2, before.shape[1], 5, 5) if before.ndim == 4 else torch.randn(2, 32)
    plain = module(x)
    adapter = lora.adapter(models(), 0.5)
    for put in (adapter.attach, adapter.merge):
        put()
        moved = module(x)
        adapter.detach()
        expected = plain + 0.5 * (
            nn.functional.conv2d(x, change, padding=1) if before.ndim == 4 else x @ change.T
        )
        torch.testing.assert_close(moved, expected, atol=1e-5, rtol=1e-5)
        assert torch.equal(module.weight, before)
        assert torch.equal(module(x), plain)


def test_pieces_of_another_model_or_too_few_are_refused() -> None:
    a, b, c, d = draws((32, 4), (4, 32), (32, 4), (4, 32))
    loha = {"hada_w1_a": a, "hada_w1_b": b, "hada_w2_a": c, "hada_w2_b": d}
    with pytest.raises(CheckpointError, match="has no hada_w2_b"):
        parsed({f"{LINEAR}/{p}": t for p, t in loha.items() if p != "hada_w2_b"})
    with pytest.raises(CheckpointError, match="a LoRA for another model"):
        parsed({f"{LINEAR}/{p}": t for p, t in {**loha, "hada_w2_b": d[:, 1:]}.items()})
    with pytest.raises(CheckpointError, match="not finite"):
        parsed({f"{LINEAR}/{p}": t / 0 for p, t in loha.items()})


# fmt: off
LDM = "input_blocks.1.1.transformer_blocks.0.attn1.to_q"
TEXT = "text_model.encoder.layers.0.self_attn.q_proj"
SPELLINGS = [
    ("unet", f"diffusion_model.{LDM}", "lora_down.weight", "lora_up.weight"),
    ("unet", f"diffusion_model.{LINEAR}", "lora_A.weight", "lora_B.weight"),
    ("unet", f"model.diffusion_model.{LDM}", "lora_A.weight", "lora_B.weight"),
    ("unet", f"lycoris_{LINEAR.replace('.', '_')}", "lora_down.weight", "lora_up.weight"),
    ("unet", f"unet.{LINEAR}", "lora_A.style.weight", "lora_B.style.weight"),
    ("unet", f"unet.{LINEAR}", "lora_A", "lora_B"),
    ("text", f"text_encoders.clip_l.transformer.{TEXT}", "lora_A.weight", "lora_B.weight"),
    ("text", f"clip_l.transformer.{TEXT}", "lora_down.weight", "lora_up.weight"),
    ("text", f"clip_l.{TEXT}", "lora_down.weight", "lora_up.weight"),
    ("text", f"clip_l.{TEXT.removeprefix('text_model.')}", "lora_A.weight", "lora_B.weight"),
    ("text", f"lycoris_{TEXT.replace('.', '_')}", "lora_down.weight", "lora_up.weight"),
]
# fmt: on


@pytest.mark.parametrize(("part", "base", "down", "up"), SPELLINGS)
def test_every_spelling_finds_its_module(part: str, base: str, down: str, up: str) -> None:
    first, second = draws((4, 32), (32, 4))
    lora = parse_lora({f"{base}.{down}": first, f"{base}.{up}": second}, models())
    full = {"unet": f"unet.{LINEAR}", "text": f"text_encoder.{TEXT}"}[part]
    assert lora.updates.keys() == {full}
    assert lora.unmatched == ()


def test_a_lone_alpha_is_told_and_no_error() -> None:
    first, second = draws((4, 32), (32, 4))
    base, lone = f"lora_unet_{LINEAR.replace('.', '_')}", "lora_unet_conv_in.alpha"
    tensors = {f"{base}.lora_down.weight": first, f"{base}.lora_up.weight": second}
    lora = parse_lora(tensors | {lone: torch.tensor(1.0)}, models())
    assert (len(lora.updates), lora.unmatched) == (1, (lone,))
    with pytest.raises(CheckpointError, match="no key matches"):
        parse_lora({lone: torch.tensor(1.0)}, models())


@pytest.mark.parametrize(
    ("name", "pieces"),
    [
        (LINEAR.replace("attn1.to_q", "norm1"), {"w_norm": (32,), "b_norm": (32,)}),
        ("down_blocks.0.resnets.0.norm1", {"w_norm": (32,)}),
        ("down_blocks.0.resnets.0.norm1", {"diff": (32,), "diff_b": (32,)}),
        ("down_blocks.0.resnets.0.conv1", {"diff": (32, 32, 3, 3), "diff_b": (32,)}),
        ("time_embedding.linear_1", {"diff_b": (128,)}),
    ],
)  # fmt: skip
@torch.no_grad()
def test_vectors_are_shifted_and_come_off_to_the_bit(
    name: str, pieces: dict[str, tuple[int, ...]]
) -> None:
    """Beside the module and in it: what the module with changed parameters gives."""
    module = tiny_parts("sd1").denoiser.get_submodule(name)
    changes = dict(zip(pieces, draws(*pieces.values()), strict=True))
    base = f"lora_unet_{name.replace('.', '_')}"
    lora = parse_lora({f"{base}.{piece}": tensor for piece, tensor in changes.items()}, models())
    assert lora.unmatched == ()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    changed = copy.deepcopy(module)
    for piece, change in changes.items():
        vector = {"w_norm": "weight", "diff": "weight"}.get(piece, "bias")
        getattr(changed, vector).add_(0.7 * change)
    width = module.weight.shape[1] if isinstance(module, nn.Linear) else 32
    x = torch.randn(2, 5, width)
    x = torch.randn(2, 32, 4, 4) if isinstance(module, nn.Conv2d | nn.GroupNorm) else x
    plain, expected = module(x), changed(x)
    adapter = lora.text_and_picture()[1].adapter(models(), 0.7)
    for put in (adapter.attach, adapter.merge):
        put()
        torch.testing.assert_close(module(x), expected, atol=1e-5, rtol=1e-5)
        adapter.weight = 0.0
        torch.testing.assert_close(module(x), plain, atol=1e-6, rtol=1e-6)
        adapter.weight = 0.7
        adapter.detach()
        assert not adapter.attached
        for key, value in module.state_dict().items():
            assert torch.equal(value, before[key])
        assert torch.equal(module(x), plain)


def test_vectors_of_other_modules_are_refused() -> None:
    norm = "lora_unet_down_blocks_0_resnets_0_norm1"
    for key, shape in (
        (f"{norm}.w_norm", (31,)),
        (f"lora_unet_{LINEAR.replace('.', '_')}.diff_b", (32,)),  # it has no bias
        (f"lora_unet_{KERNEL.replace('.', '_')}.w_norm", (32,)),
    ):
        with pytest.raises(CheckpointError, match="has no vectors of"):
            parse_lora({key: torch.ones(shape)}, models())
    pieces = {"down": torch.ones(2, 32), "up": torch.ones(32, 2)}
    matrices = {f"{norm}.lora_{name}.weight": each for name, each in pieces.items()}
    with pytest.raises(CheckpointError, match="is a norm: down, up do not fit it"):
        parse_lora(matrices, models())
