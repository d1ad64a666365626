"""Spans through text encoders, with every dialect's splitting and every weighting."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from text_towers import TINY, clip, encoder, tower
from torch import Tensor

from limner.errors import UsageError
from limner.models.clip import TextTower
from limner.models.clip_states import TextStates
from limner.text.combine import same_length
from limner.text.dialect import Dialect
from limner.text.encode import TextEncoder
from limner.text.joint import JointEncoder
from limner.text.learned import LearnedWords
from limner.text.masks import PadMask
from limner.text.spans import Break, Span, Spans
from limner.text.tokenizer import Tokenizer
from limner.text.weighted import NATIVE, encode_spans, mapped
from limner.text.weighting import Weighting

A1111, COMPEL, COMFY, PLAIN = Dialect.A1111, Dialect.COMPEL, Dialect.COMFY, Dialect.PLAIN
SPANS = [Span("a "), Span("red cat", 1.5), Span(" on a "), Span("mat", 0.6), Span(", fog")]
LONG = [Span("cat " * 70), Span("red dog, " * 20, 1.4), Span("fog " * 30, 0.8)]


@cache
def tiny(policy: PadMask = PadMask.NONE) -> TextEncoder:
    return encoder(policy=policy)


@cache
def joint() -> JointEncoder:
    """Two towers of unequal widths, the second padded with 0, as SDXL's are."""
    return JointEncoder(
        replace(encoder(0), clip_skip=2, final_norm=False),
        replace(encoder(1, pad=0, width=48, projection_width=20), clip_skip=2, final_norm=False),
    )


def ones(spans: Spans) -> Spans:
    return [replace(span, weight=1.0) if isinstance(span, Span) else span for span in spans]


def rows(content: list[list[int]], pad: int | None = None) -> Tensor:
    """Ids of chunks, written out by hand."""
    start, end = clip().start, clip().end
    rest = end if pad is None else pad
    made = [[start, *ids, end, *[rest] * (75 - len(ids))] for ids in content]
    return torch.tensor(made)


def ids_of(text: str) -> list[int]:
    return clip().encode(text)


@pytest.mark.parametrize("weighting", Weighting)
@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("policy", PadMask)
def test_weights_of_one_are_the_plain_encoding(
    dialect: Dialect, weighting: Weighting, policy: PadMask
) -> None:
    text = "a red cat on a mat"
    out = encode_spans(tiny(policy), [Span(text)], dialect=dialect, weighting=weighting)
    plain = tiny(policy)([text])
    assert torch.equal(out.context, plain.context)
    assert torch.equal(out.pooled, plain.pooled)
    assert policy is PadMask.NONE or torch.equal(out.mask, plain.mask)
    assert (out.mask is None) == (policy is PadMask.NONE)


@pytest.mark.parametrize("weighting", Weighting)
@pytest.mark.parametrize("dialect", Dialect)
def test_every_weighting_takes_every_dialects_spans(dialect: Dialect, weighting: Weighting) -> None:
    out = encode_spans(tiny(), LONG, dialect=dialect, weighting=weighting)
    plain = encode_spans(tiny(), ones(LONG), dialect=dialect, weighting=weighting)
    assert out.context.shape == plain.context.shape
    assert out.context.shape[1] == (77 if dialect is PLAIN else 3 * 77)
    assert torch.isfinite(out.context).all()
    assert torch.equal(out.context, plain.context) == (weighting is Weighting.IGNORE)
    assert torch.equal(out.pooled, plain.pooled)


@pytest.mark.parametrize("dialect", Dialect)
def test_the_native_weighting(dialect: Dialect) -> None:
    native = {A1111: "scale", COMPEL: "compel", COMFY: "lerp", PLAIN: "ignore"}[dialect]
    assert NATIVE[dialect].value == native
    out = encode_spans(tiny(), SPANS, dialect=dialect)
    same = encode_spans(tiny(), SPANS, dialect=dialect, weighting=Weighting(native))
    assert torch.equal(out.context, same.context)


def test_a1111_by_its_formula() -> None:
    """Three chunks by hand: 70 cats and 5 dogs fill the first; the comma is too far back."""
    spans = [Span("cat " * 70), Span("dog " * 10, 1.3), Break(), Span("fog"), Span("mat", 0.5)]
    cat, dog, fog, mat = (ids_of(word)[0] for word in ("cat", "dog", "fog", "mat"))
    z = tiny().encode(rows([[cat] * 70 + [dog] * 5, [dog] * 5, [fog, mat]])).context
    m = np.ones((3, 77, 1))
    m[0, 71:76], m[1, 1:6], m[2, 2] = 1.3, 1.3, 0.5
    z = z.double().numpy()
    expected = []
    for chunk in range(3):
        product = z[chunk] * m[chunk]
        expected.append(product * (z[chunk].mean() / product.mean()))
    out = encode_spans(tiny(), spans, dialect=A1111)
    np.testing.assert_allclose(out.context[0].numpy(), np.concatenate(expected), atol=2e-5)
    plain = encode_spans(tiny(), spans, dialect=A1111, weighting=Weighting.SCALE_PLAIN)
    np.testing.assert_allclose(plain.context[0].numpy(), np.concatenate(z * m), atol=2e-5)


