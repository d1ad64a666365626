"""The U-Net against diffusers' `UNet2DConditionModel`, whose state dict it loads as it is."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention import BasicTransformerBlock
from torch import Tensor, nn

from limner.errors import RequestError, UsageError
from limner.models import presets
from limner.models.unet import UNet, UNetConfig, add_sizes
from limner.nn.embeddings import sinusoidal
from limner.training.recipes.sizes import UNET_EMOJI

SMALL = UNetConfig(
    channels=(16, 32, 48),
    attention_depth=(1, 1, 0),
    heads=4,
    context_width=24,
    norm_groups=8,
)
SDXL = replace(
    SMALL,
    attention_depth=(0, 2, 3),
    mid_attention_depth=3,
    heads=(2, 4, 6),
    linear_projection=True,
    layers_per_block=1,
    pooled_width=20,
)
CONFIGS = {
    "sd1": SMALL,
    "sd2": replace(SMALL, heads=(2, 4, 6), linear_projection=True),
    "sdxl": SDXL,
    "inpainting": replace(SMALL, in_channels=9, layers_per_block=1),
    "classes": replace(SMALL, classes=5, layers_per_block=1),
    "wordless": replace(SMALL, context_width=None, layers_per_block=1),
    "no attention in the middle": replace(SMALL, mid_attention_depth=0, layers_per_block=1),
    "one level": replace(
        SMALL, channels=(16,), attention_depth=(1,), mid_attention_depth=1, layers_per_block=1
    ),
}


def reference(config: UNetConfig) -> UNet2DConditionModel:
    depths = config.attention_depth
    oracle = UNet2DConditionModel(
        in_channels=config.in_channels,
        out_channels=config.out_channels,
        block_out_channels=config.channels,
        layers_per_block=config.layers_per_block,
        down_block_types=tuple("CrossAttnDownBlock2D" if d else "DownBlock2D" for d in depths),
        up_block_types=tuple("CrossAttnUpBlock2D" if d else "UpBlock2D" for d in depths[::-1]),
        mid_block_type=(
            "UNetMidBlock2DCrossAttn" if config.mid_attention_depth else "UNetMidBlock2D"
        ),
        # diffusers takes the depth of the middle from the last level
        transformer_layers_per_block=(
            *(d or 1 for d in depths[:-1]),
            max(config.mid_attention_depth, 1),
        ),
        attention_head_dim=config.level_heads,  # which means their number
        cross_attention_dim=1 if config.context_width is None else config.context_width,
        use_linear_projection=config.linear_projection,
        norm_num_groups=config.norm_groups,
        num_class_embeds=None if config.classes is None else config.classes + 1,
        class_embed_type=None if config.pooled_width is None else "projection",
        projection_class_embeddings_input_dim=config.pooled_width,
    ).eval()
    if config.context_width is None:  # which diffusers can run, but not build
        for block in oracle.modules():
            if isinstance(block, BasicTransformerBlock):
                block.norm2 = block.attn2 = None
    return oracle


def randomise(module: nn.Module, std: float = 0.15) -> None:
    """Every parameter random, norms too, so that none can be left out unseen."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            offset = 1.0 if "norm" in name and name.endswith("weight") else 0.0
            parameter.normal_(offset, std)


def pair(config: UNetConfig) -> tuple[UNet2DConditionModel, UNet]:
    torch.manual_seed(0)
    oracle = reference(config)
    randomise(oracle)
    state = {
        name.replace("class_embedding.linear", "add_embedding.linear"): value
        for name, value in oracle.state_dict().items()
    }
    unet = UNet(config).eval()
    unet.load_state_dict(state)
    return oracle, unet


def inputs(config: UNetConfig, height: int = 8, width: int = 12) -> dict[str, Tensor | None]:
    size, tokens = (2, config.in_channels, height, width), config.context_width
    return {
        "x": torch.randn(size),
        "t": torch.tensor([3.0, 981.0]),
        "context": None if tokens is None else torch.randn(2, 7, tokens),
        "pooled": None if config.pooled_width is None else torch.randn(2, config.pooled_width),
    }


