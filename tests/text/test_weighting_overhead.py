"""What splitting and weighting cost beside the text encoder."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import pytest
from text_towers import VIT_L14, clip, tower

from limner.text.chunks import chunked
from limner.text.dialect import Dialect
from limner.text.encode import TextEncoder
from limner.text.spans import Span
from limner.text.weighting import lerp, scale

SPANS = [Span("a cat and a dog, " * 8), Span("red fog " * 45, 1.4), Span("in a house, " * 16, 0.7)]


def least(run: Callable[[], object], runs: int) -> float:
    """Seconds of the fastest run: the others have waited for something else."""
    times = []
    for _ in range(runs):
        start = perf_counter()
        run()
        times.append(perf_counter() - start)
    return min(times)


@pytest.mark.slow
@pytest.mark.parametrize("dialect", [Dialect.A1111, Dialect.COMPEL, Dialect.COMFY])
def test_weighting_costs_under_a_twentieth_of_encoding(dialect: Dialect) -> None:
    """Of a prompt of 200 tokens and more, on ViT-L/14, with the empty prompt at hand."""
    encoder = TextEncoder(clip(), tower(**VIT_L14))
    chunks = chunked(SPANS, clip(), dialect)
    assert sum(map(len, chunks.tokens)) >= 200
    empty, context = encoder([""]), encoder.encode(chunks.ids).context
    encoding = least(lambda: encoder.encode(chunks.ids), 5)
    splitting = least(lambda: chunked(SPANS, clip(), dialect), 20)
    for weigh in (scale, lambda c, w: lerp(c, w, empty.context)):
        weighting = least(lambda weigh=weigh: weigh(context, chunks.weights), 20)
        print(f"{dialect.value}: {encoding=:.3f} {splitting=:.5f} {weighting=:.5f}")
        assert splitting + weighting < 0.05 * encoding
