from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from einops import rearrange
from torch import nn

from limner.errors import UsageError
from limner.models.dit import (
    DIT_NOTEBOOK,
    DIT_NOTEBOOK_CLASSES,
    MLP,
    AdaptiveNorm,
    DiT,
    DiTBlock,
    DiTConfig,
    patchify,
    unpatchify,
)
from limner.nn.attention import Attention
from limner.nn.embeddings import sinusoidal_grid
from limner.nn.prepared import NOTHING, Told, told_of
from limner.training.recipes.sizes import DIT_EMOJI

TINY = DiTConfig(
    in_channels=3,
    out_channels=3,
    width=16,
    depth=2,
    heads=2,
    time_width=12,
    context_width=8,
    size=(4, 4),
)
TINY_PLAIN = replace(TINY, context_width=None)
TINY_CLASSES = replace(TINY_PLAIN, classes=5)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def stirred(module: nn.Module) -> nn.Module:
    """The module with random weights everywhere, so that no gate or output is zero."""
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.3)
    return module.eval()


def inputs(batch: int = 2, side: int = 4) -> dict[str, torch.Tensor]:
    return {
        "x": torch.randn(batch, 3, side, side),
        "t": torch.rand(batch) * 1000,
        "context": torch.randn(batch, 5, 8),
    }


def relative_error(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    return ((ours - theirs).norm() / theirs.norm()).item()


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


# ---------------------------------------------------------------------------------- sizes


def test_notebook_presets_have_the_stated_parameters():
    with torch.device("meta"):
        assert count(DiT(DIT_NOTEBOOK)) == 18_145_072
        assert count(DiT(DIT_NOTEBOOK_CLASSES)) == 12_379_440


def test_emoji_preset_is_between_ten_and_twelve_million():
    with torch.device("meta"):
        assert 10e6 < count(DiT(DIT_EMOJI)) < 12e6


@pytest.mark.parametrize(
    "wrong",
    [
        {"heads": 3},
        {"width": 18, "heads": 2},
        {"size": (4, 5)},
        {"classes": 0},
        {"depth": 0},
    ],
)
def test_config_refuses(wrong):
    with pytest.raises(UsageError):
        replace(TINY, **wrong)


# ---------------------------------------------------------------------------------- closed forms


def test_patchify_cuts_row_by_row_and_unpatchify_undoes_it():
    x = torch.arange(1 * 2 * 4 * 6).float().reshape(1, 2, 4, 6)
    tokens = patchify(x, 2)
    assert tokens.shape == (1, 6, 8)
    assert tokens[0, 4].tolist() == x[0, :, 2:4, 2:4].flatten().tolist()
    assert torch.equal(unpatchify(tokens, 2, 2, 3), x)


@pytest.mark.parametrize("gated", [True, False])
def test_block_is_its_formula_written_out_by_hand(gated):
    block = stirred(DiTBlock(replace(TINY, adaln_zero=gated)))
    x, condition = torch.randn(2, 6, 16), torch.randn(2, 12)
    context = torch.randn(2, 5, 8)
    mask = torch.tensor([[True] * 5, [True, True, False, True, False]])

    def modulated(x, norm):
        made = condition @ norm.linear.weight.T + norm.linear.bias
        shift, scale = made[:, None, :16], made[:, None, 16:32]
        gate = made[:, None, 32:] if gated else 1.0
        centred = x - x.mean(-1, keepdim=True)
        deviation = (centred.square().mean(-1, keepdim=True) + 1e-6).sqrt()
        return centred / deviation * (1 + scale) + shift, gate

    def attended(x, source, attention, allowed):
        out = torch.zeros_like(x)
        q, k, v = attention.to_q(x), attention.to_k(source), attention.to_v(source)
        for head in (slice(0, 8), slice(8, 16)):
            scores = q[..., head] @ k[..., head].mT / 8**0.5
            scores = scores.masked_fill(~allowed[:, None], -torch.inf)
            weights = scores.exp() / scores.exp().sum(-1, keepdim=True)
            out[..., head] = weights @ v[..., head]
        return attention.to_out[0](out)

    expected = x
    normed, gate = modulated(expected, block.norm_self)
    everyone = torch.ones(2, 6, dtype=torch.bool)
    expected = expected + gate * attended(normed, normed, block.self_attention, everyone)
    normed, gate = modulated(expected, block.norm_cross)
    expected = expected + gate * attended(normed, context, block.cross_attention, mask)
    normed, gate = modulated(expected, block.norm_mlp)
    hidden = F.gelu(block.mlp.linear_1(normed), approximate="tanh")
    expected = expected + gate * block.mlp.linear_2(hidden)

    told = told_of(context, mask, NOTHING)
    assert relative_error(block(x, condition, told), expected) < 1e-5


# ---------------------------------------------------------------------------------- diffusers


@pytest.fixture(scope="module")
def diffusers_parts():
    attention = pytest.importorskip("diffusers.models.attention")
    processor = pytest.importorskip("diffusers.models.attention_processor")
    embeddings = pytest.importorskip("diffusers.models.embeddings")
    normalization = pytest.importorskip("diffusers.models.normalization")
    return attention, processor, embeddings, normalization


def copy_linear(source: nn.Linear, target: nn.Linear) -> None:
    target.load_state_dict(source.state_dict())


@pytest.mark.parametrize("context_width", [None, 8])
@pytest.mark.parametrize("qk_norm", [False, True])
def test_attention_agrees_with_diffusers(diffusers_parts, context_width, qk_norm):
    ours = stirred(Attention(16, heads=2, context_width=context_width, bias=True, qk_norm=qk_norm))
    theirs = diffusers_parts[1].Attention(
        query_dim=16,
        cross_attention_dim=context_width,
        heads=2,
        dim_head=8,
        bias=True,
        qk_norm="rms_norm" if qk_norm else None,
        eps=1e-6,
    )
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 6, 16)
    context, mask = None, None
    if context_width is not None:
        context = torch.randn(2, 5, context_width)
        mask = torch.tensor([[True] * 5, [True, True, False, True, False]])
    theirs_mask = None if mask is None else torch.where(mask, 0.0, -torch.inf)[:, None]
    expected = theirs(x, encoder_hidden_states=context, attention_mask=theirs_mask)
    assert relative_error(ours(x, context, mask), expected) < 1e-4