def relative(ours: Tensor, theirs: Tensor) -> float:
    return ((ours - theirs).abs().max() / theirs.abs().max()).item()


@pytest.mark.parametrize("name", CONFIGS)
@torch.no_grad()
def test_equals_diffusers(name: str) -> None:
    config = CONFIGS[name]
    oracle, unet = pair(config)
    given = inputs(config)
    labels = given["pooled"]
    if config.classes is not None:
        given["pooled"] = torch.tensor([[4.0], [float(config.classes)]])
        labels = torch.tensor([4, config.classes])
    theirs = oracle(given["x"], given["t"], given["context"], class_labels=labels).sample
    ours = unet(**given)
    assert ours.shape == (2, config.out_channels, 8, 12)
    assert relative(ours, theirs) < 1e-5


@torch.no_grad()
def test_equals_diffusers_sdxl_added_embedding() -> None:
    config = replace(SDXL, pooled_width=16 + 6 * 256)
    oracle = UNet2DConditionModel(
        **{
            **reference(SDXL).config,
            "class_embed_type": None,
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 256,
            "projection_class_embeddings_input_dim": config.pooled_width,
        }
    ).eval()
    randomise(oracle)
    unet = UNet(config).eval()
    unet.load_state_dict(oracle.state_dict())
    given = inputs(config)
    text = torch.randn(2, 16)
    sizes = torch.tensor(
        [[512.0, 640.0, 0.0, 8.0, 1024.0, 1024.0], [64.0, 64.0, 3.0, 0.0, 96.0, 64.0]]
    )
    added = {"text_embeds": text, "time_ids": sizes}
    theirs = oracle(given["x"], given["t"], given["context"], added_cond_kwargs=added).sample
    ours = unet(given["x"], given["t"], given["context"], pooled=add_sizes(text, sizes))
    assert relative(ours, theirs) < 1e-5


@torch.no_grad()
def test_text_mask_equals_diffusers() -> None:
    oracle, unet = pair(SMALL)
    given = inputs(SMALL)
    mask = torch.tensor([[True] * 4 + [False] * 3, [True] * 7])
    theirs = oracle(given["x"], given["t"], given["context"], encoder_attention_mask=mask).sample
    ours = unet(**given, mask=mask)
    assert relative(ours, theirs) < 1e-5
    assert relative(unet(**given)[:1], theirs[:1]) > 1e-3
    cut = unet(given["x"][:1], given["t"][:1], given["context"][:1, :4])
    assert relative(ours[:1], cut) < 1e-5


@torch.no_grad()
def test_no_class_is_the_last_row() -> None:
    config = CONFIGS["classes"]
    _, unet = pair(config)
    given = inputs(config)
    nameless = torch.full((2, 1), float(config.classes))
    assert torch.equal(unet(**given), unet(**{**given, "pooled": nameless}))
    assert not torch.equal(unet(**given), unet(**{**given, "pooled": torch.zeros(2, 1)}))


@torch.no_grad()
def test_initialised_network_predicts_zero() -> None:
    unet = UNet(SMALL)
    assert unet(**inputs(SMALL)).abs().max() == 0


def test_every_parameter_learns() -> None:
    """From its zeroed start, each parameter has a gradient within three steps."""
    config = CONFIGS["sdxl"]
    torch.manual_seed(0)
    unet = UNet(config)
    given, target = inputs(config), torch.randn(2, 4, 8, 12)
    optimiser = torch.optim.SGD(unet.parameters(), lr=0.1)
    moved: set[str] = set()
    for _ in range(4):
        optimiser.zero_grad()
        (unet(**given) - target).square().mean().backward()
        moved |= {n for n, p in unet.named_parameters() if p.grad is not None and p.grad.any()}
        optimiser.step()
    assert moved == {name for name, _ in unet.named_parameters()}


