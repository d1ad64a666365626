"""`.swap()` in a painter: the maps of the original prompt, the values of the edited one."""

from dataclasses import replace

import asking
import pytest
import torch
from torch import Tensor

import limner
from limner.nn.attention import Attention
from limner.pipeline.features.swap import Keeping
from limner.pipeline.scene import Control
from limner.text.alignment import Alignment
from limner.types import Conditioning

FIXED = {"seed": 1, "steps": 4, "guidance": 3.0, "dialect": "compel", "solver": "euler"}
ALWAYS = "t_start=0, s_end=1"


def latents(painter, prompt, **fields):
    return painter.generate(prompt, **{**FIXED, **fields}).latents


def maps(q: Tensor, k: Tensor, heads: int) -> Tensor:
    """softmax(q k^T / sqrt(d)) of each head, (H, N, L), by hand."""
    rows = [
        (a @ b.T / a.shape[1] ** 0.5).softmax(1)
        for a, b in zip(q.chunk(heads, 1), k.chunk(heads, 1), strict=True)
    ]
    return torch.stack(rows)


def by_maps(found: Tensor, v: Tensor) -> Tensor:
    heads = zip(found, v.chunk(len(found), 1), strict=True)
    return torch.cat([m @ part for m, part in heads], 1)


@pytest.mark.parametrize("fresh", [False, True])
def test_attention_is_that_of_the_formula(fresh):
    torch.manual_seed(0)
    negative, edited, original = texts = torch.randn(3, 5, 6)
    attention = Attention(8, heads=2, context_width=6)
    shares = torch.rand(5, 5)
    marked = torch.tensor([False, False, fresh, False, False])
    alignment = Alignment(shares, marked)
    control = Control(
        original=Conditioning(context=original[None]), alignment=alignment, cross=True, own=False
    )
    x = torch.randn(1, 4, 8)
    both = attention(torch.cat([x, x, x]), texts, attend=Keeping(control, 1))
    torch.testing.assert_close(both[0], attention(x, negative[None])[0])

    q, (k, _) = attention.queries(x), attention.keys_values(original[None])
    own_k, v = attention.keys_values(edited[None])
    expected = by_maps(maps(q[0], k[0], 2) @ shares, v[0])
    expected += by_maps(maps(q[0], own_k[0], 2) * marked, v[0])
    torch.testing.assert_close(both[1], attention.to_out[0](expected))


def test_a_word_for_itself_changes_nothing(painter):
    plain = latents(painter, "a cat")
    for options in ("t_start=0", ALWAYS, "t_end=0.5"):
        swapped = latents(painter, f"a cat.swap(cat, {options})")
        torch.testing.assert_close(swapped, plain, atol=1e-4, rtol=1e-4)


def test_a_swap_out_of_its_limits_is_its_new_words(painter):
    dog = latents(painter, "a dog")
    assert torch.equal(latents(painter, "a cat.swap(dog, t_start=1)"), dog)
    swapped = latents(painter, "a cat.swap(dog, t_start=0)")
    assert not torch.allclose(swapped, dog)
    assert not torch.allclose(swapped, latents(painter, "a cat"))


def test_limits_are_shares_of_the_steps(painter):
    def seen(prompt):
        request = limner.Request(prompt=prompt, **FIXED)
        return [step.denoised for step in painter.steps(request)]

    dog, late = seen("a dog"), seen("a cat.swap(dog, t_start=0.5)")
    assert torch.equal(late[1], dog[1])
    assert not torch.allclose(late[2], dog[2])
    early = seen("a cat.swap(dog, t_start=0, t_end=0.25)")
    assert not torch.allclose(early[0], dog[0])
    told = asking.told(painter, limner.Request(prompt="a cat.swap(dog, t_start=0.5)", **FIXED))
    assert [told[n].swap is None for n in (1, 2, 3, 4)] == [True, True, False, False]
    assert told[3] is told[4]


def test_self_attention_is_kept_within_its_own_limits(painter):
    cross = latents(painter, "a cat.swap(dog, t_start=0)")
    both = latents(painter, "a cat.swap(dog, t_start=0, s_end=1)")
    only = latents(painter, "a cat.swap(dog, t_start=1, s_end=1)")
    for one, other in ((cross, both), (both, only), (only, latents(painter, "a dog"))):
        assert not torch.equal(one, other)


def test_pictures_of_a_batch_are_those_painted_alone(painter):
    prompt = f"a cat.swap(dog, {ALWAYS})"
    two = latents(painter, prompt, count=2)
    for index, seed in enumerate((1, 2)):
        alone = latents(painter, prompt, seed=seed)
        torch.testing.assert_close(two[index : index + 1], alone, atol=1e-4, rtol=1e-4)


def test_guidance_is_by_the_edited_prompt(painter):
    """At the first evaluation, where x is the same: D = D_u + w (D_swapped - D_u)."""

    def first(prompt, guidance):
        request = limner.Request(prompt=prompt, **{**FIXED, "guidance": guidance})
        return next(iter(painter.steps(request))).denoised

    swapped, without = first(f"a cat.swap(dog, {ALWAYS})", 1.0), first("", 1.0)
    expected = torch.lerp(without, swapped, 3.0)
    found = first(f"a cat.swap(dog, {ALWAYS})", 3.0)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    "prompt",
    [
        "a cat.swap(big black dog) x.swap(y, t_start=0, t_end=.3)",
        "a (cat)1.4.swap((dog)0.5, t_start=0)",
        '"".swap(dog, t_start=0)',
        'cat.swap("", t_start=0)',
        '("a.swap(b)", "c").and()',
        "a cat.swap(" + "dog " * 80 + ", t_start=0)",
    ],
)
def test_every_swap_is_painted(painter, prompt):
    result = painter.generate(prompt, **FIXED)
    assert result.latents.isfinite().all()


def test_a_swap_in_the_negative_prompt_is_its_new_words(painter):
    swapped = latents(painter, "a cat", negative="red.swap(blue)")
    assert torch.equal(swapped, latents(painter, "a cat", negative="blue"))


def test_a_swap_in_progress_is_in_no_other_painting(painter):
    before = latents(painter, "a cat")
    steps = painter.steps(limner.Request(prompt=f"a cat.swap(dog, {ALWAYS})", **FIXED))
    next(steps)
    assert torch.equal(latents(painter, "a cat"), before)
    steps.close()
    assert torch.equal(latents(painter, "a cat"), before)


def test_a_transformer_swaps_too(painter, tiny_transformer):
    other = limner.Painter(replace(painter.parts, denoiser=tiny_transformer))
    cat, dog = latents(other, "a cat"), latents(other, "a dog")
    swapped = latents(other, f"a cat.swap(dog, {ALWAYS})")
    assert not torch.allclose(swapped, cat)
    assert not torch.allclose(swapped, dog)
    same = latents(other, f"a cat.swap(cat, {ALWAYS})")
    torch.testing.assert_close(same, cat, atol=1e-4, rtol=1e-4)