def test_patches_and_positions_agree_with_diffusers(diffusers_parts):
    model = stirred(DiT(TINY_PLAIN))
    theirs = diffusers_parts[2].PatchEmbed(4, 4, 2, in_channels=3, embed_dim=16)
    theirs.proj.weight.data = model.patch_in.weight.data.reshape(16, 3, 2, 2)
    theirs.proj.bias.data = model.patch_in.bias.data
    # diffusers: sine before cosine, the column before the row.
    column_sin, column_cos, row_sin, row_cos = theirs.pos_embed.chunk(4, dim=-1)
    positions = torch.cat([row_cos, row_sin, column_cos, column_sin], dim=-1)
    assert relative_error(sinusoidal_grid(2, 2, 16), positions[0]) < 1e-4
    x = torch.randn(2, 3, 4, 4)
    assert relative_error(model.patch_in(patchify(x, 2)), theirs(x) - theirs.pos_embed) < 1e-4


def test_adaptive_norm_agrees_with_diffusers(diffusers_parts):
    ours = stirred(AdaptiveNorm(16, 16, gated=True))
    theirs = diffusers_parts[3].AdaLayerNormZero(16)
    theirs.linear.weight.data[:48] = ours.linear.weight.data
    theirs.linear.bias.data[:48] = ours.linear.bias.data
    x, embedded = torch.randn(2, 6, 16), torch.randn(2, 16)
    expected, expected_gate, *_ = theirs(x, emb=embedded)
    normed, gate = ours(x, F.silu(embedded))
    assert relative_error(normed, expected) < 1e-4
    assert relative_error(gate[:, 0], expected_gate) < 1e-4