def test_comfy_by_its_formula() -> None:
    spans = [Span("cat " * 72), Span("dog " * 7, 1.3), Span("fog", -0.5), Span("mat", 0.0)]
    cat, dog, fog, mat = (ids_of(word)[0] for word in ("cat", "dog", "fog", "mat"))
    z = tiny().encode(rows([[cat] * 72, [dog] * 7 + [fog, mat]])).context.double()
    e = tiny()([""]).context[0].double()
    expected = z.clone()
    for place, weight in [*((i, 1.3) for i in range(1, 8)), (8, -0.5), (9, 0.0)]:
        expected[1, place] = e[place] + weight * (z[1, place] - e[place])
    out = encode_spans(tiny(), spans, dialect=COMFY).context[0].double()
    torch.testing.assert_close(out, expected.flatten(0, 1), atol=2e-5, rtol=0)
    assert torch.equal(out[77 + 9].float(), e[9].float())


@pytest.mark.parametrize("dialect", [COMFY, COMPEL])
def test_lerp_upward_changes_exactly_its_spans_rows(dialect: Dialect) -> None:
    spans = [Span("cat " * 73), Span("dog dog dog", 1.4), Span("fog")]
    lower = ones(spans)
    out = encode_spans(tiny(), spans, dialect=dialect).context
    plain = encode_spans(tiny(), lower, dialect=dialect).context
    changed = (out != plain).any(dim=-1)[0].nonzero().flatten().tolist()
    assert changed == ([78, 79, 80] if dialect is COMFY else [74, 75, 78])


def test_scale_reaches_a_chunk_and_no_other() -> None:
    spans = [Span("cat"), Break(), Span("dog", 1.4), Break(), Span("fog")]
    out = encode_spans(tiny(), spans, dialect=A1111).context
    plain = encode_spans(tiny(), ones(spans), dialect=A1111).context
    same = (out == plain).all(dim=-1).reshape(3, 77)
    assert same[0].all()
    assert same[2].all()
    assert not same[1].any()


def test_compel_hides_a_span_from_the_tower() -> None:
    """At weight 0 the prompt is the one in which nothing attends to the span."""
    out = encode_spans(tiny(), [Span("a"), Span("dog", 0.0), Span("cat")], dialect=COMPEL)
    hidden = torch.zeros(1, 77, dtype=torch.bool)
    hidden[0, 2] = True
    z = tiny().encode(tiny().tokenizer(["a dog cat"]), hidden).context
    e = tiny()([""]).context
    z[0, 2] = e[0, 2]
    torch.testing.assert_close(out.context, z, atol=1e-3, rtol=0)
    moved = (out.context - tiny()(["a dog cat"]).context).abs().amax(dim=-1)[0]
    assert (moved[:2] < 1e-5).all()  # nothing before the span
    assert (moved[2:] > 1e-3).all()  # all after it


def test_a_pad_mask_and_a_hidden_span_act_together() -> None:
    masked = tiny(PadMask.PAD)
    ids = masked.tokenizer(["a dog cat"])
    hidden = torch.zeros_like(ids, dtype=torch.bool)
    hidden[0, 2] = True
    out = masked.encode(ids, hidden)
    assert torch.equal(out.mask, masked.encode(ids).mask)  # the denoiser's is that of the padding
    attended = out.mask & ~hidden
    assert torch.equal(out.context, masked.tower(ids, attended).last)


@pytest.mark.parametrize("policy", [PadMask.PAD, PadMask.STRICT])
@pytest.mark.parametrize("weighting", [Weighting.LERP, Weighting.COMPEL])
def test_pad_masks_of_several_chunks(policy: PadMask, weighting: Weighting) -> None:
    spans = [Span("cat dog", 1.2), Break(), Span("fog", 0.7)]
    out = encode_spans(tiny(policy), spans, dialect=A1111, weighting=weighting)
    content = [4, 3] if policy is PadMask.PAD else [3, 2]
    assert out.mask.shape == (1, 154)
    assert out.mask.reshape(2, 77).sum(dim=1).tolist() == content
    parts = [tiny(policy)([text]) for text in ("cat dog", "fog")]
    assert torch.equal(out.mask, torch.cat([part.mask for part in parts], dim=1))
    plain = encode_spans(tiny(policy), ones(spans), dialect=A1111)
    alone = torch.cat([part.context for part in parts], dim=1)
    torch.testing.assert_close(plain.context, alone)


