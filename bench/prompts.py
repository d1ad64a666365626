"""What reading a prompt costs beside encoding it: ViT-L/14's text tower, random weights.

python bench/prompts.py --runs 5
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from statistics import median
from time import perf_counter

import torch

from limner import prompt
from limner.models.clip import TextTower
from limner.models.clip_presets import TEXT_VIT_L14
from limner.text.chunks import chunked
from limner.text.encode import TextEncoder
from limner.text.tokenizer import Tokenizer
from limner.text.weighted import encode_spans
from limner.text.weighting import Weighting

PROMPT = "a cat and a dog, " * 10 + "(" + "red fog, " * 30 + ":1.4) " + "(in a house,:0.7) " * 20


def seconds(run: Callable[[], object]) -> float:
    start = perf_counter()
    run()
    return perf_counter() - start


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    encoder = TextEncoder(Tokenizer.clip(), TextTower(TEXT_VIT_L14).eval())
    empty = encoder([""])
    spans = prompt.parse(PROMPT, "a1111").spans()
    ids = chunked(spans, encoder.tokenizer, prompt.Dialect.A1111).ids
    tokens = sum(map(len, chunked(spans, encoder.tokenizer, prompt.Dialect.A1111).tokens))

    def read() -> object:
        tree = prompt.parse(PROMPT, "a1111")
        stage = tree.timeline(20)[0]
        return chunked(stage.spans, encoder.tokenizer, tree.dialect)

    def whole(weighting: Weighting) -> object:
        return encode_spans(
            encoder, spans, dialect=prompt.Dialect.A1111, weighting=weighting, empty=empty
        )

    plain, lerp, reading = [], [], []
    for _ in range(runs):
        plain.append(seconds(lambda: encoder.encode(ids)))
        lerp.append(seconds(lambda: whole(Weighting.LERP)))
        reading.append(seconds(read))
    share = median(reading) / median(plain)
    print(f"{tokens} tokens in {len(ids)} chunks, medians of {runs} runs")
    print(f"encoding alone {median(plain):.3f} s; split, encoded and weighted {median(lerp):.3f} s")
    print(f"parsing and splitting {1000 * median(reading):.1f} ms, {100 * share:.2f} % of encoding")


if __name__ == "__main__":
    main()
