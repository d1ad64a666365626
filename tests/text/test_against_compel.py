"""Compel's weighting against the `compel` package, which parses; Limner gets its fragments."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from compel import Compel, DownweightMode, ReturnedEmbeddingsType
from compel.prompt_parser import Blend, Conjunction, FlattenedPrompt
from often import often
from text_towers import TINY, VIT_L14, clip, in_transformers, tower, transformers_tokenizer
from torch import Tensor

from limner.text.chunks import chunked
from limner.text.combine import blend, conjunction, same_length
from limner.text.dialect import Dialect
from limner.text.encode import TextEncoder
from limner.text.spans import Span
from limner.text.weighted import encode_spans
from limner.text.weighting import Weighting
from limner.types import Conditioning

WORDS = (
    *("cat", "dog", "castle", "mountain", "fog", "lamp", "house", "river", "glass", "bread"),
    *("of", "a", "the", "in", "under", "bright", "16:9", "café", "zqxjkv", "photorealistic"),
)
STOPS = [",", ".", ";", ":"]
MODES = {
    Weighting.COMPEL: DownweightMode.MASK,
    Weighting.COMPEL_REMOVAL: DownweightMode.REMOVE,
}


@dataclass(frozen=True)
class Pair:
    """One set of weights as Limner's encoder and in the package."""

    encoder: TextEncoder
    reference: Any

    def compel(self, weighting: Weighting = Weighting.COMPEL, **options: Any) -> Compel:
        return Compel(
            transformers_tokenizer(),
            self.reference,
            truncate_long_prompts=False,
            downweight_mode=MODES[weighting],
            **options,
        )

    def both(
        self, compel: Compel, parsed: Conjunction, weighting: Weighting = Weighting.COMPEL
    ) -> tuple[Tensor, Tensor]:
        """What the package has parsed, encoded by Limner and by the package."""
        members = [self._member(prompt, weighting) for prompt in parsed.prompts]
        ours = conjunction(members, parsed.weights, self.encoder([""])).context
        return ours, compel.build_conditioning_tensor_for_conjunction(parsed)[0]

    def _member(self, prompt: Any, weighting: Weighting) -> Conditioning:
        if not isinstance(prompt, Blend):
            spans = [Span(child.text, child.weight) for child in prompt.children]
            return encode_spans(self.encoder, spans, dialect=Dialect.COMPEL, weighting=weighting)
        members = [self._member(child, weighting) for child in prompt.prompts]
        empty = self.encoder([""])
        return blend(members, prompt.weights, empty, normalise=prompt.normalize_weights)


def pair(sizes: dict[str, int], **settings: Any) -> Pair:
    ours = tower(**sizes)
    return Pair(TextEncoder(clip(), ours, **settings), in_transformers(ours))


@pytest.fixture(scope="module")
def tiny() -> Pair:
    return pair(TINY)


def prompt_of(rng: random.Random, depth: int = 2, most: int = 4) -> str:
    """Words, signs and numbers, nested as deep; no blend and no conjunction."""
    parts = [_part(rng, depth) for _ in range(rng.randint(1, most))]
    return " ".join(parts)


def _part(rng: random.Random, depth: int) -> str:
    kind = rng.random()
    if depth and kind < 0.25:
        inner = prompt_of(rng, depth - 1, 2)
        return f"({inner}){rng.choice(['0.3', '1.5', '0.8', '2.0', '+', '++', '-', '--', ''])}"
    if kind < 0.55:
        return rng.choice(WORDS[:10]) + rng.choice(["+", "-", "++", "---"])
    return rng.choice(WORDS) + rng.choice([*STOPS[:2], "", "", ""])


def sentence(rng: random.Random) -> str:
    """One prompt of the grammar: plain, blended, conjoined, or long."""
    kind = rng.randrange(7)
    if kind == 0:
        signs = [rng.choice([0.3, 1.0, -0.2, 1.4]) for _ in range(2)]
        return f'("{prompt_of(rng)}", "{prompt_of(rng)}").blend({signs[0]}, {signs[1]})'
    if kind == 1:
        return f'("{prompt_of(rng)}", "{prompt_of(rng)}").and(1, {rng.choice([0.5, 1, 1.7])})'
    return prompt_of(rng)


def long_prompt(rng: random.Random) -> FlattenedPrompt:
    """As the package's parser makes one; it takes a second for a prompt of this length itself."""
    words = [rng.choice(WORDS) + rng.choice(["", "", "", *STOPS]) for _ in range(140)]
    cuts = sorted(rng.sample(range(140), 5))
    edges = zip([0, *cuts], [*cuts, 140], strict=True)
    weights = [1.0, rng.choice([0.3, 0.8]), 1.5, 1.0, rng.choice([0.5, 1.21]), 1.0]
    texts = [" ".join(words[first:last]) for first, last in edges]
    return FlattenedPrompt(list(zip(texts, weights, strict=True)))


@pytest.mark.parametrize("prompts", often(60, 200))
def test_prompts_of_a_grammar(tiny: Pair, prompts: int) -> None:
    rng = random.Random(0)
    compel = tiny.compel()
    lowered = 0
    for _ in range(prompts):
        text = sentence(rng)
        ours, theirs = tiny.both(compel, compel.parse_prompt_string(text))
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0, msg=text)
        lowered += "-" in text or "0." in text
    assert lowered > 0.4 * prompts