def test_removal_that_leaves_fewer_chunks_keeps_its_mask() -> None:
    spans = [Span("cat " * 74), Span("dog " * 20, 0.5)]
    removed = encode_spans(
        tiny(PadMask.PAD), spans, dialect=COMPEL, weighting=Weighting.COMPEL_REMOVAL
    )
    hidden = encode_spans(tiny(PadMask.PAD), spans, dialect=COMPEL)
    assert torch.equal(removed.mask, hidden.mask)
    assert not torch.allclose(removed.context, hidden.context, atol=1e-3)


def test_removal_that_makes_more_chunks_gets_a_mask_of_their_number() -> None:
    """Without the stop at 75, the first chunk ends at the one before, and a third is needed."""
    long = [Span("cat " * 5 + ". " + "cat " * 68), Span(".", 0.5), Span("dog " * 75)]
    out = encode_spans(tiny(PadMask.PAD), long, dialect=COMPEL, weighting=Weighting.COMPEL_REMOVAL)
    assert encode_spans(tiny(), long, dialect=COMPEL).context.shape[1] == 2 * 77
    assert out.context.shape[1] == 3 * 77
    assert out.mask.shape == (1, 3 * 77)
    assert out.mask[0, 2 * 77 :].sum() == 2  # the empty prompt's BOS and EOS


@pytest.mark.parametrize("weighting", Weighting)
def test_both_of_sdxls_contexts_are_weighted(weighting: Weighting) -> None:
    out = encode_spans(joint(), LONG, dialect=A1111, weighting=weighting)
    first, second = (
        encode_spans(each, LONG, dialect=A1111, weighting=weighting) for each in joint().encoders
    )
    assert torch.equal(out.context[..., :32], first.context)
    assert torch.equal(out.context[..., 32:], second.context)
    assert torch.equal(out.pooled, second.pooled)
    assert out.context.shape == (1, 3 * 77, 80)
    if weighting is not Weighting.IGNORE:
        plain = encode_spans(joint(), ones(LONG), dialect=A1111).context
        assert not torch.equal(out.context[..., :32], plain[..., :32])
        assert not torch.equal(out.context[..., 32:], plain[..., 32:])


def test_weights_of_one_are_sdxls_plain_encoding() -> None:
    out = encode_spans(joint(), [Span("a red cat")], dialect=A1111)
    plain = joint()(["a red cat"])
    assert torch.equal(out.context, plain.context)
    assert torch.equal(out.pooled, plain.pooled)


@pytest.mark.parametrize("which", [tiny, joint])
@pytest.mark.parametrize("weighting", [Weighting.LERP, Weighting.COMPEL])
def test_an_empty_prompt_that_is_there_is_not_encoded(which, weighting: Weighting) -> None:
    given = which()([""])
    out = encode_spans(which(), SPANS, dialect=A1111, weighting=weighting, empty=given)
    own = encode_spans(which(), SPANS, dialect=A1111, weighting=weighting)
    assert torch.equal(out.context, own.context)
    other = replace(given, context=given.context + 1)
    moved = encode_spans(which(), SPANS, dialect=A1111, weighting=weighting, empty=other)
    assert not torch.equal(moved.context, own.context)


class Counting(TextTower):
    """A tower that counts the chunks that it encodes."""

    chunks = 0

    def forward(self, ids: Tensor, mask: Tensor | None = None) -> TextStates:
        self.chunks += len(ids)
        return super().forward(ids, mask)


@pytest.mark.parametrize(
    ("weighting", "alone", "with_empty"),
    [
        (Weighting.SCALE_PLAIN, 3, 3),
        (Weighting.LERP, 4, 3),
        (Weighting.COMPEL, 7, 6),  # once more for the one span below 1
        (Weighting.IGNORE, 3, 3),
    ],
)
def test_no_more_is_encoded_than_needed(weighting: Weighting, alone: int, with_empty: int) -> None:
    counting = Counting(tiny().tower.config)
    small = TextEncoder(clip(), counting)
    empty = small([""])
    for given, expected in [(None, alone), (empty, with_empty)]:
        counting.chunks = 0
        encode_spans(small, LONG, dialect=A1111, weighting=weighting, empty=given)
        assert counting.chunks == expected


def test_the_pooled_output_is_the_clean_first_chunks() -> None:
    out = encode_spans(joint(), LONG, dialect=A1111, weighting=Weighting.COMPEL)
    clean = joint()(["cat " * 70 + "red dog , red dog ,"])  # cut to the first chunk
    torch.testing.assert_close(out.pooled, clean.pooled)