def test_mlp_agrees_with_diffusers(diffusers_parts):
    ours = stirred(MLP(16, 64))
    theirs = diffusers_parts[0].FeedForward(16, activation_fn="gelu-approximate")
    copy_linear(ours.linear_1, theirs.net[0].proj)
    copy_linear(ours.linear_2, theirs.net[2])
    x = torch.randn(2, 6, 16)
    assert relative_error(ours(x), theirs(x)) < 1e-4


def test_class_conditional_model_agrees_with_diffusers_transformer(diffusers_parts):
    """The whole published DiT, with its time sinusoids and positions set to ours."""
    diffusers = pytest.importorskip("diffusers")
    embeddings = diffusers_parts[2]
    ours = stirred(DiT(replace(TINY_CLASSES, time_width=16)))
    theirs = diffusers.DiTTransformer2DModel(
        num_attention_heads=2,
        attention_head_dim=8,
        in_channels=3,
        out_channels=3,
        num_layers=2,
        sample_size=4,
        patch_size=2,
        num_embeds_ada_norm=5,
    ).eval()
    theirs.pos_embed.proj.weight.data = ours.patch_in.weight.data.reshape(16, 3, 2, 2)
    theirs.pos_embed.proj.bias.data = ours.patch_in.bias.data
    theirs.pos_embed.pos_embed = sinusoidal_grid(2, 2, 16)[None]
    for block, other in zip(ours.blocks, theirs.transformer_blocks, strict=True):
        norm = other.norm1
        norm.emb.time_proj = embeddings.Timesteps(16, True, 0)
        norm.emb.timestep_embedder.linear_1 = nn.Linear(16, 16)
        norm.emb.timestep_embedder.load_state_dict(ours.time_embedding.state_dict())
        norm.emb.class_embedder.embedding_table.load_state_dict(ours.class_embedding.state_dict())
        modulations = (block.norm_self.linear, block.norm_mlp.linear)
        norm.linear.weight.data = torch.cat([linear.weight.data for linear in modulations])
        norm.linear.bias.data = torch.cat([linear.bias.data for linear in modulations])
        other.attn1.load_state_dict(block.self_attention.state_dict())
        copy_linear(block.mlp.linear_1, other.ff.net[0].proj)
        copy_linear(block.mlp.linear_2, other.ff.net[2])
    copy_linear(ours.norm_out.linear, theirs.proj_out_1)
    for name in ("weight", "bias"):  # diffusers orders an output patch (p, q, c)
        ordered = rearrange(
            getattr(ours.patch_out, name).data, "(c p q) ... -> (p q c) ...", p=2, q=2
        )
        getattr(theirs.proj_out_2, name).data = ordered

    x, t, labels = torch.randn(2, 3, 4, 4), torch.tensor([17.0, 803.0]), torch.tensor([3, 5])
    expected = theirs(x, timestep=t, class_labels=labels).sample
    assert relative_error(ours(x, t, pooled=labels[:, None].float()), expected) < 1e-4


# ---------------------------------------------------------------------------------- behaviour


def test_at_the_start_blocks_are_the_identity_and_the_output_is_zero():
    model, given = DiT(TINY), inputs()
    tokens = torch.randn(2, 4, 16)
    block = model.blocks[1]
    assert torch.equal(block(tokens, torch.randn(2, 12), Told(given["context"])), tokens)
    assert not model(**given).any()


def test_notebook_form_has_no_gates_and_does_work_at_the_start():
    model = DiT(replace(TINY, adaln_zero=False))
    tokens = torch.randn(2, 4, 16)
    assert not torch.allclose(
        model.blocks[0](tokens, torch.randn(2, 12), Told(inputs()["context"])), tokens
    )


