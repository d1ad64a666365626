"""What `limner prompt show` says, as lines."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from limner.text.tokenizer import WORD_END

WIDTH = 96


def lines(shown: dict[str, Any]) -> Iterator[str]:
    """A report for reading."""
    if not shown["prompt"].strip():
        yield "the prompt is empty"
    parts = shown["parts"]
    for number, part in enumerate(parts, 1):
        if len(parts) > 1 or part["weight"] != 1:
            yield f"part {number} of {len(parts)}, {shown['kind']} weight {part['weight']:.6g}"
        for stage in part["stages"]:
            yield from _stage_lines(stage, shown)
    for lora in shown["loras"]:
        strengths = f"text encoder {lora['text_encoder']:.6g}, denoiser {lora['unet']:.6g}"
        yield f"LoRA {_clean(lora['name'])}: {strengths}"
    for name in shown["embeddings"]:
        yield f"embedding {_clean(name)}"
    for tag in shown["unknown_tags"]:
        yield f"unknown tag {_clean(tag)}"
    for swap in shown["swaps"]:
        limits = ", ".join(f"{name} {value:.4g}" for name, value in list(swap.items())[2:])
        yield f"swap {_clean(swap['from'])} -> {_clean(swap['to'])} ({limits})"


def _stage_lines(stage: dict[str, Any], shown: dict[str, Any]) -> Iterator[str]:
    yield f"steps {stage['first']}-{stage['last']} of {shown['steps']}"
    yield "  weight  text"
    for span in stage["spans"]:
        yield "   BREAK" if "break" in span else f"  {span['weight']:<7.4g} {span['text']!r}"
    for number, chunk in enumerate(stage["chunks"], 1):
        room = shown["length"] - 2
        yield f"  chunk {number}: {len(chunk)} of {room} tokens, and BOS and EOS"
        yield from _token_lines(chunk)
    if stage["dropped"]:
        count = len(stage["dropped"])
        yield f"  a tool that reads {shown['length']} tokens would have dropped {count}:"
        yield from _token_lines(stage["dropped"])


def _token_lines(tokens: list[dict[str, Any]]) -> list[str]:
    """Each token with its id; what goes on in the next token ends in `-`."""
    pairs = [f"{_word(token)}\N{NO-BREAK SPACE}{token['id']}" for token in tokens]
    wrapped = textwrap.wrap(
        "  ".join(pairs), WIDTH, initial_indent="    ", subsequent_indent="    "
    )
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in wrapped]


def _word(token: dict[str, Any]) -> str:
    return _clean(token["text"]) + ("" if token["token"].endswith(WORD_END) else "-")


def _clean(text: str) -> str:
    """Without control characters, which would reach the terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