@torch.no_grad()
def test_picture_to_mask_network() -> None:
    config = replace(CONFIGS["wordless"], in_channels=3, out_channels=1, mid_attention_depth=0)
    unet = UNet(config)
    randomise(unet)
    logits = unet(torch.randn(2, 3, 16, 8), torch.zeros(2))
    assert logits.shape == (2, 1, 16, 8)
    assert not any("attn2" in name for name in unet.state_dict())


@torch.no_grad()
def test_runs_in_half_precision_and_under_autocast() -> None:
    _, unet = pair(SMALL)
    given = inputs(SMALL)
    exact = unet(**given)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = unet(**given)
    assert mixed.dtype == torch.bfloat16
    assert relative(mixed.float(), exact) < 0.1
    low = unet.bfloat16()(given["x"].bfloat16(), given["t"], given["context"].bfloat16())
    assert low.dtype == torch.bfloat16
    assert relative(low.float(), exact) < 0.1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": torch.zeros(2, 4, 6, 8)}, "multiples of 4"),
        ({"x": torch.zeros(2, 3, 8, 8)}, "takes 4"),
        ({"context": torch.zeros(2, 7, 23)}, "takes 24"),
        ({"context": None}, "takes 24"),
        ({"pooled": None}, "takes 20"),
    ],
)
def test_shapes_are_checked(change: dict[str, Tensor | None], message: str) -> None:
    unet = UNet(SDXL)
    with pytest.raises(RequestError, match=message):
        unet(**{**inputs(SDXL), **change})


def test_text_for_a_wordless_network_is_an_error() -> None:
    config = CONFIGS["wordless"]
    given = inputs(config)
    with pytest.raises(RequestError, match="no text"):
        UNet(config)(given["x"], given["t"], torch.zeros(2, 7, 24))


@pytest.mark.parametrize(
    "change",
    [
        {"attention_depth": (1, 1)},
        {"heads": (4, 4)},
        {"heads": 5},
        {"norm_groups": 7},
        {"classes": 3, "pooled_width": 8},
        {"channels": (), "attention_depth": ()},
        {"layers_per_block": 0},
    ],
)
def test_impossible_sizes_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        replace(SMALL, **change)


def test_parameter_counts_of_the_presets() -> None:
    """The published sizes: SD 1.5 859.52 M, SD 2 865.91 M, SDXL 2567.46 M."""
    expected = {
        presets.UNET_SD1: (859_520_964, 686),
        presets.UNET_SD2: (865_910_724, 686),
        presets.UNET_SDXL: (2_567_463_684, 1680),
        UNET_EMOJI: (12_001_956, 326),
    }
    for config, size in expected.items():
        with torch.device("meta"):
            unet = UNet(config)
        parameters = sum(parameter.numel() for parameter in unet.parameters())
        assert (parameters, len(unet.state_dict())) == size


@torch.no_grad()
def test_time_enters_as_the_sinusoids_of_t() -> None:
    _, unet = pair(SMALL)
    t = torch.tensor([0.0, 12.5])
    hidden = sinusoidal(t, 16) @ unet.time_embedding.linear_1.weight.T
    hidden = nn.functional.silu(hidden + unet.time_embedding.linear_1.bias)
    expected = hidden @ unet.time_embedding.linear_2.weight.T + unet.time_embedding.linear_2.bias
    assert torch.allclose(unet.embed(t, None), expected, atol=1e-6)


@pytest.mark.slow
@torch.no_grad()
def test_full_size_equals_diffusers() -> None:
    """Stable Diffusion 1.5: default initialisation, since it is near what was trained."""
    config = presets.UNET_SD1
    torch.manual_seed(0)
    oracle = reference(config)
    with torch.device("meta"):
        unet = UNet(config)
    unet.load_state_dict(oracle.state_dict(), assign=True)
    given = inputs(config, 16, 16)
    theirs = oracle(given["x"], given["t"], given["context"]).sample
    assert relative(unet.eval()(**given), theirs) < 1e-5
