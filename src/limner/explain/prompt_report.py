"""What a prompt means, as values: spans and weights, tokens and chunks, what holds when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from limner.prompt import And, Blend, Conjunction, Part, Stage, Tree
from limner.text.chunks import Token, chunked
from limner.text.dialect import Dialect
from limner.text.spans import Span, Spans
from limner.text.tokenizer import WORD_END, Tokenizer, byte_letters

NAMES = {And: "AND", Blend: "blend", Conjunction: "and"}


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