def test_masked_token_changes_nothing_and_an_allowed_one_does():
    model, given = stirred(DiT(TINY)), inputs()
    mask = torch.tensor([[True, True, True, False, False]] * 2)
    before = model(**given, mask=mask)
    masked, allowed = given["context"].clone(), given["context"].clone()
    masked[:, 3:] = 1e3
    allowed[:, 2] += 1.0
    assert torch.equal(model(given["x"], given["t"], masked, mask), before)
    assert not torch.allclose(model(given["x"], given["t"], allowed, mask), before)
    assert torch.allclose(
        model(given["x"], given["t"], given["context"][:, :3]), before, atol=1e-5, rtol=1e-4
    )


@pytest.mark.parametrize("grid", [(6, 6), (4, 8), (2, 2)])
def test_other_grids_use_the_positions_of_that_grid(grid):
    model = stirred(DiT(TINY))
    of_that_size = DiT(replace(TINY, size=grid)).eval()
    of_that_size.load_state_dict(model.state_dict())
    given = inputs() | {"x": torch.randn(2, 3, *grid)}
    out = model(**given)
    assert out.shape == (2, 3, *grid)
    assert torch.equal(out, of_that_size(**given))


def test_positions_matter():
    """Without positions the model would commute with a swap of patches."""
    model, given = stirred(DiT(TINY)), inputs()
    columns = rearrange(given["x"], "b c h (w q) -> b c h w q", q=2)
    moved = given | {"x": rearrange(columns.flip(-2), "b c h w q -> b c h (w q)")}
    out = rearrange(model(**given), "b c h (w q) -> b c h w q", q=2)
    expected = rearrange(out.flip(-2), "b c h w q -> b c h (w q)")
    assert not torch.allclose(model(**moved), expected, atol=1e-3)


def test_unconditional_form_ignores_text():
    model, given = stirred(DiT(TINY_PLAIN)), inputs()
    assert not any("cross" in name or "context" in name for name, _ in model.named_parameters())
    assert torch.equal(model(**given), model(given["x"], given["t"]))


def test_no_class_is_the_last_row_and_numbers_may_be_float_or_whole():
    model, given = stirred(DiT(TINY_CLASSES)), inputs()
    x, t = given["x"], given["t"]
    last, third = torch.full((2, 1), 5.0), torch.full((2, 1), 3)
    assert torch.equal(model(x, t), model(x, t, pooled=last))
    assert torch.equal(model(x, t, pooled=third), model(x, t, pooled=third.float()))
    assert not torch.allclose(model(x, t, pooled=third), model(x, t))


def test_each_picture_of_a_batch_is_its_own():
    model, given = stirred(DiT(TINY)), inputs(batch=3)
    alone = model(*(value[1:2] for value in given.values()))
    assert torch.allclose(model(**given)[1:2], alone, atol=1e-5, rtol=1e-4)


def test_out_channels_may_differ_from_in_channels():
    model = DiT(replace(TINY_PLAIN, in_channels=7))
    assert model(torch.randn(1, 7, 4, 4), torch.zeros(1)).shape == (1, 3, 4, 4)


def test_every_parameter_learns_after_the_first_step():
    config = replace(TINY_CLASSES, context_width=8, qk_norm=True)
    model, given = DiT(config), inputs() | {"pooled": torch.tensor([[1.0], [5.0]])}
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(4):  # the output opens first, then the gates, then what is behind them
        optimiser.zero_grad()
        (model(**given) - given["x"]).square().mean().backward()
        optimiser.step()
    still = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert still == []


@pytest.mark.parametrize("config", [TINY, replace(TINY, adaln_zero=False)])
def test_overfits_one_batch(config):
    model, given = DiT(config), inputs()
    target = torch.randn(2, 3, 4, 4)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(150):
        loss = (model(**given) - target).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.02


def test_wrong_shapes_are_told():
    with pytest.raises(UsageError, match="multiples of 2"):
        DiT(TINY_PLAIN)(torch.randn(1, 3, 5, 4), torch.zeros(1))
    with pytest.raises(UsageError, match="context"):
        DiT(TINY)(torch.randn(1, 3, 4, 4), torch.zeros(1))
