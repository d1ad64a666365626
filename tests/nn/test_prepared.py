"""A text made ready is as good as the text; what is handed to a call holds in that call alone."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from limner.errors import RequestError, UsageError
from limner.models.dit import DiT, DiTConfig
from limner.models.unet import UNet, UNetConfig
from limner.nn.adapter import Adapter, LowRank
from limner.nn.attention import cross_attention, plain
from limner.nn.prepared import Beside, Denoiser, choose, join
from limner.nn.regions import visible_of
from limner.types import Conditioning

UNET = UNetConfig(
    channels=(8, 8), layers_per_block=1, attention_depth=(1, 2), heads=2, context_width=6,
    norm_groups=4,
)  # fmt: skip
DIT = DiTConfig(width=16, depth=2, heads=2, context_width=6, qk_norm=True, size=(4, 4))
TEXT_AND_POOLED = replace(UNET, pooled_width=5)
DENOISERS = {
    "u-net": UNET,
    "u-net with pooled text": TEXT_AND_POOLED,
    "u-net with classes": replace(UNET, classes=3),
    "transformer": DIT,
    "transformer with classes": replace(DIT, classes=3),
    "transformer without text": replace(DIT, context_width=None),
}


def made(config: UNetConfig | DiTConfig) -> UNet | DiT:
    """With random weights everywhere, so that nothing is zero."""
    model = UNet(config) if isinstance(config, UNetConfig) else DiT(config)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.2)
    return model.eval().requires_grad_(False)


def told(config: UNetConfig | DiTConfig, rows: int = 2, tokens: int = 5) -> Conditioning:
    mask = torch.ones(rows, tokens, dtype=torch.bool)
    mask[0, 3:] = False
    pooled = None
    if config.classes is not None:
        pooled = torch.arange(rows)[:, None].float()
    elif getattr(config, "pooled_width", None):
        pooled = torch.randn(rows, 5)
    return Conditioning(context=torch.randn(rows, tokens, 6), mask=mask, pooled=pooled)


def noisy(rows: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(rows, 4, 4, 8), torch.linspace(1, 900, rows)


@pytest.mark.parametrize("name", DENOISERS)
def test_a_text_made_ready_gives_the_same_bits(name: str) -> None:
    model, text, (x, t) = made(DENOISERS[name]), told(DENOISERS[name]), noisy()
    assert isinstance(model, Denoiser)
    plainly = model(x, t, text.context, text.mask, text.pooled)
    prepared = model.prepare(text)
    for _ in range(2):
        assert torch.equal(model(x, t, prepared), plainly)
    other = model(x, t, model.prepare(told(DENOISERS[name])))
    assert torch.equal(other, plainly) == (name == "transformer without text")


@pytest.mark.parametrize("config", [UNET, DIT])
def test_who_sees_what_holds_with_a_text_made_ready_and_with_its_mask(config):
    model, text, (x, t) = made(config), told(config, tokens=6), noisy()
    beside = Beside(visible=visible_of(6, 2, upright=False, size=(4, 8)))
    seen = model(x, t, text.context, text.mask, beside=beside)
    assert torch.equal(model(x, t, model.prepare(text), beside=beside), seen)
    assert not torch.equal(model(x, t, text.context, text.mask), seen)
    hidden = replace(text, context=text.context.clone())
    hidden.context[0, 4] += 100.0  # which the mask hides, in the part that sees it
    assert torch.equal(model(x, t, hidden.context, text.mask, beside=beside), seen)
    everything = Beside(visible=torch.ones(2, 6, 4, 8, dtype=torch.bool))
    found = model(x, t, text.context, text.mask, beside=everything)
    torch.testing.assert_close(found, model(x, t, text.context, text.mask))


@pytest.mark.parametrize("config", [UNET, DIT])
def test_attention_is_replaced_in_every_layer_of_one_call(config):
    model, text, (x, t) = made(config), told(config), noisy()
    before = model(x, t, text.context, text.mask)
    called = []

    def watched(module, *given):
        called.append(module)
        return plain(module, *given)

    found = model(x, t, model.prepare(text), beside=Beside(attend=watched))
    assert torch.equal(found, before)
    readers = [module for module in called if module.reads_context]
    assert readers == list(cross_attention(model).values())
    assert len(called) == 2 * len(readers)
    nothing = Beside(attend=lambda module, q, *rest: torch.zeros_like(q))
    assert not torch.equal(model(x, t, text.context, text.mask, beside=nothing), before)
    assert torch.equal(model(x, t, text.context, text.mask), before)


@pytest.mark.parametrize("config", [UNET, TEXT_AND_POOLED, DIT, replace(DIT, classes=3)])
def test_rows_are_chosen_and_joined(config):
    model, (x, t) = made(config), noisy(3)
    texts = [told(config, rows=1) for _ in range(3)]
    prepared = [model.prepare(text) for text in texts]
    batch = join(prepared)
    alone = torch.cat([model(x[n : n + 1], t[n : n + 1], one) for n, one in enumerate(prepared)])
    torch.testing.assert_close(model(x, t, batch), alone, atol=1e-5, rtol=1e-4)
    turned = choose(batch, torch.tensor([2, 0, 0]))
    assert torch.equal(model(x, t, turned), model(x, t, join([prepared[n] for n in (2, 0, 0)])))
    assert torch.equal(model(x[:2], t[:2], choose(batch, slice(1, 3))), model(
        x[:2], t[:2], choose(batch, [1, 2])
    ))  # fmt: skip


@pytest.mark.parametrize("config", [UNET, DIT])
def test_texts_of_other_lengths_and_without_masks_are_joined_and_stay_what_they_are(config):
    model, (x, t) = made(config), noisy(3)
    texts = [
        told(config, rows=1, tokens=3),
        replace(told(config, rows=1, tokens=7), mask=None),
        told(config, rows=1, tokens=5),
    ]
    prepared = [model.prepare(text) for text in texts]
    batch = join(prepared)
    assert batch.mask.sum(dim=1).tolist() == [3, 7, 3]
    alone = [model(x[n : n + 1], t[n : n + 1], one) for n, one in enumerate(prepared)]
    torch.testing.assert_close(model(x, t, batch), torch.cat(alone), atol=1e-5, rtol=1e-4)
    assert join(prepared[1:2] * 2).mask is None


def test_what_cannot_be_joined():
    prepared = [made(config).prepare(told(config)) for config in (UNET, TEXT_AND_POOLED, DIT)]
    for parts in ([], prepared[:2], prepared[::2]):
        with pytest.raises(UsageError, match="all prepared by one denoiser"):
            join(parts)


def test_what_does_not_fit_a_call_is_told():
    model, (x, t), text = made(UNET), noisy(), told(UNET)
    prepared = model.prepare(text)
    with pytest.raises(RequestError, match="for 2 cross-attentions, and this denoiser has 10"):
        model(x, t, made(DIT).prepare(text))
    with pytest.raises(RequestError, match="the text has 1 rows, x has 2"):
        model(x, t, choose(prepared, [0]))
    with pytest.raises(RequestError, match="holds its mask and pooled vector: None is right"):
        model(x, t, prepared, text.mask)
    with pytest.raises(RequestError, match=r"visible is of torch.float32: torch.bool is right"):
        model(x, t, prepared, beside=Beside(visible=torch.ones(2, 5, 4, 8)))
    with pytest.raises(RequestError, match=r"visible is .*: \(2, 5, 4, 8\) is right"):
        model(x, t, prepared, beside=Beside(visible=torch.ones(2, 5, 4, 4, dtype=torch.bool)))
    with pytest.raises(RequestError, match="visible is"):
        model(x, t, prepared, beside=Beside(visible=torch.ones(3, 5, 4, 8, dtype=torch.bool)))
    with pytest.raises(RequestError, match="does not fit this denoiser, which takes \\[\\]"):
        made(DIT)(x, t, text.context, beside=Beside(added=(torch.zeros(2, 8, 4, 8),)))
    with pytest.raises(RequestError, match="takes 6"):
        model.prepare(replace(text, context=torch.randn(2, 5, 7)))
    numbered = made(replace(UNET, classes=3))
    with pytest.raises(RequestError, match="takes class numbers"):
        numbered.prepare(replace(text, pooled=torch.randn(2, 5)))


@pytest.mark.parametrize("config", [UNET, DIT])
def test_a_text_is_made_ready_under_what_is_on_the_model(config):
    """A LoRA of keys and values counts where it is on while the text is prepared."""
    model, text, (x, t) = made(config), told(config), noisy()
    before = model.prepare(text)
    layers = [m for a in cross_attention(model).values() for m in (a.to_k, a.to_v)]
    adapter = Adapter(
        {
            layer: LowRank(
                down=torch.randn(1, layer.in_features), up=torch.randn(layer.out_features, 1)
            )
            for layer in layers
        }
    )
    adapter.attach()
    under = model.prepare(text)
    expected = model(x, t, text.context, text.mask)
    adapter.detach()
    assert torch.equal(model(x, t, under), expected)
    assert not torch.equal(model(x, t, before), expected)
    assert torch.equal(model(x, t, before), model(x, t, text.context, text.mask))


@pytest.mark.parametrize("config", [UNET, DIT])
@pytest.mark.parametrize("fused", [False, True])
def test_after_a_step_of_an_optimiser_a_text_is_read_by_the_new_weights(config, fused):
    """A fused optimiser writes to weights without a word to PyTorch's version counter."""
    model, text, (x, t) = made(config).requires_grad_(True), told(config), noisy()
    with torch.no_grad():
        old = model(x, t, text.context, text.mask)
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.1, fused=fused)
    model(x, t, text.context, text.mask).square().mean().backward()
    optimiser.step()
    fresh = made(config)
    fresh.load_state_dict(model.state_dict())
    with torch.no_grad():
        new = model(x, t, text.context, text.mask)
        assert torch.equal(new, fresh(x, t, text.context, text.mask))
        assert torch.equal(model(x, t, model.prepare(text)), new)
    assert not torch.equal(new, old)


@pytest.mark.parametrize("config", [UNET, DIT])
@torch.no_grad()
def test_a_call_under_autocast_leaves_nothing_for_the_next(config):
    model, text, (x, t) = made(config), told(config), noisy()
    before = model(x, t, text.context, text.mask)
    with torch.autocast("cpu", torch.bfloat16):
        half = model(x, t, text.context, text.mask)
        assert torch.equal(model(x, t, model.prepare(text)), half)
    assert half.dtype == torch.bfloat16
    assert torch.equal(model(x, t, text.context, text.mask), before)


@pytest.mark.parametrize("config", [UNET, DIT])
@torch.no_grad()
def test_a_text_that_is_written_over_is_read_anew(config):
    """As CUDA graphs write into the tensors that they were captured with."""
    model, text, (x, t) = made(config), told(config), noisy()
    kept = text.context.clone()
    model(x, t, kept, text.mask)
    kept.copy_(other := torch.randn_like(kept))
    assert torch.equal(model(x, t, kept, text.mask), model(x, t, other, text.mask))