def test_long_prompts(tiny: Pair) -> None:
    rng = random.Random(1)
    compel = tiny.compel()
    for _ in range(20):
        parsed = Conjunction([long_prompt(rng)])
        ours, theirs = tiny.both(compel, parsed)
        assert theirs.shape[1] > 77
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0, msg=str(parsed))


def test_removal_from_long_prompts(tiny: Pair) -> None:
    """Spans so short that no chunk goes with them: the package fails where one does."""
    rng = random.Random(1)
    compel = tiny.compel(Weighting.COMPEL_REMOVAL)
    for _ in range(10):
        words = [rng.choice(WORDS[:10]) for _ in range(100)]
        cut, weight = rng.randrange(10, 90), rng.choice([0.0, 0.3, 0.8])
        edges = [(0, cut, 1.0), (cut, cut + 3, weight), (cut + 3, 100, 1.2)]
        prompt = [(" ".join(words[first:last]), weight) for first, last, weight in edges]
        parsed = Conjunction([FlattenedPrompt(prompt)])
        ours, theirs = tiny.both(compel, parsed, Weighting.COMPEL_REMOVAL)
        assert theirs.shape[1] == 2 * 77
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0, msg=str(parsed))


EXAMPLES = [
    "a cat++ x",
    "cat---",
    "(a cat)1.5 on a mat",
    "a (b (c)1.5)2.0",
    "((a)1.2 b)0.5",
    "a dog-- and a (red house)0.3 in fog",  # two lowered at once
    "a (dog)0 in fog",
    "a (dog)0.5 and a (dog)0.5",
    '("a cat", "a dog").blend(0.7, 0.3)',
    '("a cat+", "a (dog)0.4 in fog").blend(1, -0.4)',
    '("a cat", "a dog").blend(0.7, 0.3, no_normalize)',
    '("a cat", "a (dog)0.4 in fog").and(1, 0.5)',
    f'("a cat", "a (dog)0.4 in {" fog" * 90}").and(0.5, 0.5)',
    f'("a cat", "a (dog)1.4 in {" fog" * 90}").blend(0.5, 0.5)',
    "naïve café 猫+ 🐈",
    "",
]


@pytest.mark.parametrize("weighting", MODES)
@pytest.mark.parametrize("text", EXAMPLES)
def test_examples(tiny: Pair, text: str, weighting: Weighting) -> None:
    compel = tiny.compel(weighting)
    ours, theirs = tiny.both(compel, compel.parse_prompt_string(text), weighting)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "text",
    [
        "cat " * 70 + "(dog dog dog dog dog dog dog dog dog dog)0.5 end",
        "cat " * 70 + "(dog dog dog dog dog dog dog dog dog dog)1.5 end",
        "cat " * 40 + ". " + "cat " * 20 + "(" + "dog " * 20 + ")0.5 end",  # padding between
        "cat " * 20 + ", cat " * 40 + "(fog)0.3 " + "dog, " * 50,
        "(" + "dog " * 160 + ")0.7",  # over three chunks
    ],
)
def test_spans_across_chunks(tiny: Pair, text: str) -> None:
    compel = tiny.compel()
    ours, theirs = tiny.both(compel, compel.parse_prompt_string(text))
    assert theirs.shape[1] > 77
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


def test_chunks_are_the_packages(tiny: Pair) -> None:
    rng = random.Random(1)
    compel = tiny.compel()
    for _ in range(60):
        words = [rng.choice(WORDS) + rng.choice(["", "", "", *STOPS]) for _ in range(160)]
        fragments = [" ".join(words[:50]), " ".join(words[50:])]
        ids, weights, _ = compel.conditioning_provider.get_token_ids_and_expand_weights(
            fragments, [1.0, 1.5], device="cpu"
        )
        ours = chunked([Span(fragments[0]), Span(fragments[1], 1.5)], clip(), Dialect.COMPEL)
        assert ours.ids.flatten().tolist() == ids.tolist()
        assert ours.weights.flatten().tolist() == weights.tolist()


def test_an_earlier_layer_as_sdxl_takes_it() -> None:
    tiny = pair(TINY, clip_skip=2, final_norm=False)
    kind = ReturnedEmbeddingsType.PENULTIMATE_HIDDEN_STATES_NON_NORMALIZED
    compel = tiny.compel(returned_embeddings_type=kind)
    ours, theirs = tiny.both(compel, compel.parse_prompt_string("a (dog)0.4 in (fog)1.5"))
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


def test_unequal_prompts_are_filled_up_alike(tiny: Pair) -> None:
    compel = tiny.compel()
    texts = ["a cat+", "a (dog)0.4 in " + "fog " * 90]
    parsed = map(compel.parse_prompt_string, texts)
    members = [Conditioning(context=tiny.both(compel, each)[0]) for each in parsed]
    ours = same_length(members, tiny.encoder([""]))
    torch.testing.assert_close(
        torch.cat([member.context for member in ours]), compel(texts), atol=1e-5, rtol=0
    )


@pytest.mark.slow
@pytest.mark.parametrize("weighting", MODES)
def test_vit_l14(weighting: Weighting) -> None:
    full = pair(VIT_L14)
    compel = full.compel(weighting)
    rng = random.Random(2)
    for text in [*EXAMPLES[4:10], *(sentence(rng) for _ in range(2))]:
        ours, theirs = full.both(compel, compel.parse_prompt_string(text), weighting)
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0, msg=text)
