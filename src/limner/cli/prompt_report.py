"""What `limner prompt show` says: as values, which --json writes, and as lines."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from limner.prompt import And, Blend, Conjunction, Part, Stage, Tree
from limner.text.chunks import Token, chunked
from limner.text.dialect import Dialect
from limner.text.spans import Span, Spans
from limner.text.tokenizer import WORD_END, Tokenizer, byte_letters

NAMES = {And: "AND", Blend: "blend", Conjunction: "and"}
WIDTH = 96


def report(tree: Tree, steps: int, tokenizer: Tokenizer) -> dict[str, Any]:
    """All that there is to say of a prompt, as JSON has it."""
    return {
        "prompt": tree.source,
        "dialect": tree.dialect.value,
        "steps": steps,
        "length": tokenizer.length,
        "kind": None if tree.kind is None else NAMES[tree.kind],
        "parts": [_part(part, steps, tokenizer) for part in tree.parts],
        "loras": [
            {"name": lora.name, "text_encoder": lora.text_encoder, "unet": lora.unet}
            for lora in tree.loras
        ],
        "embeddings": [embedding.name for embedding in tree.embeddings],
        "unknown_tags": [f"<{tag.name}:{tag.arguments}>" for tag in tree.tags],
        "swaps": [_swap(tree, number) for number in range(len(tree.swaps))],
    }


def _part(part: Part, steps: int, tokenizer: Tokenizer) -> dict[str, Any]:
    stages = part.tree.timeline(steps)
    shown = [_stage(stage, tokenizer, part.tree.dialect) for stage in stages]
    return {"weight": part.weight, "stages": shown}


def _stage(stage: Stage, tokenizer: Tokenizer, dialect: Dialect) -> dict[str, Any]:
    chunks = chunked(stage.spans, tokenizer, dialect).tokens
    tokens = [token for chunk in _uncut(stage.spans, tokenizer) for token in chunk]
    return {
        "first": stage.first,
        "last": stage.last,
        "spans": [_span(span) for span in stage.spans],
        "chunks": [[_token(token) for token in chunk] for chunk in chunks],
        "dropped": [_token(token) for token in tokens[tokenizer.length - 2 :]],
    }


def _uncut(spans: Spans, tokenizer: Tokenizer) -> Sequence[Sequence[Token]]:
    """All tokens, those that a plain prompt loses too."""
    return chunked(spans, tokenizer, Dialect.A1111).tokens


def _span(span: Any) -> dict[str, Any]:
    if isinstance(span, Span):
        return {"text": span.text, "weight": span.weight, "place": span.place}
    return {"break": True, "place": span.place}


def _token(token: Token) -> dict[str, Any]:
    return {"id": token.id, "token": token.text, "text": _text(token.text), "span": token.span}


def _text(entry: str) -> str:
    """What an entry of the vocabulary is of a text; bytes of part of a letter as \\xe7."""
    letters = entry.removesuffix(WORD_END)
    known = byte_letters()
    if not all(letter in known for letter in letters):  # a learned word, or a special token
        return letters
    return bytes(known[letter] for letter in letters).decode("utf-8", "backslashreplace")


def _swap(tree: Tree, number: int) -> dict[str, Any]:
    swap, limits = tree.swaps[number], tree.swaps[number].limits
    words = [str(Tree(nodes, tree.dialect)) for nodes in (swap.original, swap.edited)]
    names = ("s_start", "s_end", "t_start", "t_end")
    return {"from": words[0], "to": words[1], **{name: getattr(limits, name) for name in names}}


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