def test_any_map_of_a_span() -> None:
    turned = {1: lambda x: x.flip(0), 3: lambda x: x / x.norm()}
    out = encode_spans(tiny(), SPANS, dialect=A1111, weighting=turned).context[0]
    plain = tiny()(["a red cat on a mat, fog"]).context[0]
    assert torch.equal(out[2:4], plain[2:4].flip(1))
    torch.testing.assert_close(out[6].norm(), torch.tensor(1.0))
    others = [0, 1, 4, 5, *range(7, 77)]
    assert torch.equal(out[others], plain[others])
    with pytest.raises(UsageError, match="a map for span 9, but the prompt has no such span"):
        encode_spans(tiny(), SPANS, dialect=A1111, weighting={9: lambda x: x})
    with pytest.raises(UsageError, match="a map for span 0"):
        encode_spans(tiny(), [Break()], dialect=A1111, weighting={0: lambda x: x})


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("weight", [float("nan"), float("inf")])
def test_a_weight_that_is_no_number(dialect: Dialect, weight: float) -> None:
    with pytest.raises(UsageError, match=f"weight of 'cat' must be finite, not {weight}"):
        encode_spans(tiny(), [Span("cat", weight)], dialect=dialect)


@pytest.mark.parametrize("weighting", Weighting)
@pytest.mark.parametrize("spans", [[], [Span("", 0.5)], [Span(" \n", -1.0), Span("", 2.0)]])
def test_empty_spans_are_the_empty_prompt(weighting: Weighting, spans: Spans) -> None:
    out = encode_spans(tiny(), spans, dialect=A1111, weighting=weighting)
    assert torch.equal(out.context, tiny()([""]).context)


@pytest.mark.parametrize("weighting", Weighting)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(weighting: Weighting, dtype: torch.dtype) -> None:
    half = replace(encoder(), tower=encoder().tower.to(dtype))
    out = encode_spans(half, LONG, dialect=A1111, weighting=weighting)
    exact = encode_spans(tiny(), LONG, dialect=A1111, weighting=weighting)
    assert out.context.dtype == dtype
    step = torch.finfo(dtype).eps
    torch.testing.assert_close(out.context.float(), exact.context, atol=60 * step, rtol=0)


def test_a_prompt_does_not_depend_on_its_neighbours() -> None:
    prompts = [SPANS, LONG, [Span("")]]
    alone = [encode_spans(tiny(), spans, dialect=A1111) for spans in prompts]
    padded = same_length(alone)
    for spans, row in zip(prompts, padded, strict=True):
        own = encode_spans(tiny(), spans, dialect=A1111).context
        length = own.shape[1]
        assert torch.equal(row.context[:, :length], own)
        assert row.mask[:, :length].all()
        assert not row.mask[:, length:].any()


def test_the_shipped_models_length() -> None:
    """A vocabulary of one's own at 32 tokens: chunks of 30."""
    tokenizer = Tokenizer.train(["a red cat, a dog"] * 4, 600, length=32)
    sizes = {"vocabulary_size": tokenizer.vocabulary_size, "end": tokenizer.end, "length": 32}
    small = TextEncoder(tokenizer, tower(**{**TINY, **sizes}), PadMask.PAD)
    spans = [Span("a " * 40), Span("dog", 1.5), Span("cat", 0.5)]
    for dialect in (A1111, COMPEL, COMFY):
        out = encode_spans(small, spans, dialect=dialect)
        assert out.context.shape == (1, 64, 32)
        assert out.mask.shape == (1, 64)
    assert encode_spans(small, spans, dialect=PLAIN).context.shape == (1, 32, 32)


def test_two_encoders_that_split_a_prompt_unlike() -> None:
    first = TextEncoder(Tokenizer.clip(), encoder(0).tower)
    unlike = JointEncoder(first, TextEncoder(Tokenizer.clip(), encoder(1).tower))
    LearnedWords(first.tokenizer, first.tower).set({"toyword": torch.randn(60, 32)})
    with pytest.raises(UsageError, match="as many tokens each of a prompt, not 154 and 77"):
        encode_spans(unlike, [Span("toyword toyword")], dialect=A1111)


def test_texts_with_maps_become_spans_of_their_own():
    one, two = torch.zeros_like, torch.ones_like
    spans = (Span("a red apple, reddish, red", 1.5), Break(), Span("apple"))
    cut, maps = mapped(spans, {"red": one, "red apple": two})
    assert [s.text if isinstance(s, Span) else None for s in cut] == [
        "a ", "red apple", ", reddish, ", "red", None, "apple",
    ]  # fmt: skip
    assert maps == {1: two, 3: one}
    assert [s.weight for s in cut[:4]] == [1.5] * 4
    assert mapped(spans, {}) == (spans, {})
