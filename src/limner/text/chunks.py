"""Spans to chunks: as many tokens as a text tower takes at a time, split as each dialect splits.

CLIP's towers take 77 tokens, BOS and EOS among them, so a chunk has room for 75; a tokenizer of
another length makes room for length - 2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limner.errors import UsageError
from limner.text.dialect import Dialect
from limner.text.spans import Break, Span, Spans
from limner.text.tokenizer import WORD_END, Tokenizer

NO_SPAN = -1
BACKTRACK = 20  # A1111: how many tokens before a chunk's end a comma may still split it
SHORT_SEGMENT = 8  # ComfyUI: a segment of fewer tokens than this is not split
COMMA = f",{WORD_END}"
SENTENCE_ENDS = frozenset({f".{WORD_END}"})
PHRASE_ENDS = frozenset(mark + WORD_END for mark in ".,;:")


class Token(NamedTuple):
    """One token of a prompt.

    text: the vocabulary's entry, as "cat</w>". span: the number of the span that it is from.
    word: which piece of the span it is of if that is a learned word; 0 of all other text.
    """

    id: int
    text: str
    span: int
    word: int = 0


Chunk = Sequence[Token]


@dataclass(frozen=True)
class Chunks:
    """A prompt as a text tower reads it: n chunks of L positions.

    tokens: those of each chunk, without BOS, EOS and PAD.
    ids: each chunk after length normalisation (lecture eq. 7).
    weights: of each position; 1 at BOS, EOS and PAD.
    spans: the number of the span that a position is from; NO_SPAN at BOS, EOS and PAD.
    """

    tokens: tuple[tuple[Token, ...], ...]
    ids: Int[Tensor, "n L"]
    weights: Float[Tensor, "n L"]
    spans: Int[Tensor, "n L"]


def chunked(spans: Spans, tokenizer: Tokenizer, dialect: Dialect) -> Chunks:
    """The chunks of a prompt; one that holds no token where it is empty.

    Each span is tokenized by itself: "house" and "s" stay two words. A span's number is its place
    in `spans`. Every Break closes a chunk, even an empty one, and nothing follows the last.

    a1111: a chunk is filled; a token that finds it full takes along what follows its last comma,
    where that is among its last 20 tokens. A comma takes nothing along: what it ends is whole.
    compel: up to the last full stop that fits, else the last of `. , ; :`, else the end of a word.
    comfy: a chunk is filled, but a span of fewer than 8 tokens moves whole to the next.
    plain: what does not fit is cut off, as by every program that knows 77 tokens only: a plain
    prompt means what it means there.

    The vectors of a learned word stay together in a1111, which raises UsageError for more than a
    chunk can hold, and in compel where it can.
    """
    room = tokenizer.length - 2
    if room < 1:
        raise UsageError(f"a prompt's length must be at least 3 to hold a token, not {room + 2}")
    split = SPLITTERS[dialect]
    chunks = [c for section in _sections(spans, tokenizer) for c in split(section, room)]
    if len(chunks) > 1 and not chunks[-1]:
        chunks.pop()
    return _assembled(chunks, spans, tokenizer)


def _sections(spans: Spans, tokenizer: Tokenizer) -> list[list[Token]]:
    """The tokens between the breaks."""
    sections: list[list[Token]] = [[]]
    for number, span in enumerate(spans):
        if isinstance(span, Break):
            sections.append([])
        else:
            sections[-1] += _tokens(span, number, tokenizer)
    return sections


def _tokens(span: Span, number: int, tokenizer: Tokenizer) -> Iterator[Token]:
    for place, piece in enumerate(tokenizer.pieces(span.text)):
        word = place if piece.learned else 0  # other text comes first, so no learned word is 0
        for i, text in zip(piece.ids, piece.tokens, strict=True):
            yield Token(i, text, number, word)


def _assembled(chunks: Sequence[Chunk], spans: Spans, tokenizer: Tokenizer) -> Chunks:
    ids, weights, numbers = [], [], []
    for chunk in chunks:
        padding = tokenizer.length - 1 - len(chunk)  # EOS and PAD
        own = [token.span for token in chunk]
        ids.append(tokenizer.normalise([token.id for token in chunk]))
        weights.append([1.0, *(_weight(spans[k]) for k in own), *[1.0] * padding])
        numbers.append([NO_SPAN, *own, *[NO_SPAN] * padding])
    return Chunks(
        tokens=tuple(tuple(chunk) for chunk in chunks),
        ids=torch.tensor(ids),
        weights=torch.tensor(weights),
        spans=torch.tensor(numbers),
    )


def _weight(span: Span | Break) -> float:
    return span.weight if isinstance(span, Span) else 1.0


def _a1111(tokens: Chunk, room: int) -> list[Chunk]:
    chunks: list[Chunk] = []
    chunk: list[Token] = []
    for unit in _units(tokens, room):
        while len(chunk) + len(unit) > room:
            full = len(chunk) == room and unit[0].text != COMMA
            end = _after_comma(chunk) if full else len(chunk)
            chunks.append(chunk[:end])
            chunk = chunk[end:]
        chunk += unit
    return [*chunks, chunk]


def _after_comma(chunk: Chunk) -> int:
    """Where a full chunk ends: after its last comma, unless that is too far back."""
    for back, token in enumerate(reversed(chunk[-BACKTRACK:])):
        if token.text == COMMA:
            return len(chunk) - back
    return len(chunk)


def _units(tokens: Chunk, room: int) -> Iterator[Chunk]:
    """What is not to be split: a learned word, any other token."""
    for (_, word), group in groupby(tokens, key=_word):
        unit = list(group)
        if not word:
            yield from ([token] for token in unit)
        elif len(unit) > room:
            raise UsageError(
                f"the learned word {unit[0].text!r} has {len(unit)} vectors: a chunk of this "
                f"model has room for {room}"
            )
        else:
            yield unit


def _word(token: Token) -> tuple[int, int]:
    return token.span, token.word


def _compel(tokens: Chunk, room: int) -> list[Chunk]:
    chunks = []
    while len(tokens) > room:
        end = _best_end(tokens, room)
        chunks.append(tokens[:end])
        tokens = tokens[end:]
    return [*chunks, tokens]


def _best_end(tokens: Chunk, room: int) -> int:
    """Where Compel ends a chunk: at a sentence, else a phrase, else a word, else where it is full.

    tokens: more than the room.
    """
    places = range(room, 0, -1)
    for marks in (SENTENCE_ENDS, PHRASE_ENDS):
        for end in places:
            if tokens[end - 1].text in marks:
                return end
    return next((end for end in places if _ends_word(tokens, end)), room)


def _ends_word(tokens: Chunk, end: int) -> bool:
    last = tokens[end - 1]
    return _word(last) != _word(tokens[end]) if last.word else last.text.endswith(WORD_END)


def _comfy(tokens: Chunk, room: int) -> list[Chunk]:
    chunks: list[Chunk] = []
    chunk: list[Token] = []
    for _, group in groupby(tokens, key=_word):
        segment = list(group)
        if len(chunk) + len(segment) > room and len(segment) < min(SHORT_SEGMENT, room + 1):
            chunks.append(chunk)
            chunk = []
        while len(chunk) + len(segment) > room:
            taken = room - len(chunk)
            chunks.append(chunk + segment[:taken])
            chunk, segment = [], segment[taken:]
        chunk += segment
    return [*chunks, chunk]


def _plain(tokens: Chunk, room: int) -> list[Chunk]:
    return [tokens[:room]]


SPLITTERS: Mapping[Dialect, Callable[[Chunk, int], list[Chunk]]] = {
    Dialect.A1111: _a1111,
    Dialect.COMPEL: _compel,
    Dialect.COMFY: _comfy,
    Dialect.PLAIN: _plain,
}
