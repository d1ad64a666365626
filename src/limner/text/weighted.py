"""Spans to conditioning: chunks, encoded, weighted and joined."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from limner.errors import UsageError
from limner.text.chunks import Chunks, chunked
from limner.text.dialect import Dialect
from limner.text.encode import TextEncoder
from limner.text.joint import JointEncoder, side_by_side
from limner.text.spans import Break, Span, Spans
from limner.text.weighting import Map, Weighting, apply_maps, compel, lerp, scale
from limner.types import Conditioning

NATIVE: Mapping[Dialect, Weighting] = {
    Dialect.A1111: Weighting.SCALE,
    Dialect.COMPEL: Weighting.COMPEL,
    Dialect.COMFY: Weighting.LERP,
    Dialect.PLAIN: Weighting.IGNORE,
}


def encode_spans(
    encoder: TextEncoder | JointEncoder,
    spans: Spans,
    *,
    dialect: Dialect,
    weighting: Weighting | Mapping[int, Map] | None = None,
    empty: Conditioning | None = None,
) -> Conditioning:
    """The conditioning of one prompt: context (1, n L, D), its chunks joined on the token axis.

    dialect: how it is split. weighting: None is the dialect's own; or the maps psi_k of Definition
    7 by the numbers of the spans. With two encoders side by side the weights act in both.
    empty: `encoder([""])`, for whoever has it; encoded where it is needed otherwise.
    pooled is the first chunk's, without weights.
    """
    weighting = NATIVE[dialect] if weighting is None else weighting
    _check_spans(spans, weighting)
    done: list[Conditioning] = []
    width = 0
    for each in encoder.encoders:
        prompt = _read(each, spans, dialect)
        start, width = width, width + prompt.plain.context.shape[-1]
        own_empty = None if empty is None else empty.context[..., start:width]
        done.append(prompt.conditioning(weighting, own_empty))
    return done[0] if len(done) == 1 else side_by_side(*done)


def mapped(spans: Spans, maps: Mapping[str, Map]) -> tuple[Spans, dict[int, Map]]:
    """The spans cut so that each text of `maps` is one by itself, and the maps by their numbers.

    A text is found wherever it stands between word boundaries; the longest of several that begin at
    one place.
    """
    longest = sorted(maps, key=len, reverse=True)
    pattern = re.compile(rf"(?<!\w)({'|'.join(map(re.escape, longest))})(?!\w)")
    cut: list[Span | Break] = []
    found: dict[int, Map] = {}
    for span in spans:
        pieces = pattern.split(span.text) if isinstance(span, Span) and maps else ()
        if len(pieces) < 2 or not isinstance(span, Span):
            cut.append(span)
            continue
        for number, text in enumerate(pieces):
            if number % 2:
                found[len(cut)] = maps[text]
            if text:
                cut.append(replace(span, text=text))
    return tuple(cut), found


def _check_spans(spans: Spans, weighting: Weighting | Mapping[int, Map]) -> None:
    for span in spans:
        if isinstance(span, Span) and not abs(span.weight) < float("inf"):
            raise UsageError(f"the weight of {span.text!r} must be finite, not {span.weight}")
    for k in () if isinstance(weighting, Weighting) else weighting:
        if k not in range(len(spans)) or not isinstance(spans[k], Span):
            raise UsageError(f"there is a map for span {k}, but the prompt has no such span")


def _read(encoder: TextEncoder, spans: Spans, dialect: Dialect) -> _Prompt:
    chunks = chunked(spans, encoder.tokenizer, dialect)
    return _Prompt(encoder, spans, dialect, chunks, encoder.encode(chunks.ids))


@dataclass(frozen=True)
class _Prompt:
    """A prompt through one text encoder, before its weights."""

    encoder: TextEncoder
    spans: Spans
    dialect: Dialect
    chunks: Chunks
    plain: Conditioning

    def conditioning(
        self, weighting: Weighting | Mapping[int, Map], empty: Float[Tensor, "1 L D"] | None
    ) -> Conditioning:
        context = self._context(weighting, empty)
        mask = self._mask(len(context))
        return Conditioning(
            context=rearrange(context, "n L D -> 1 (n L) D"),
            mask=None if mask is None else rearrange(mask, "n L -> 1 (n L)"),
            pooled=None if self.plain.pooled is None else self.plain.pooled[:1],
        )

    def _context(
        self, weighting: Weighting | Mapping[int, Map], empty: Float[Tensor, "1 L D"] | None
    ) -> Float[Tensor, "n L D"]:
        context, weights = self.plain.context, self.chunks.weights
        if not isinstance(weighting, Weighting):
            return apply_maps(context, self.chunks.spans, weighting)
        match weighting:
            case Weighting.IGNORE:
                return context
            case Weighting.SCALE | Weighting.SCALE_PLAIN:
                return scale(context, weights, restore_mean=weighting is Weighting.SCALE)
        if (weights == 1).all():  # no need of the empty prompt
            return context
        base = self._empty().context if empty is None else empty
        if weighting is Weighting.LERP:
            return lerp(context, weights, base)
        without = self._hiding if weighting is Weighting.COMPEL else self._removing
        return compel(context, weights, base, self._lowered(), without)

    def _empty(self) -> Conditioning:
        return self.encoder([""])

    def _lowered(self) -> dict[int, float]:
        """The weights below 1 of the spans that have tokens."""
        return {
            k: span.weight
            for k, span in enumerate(self.spans)
            if isinstance(span, Span) and span.weight < 1 and (self.chunks.spans == k).any()
        }

    def _hiding(self, k: int) -> tuple[Float[Tensor, "n L D"], Float[Tensor, "n L"]]:
        """With a span hidden from the text tower.

        Of a span that goes on into another chunk, the padding between is hidden too, as in Compel,
        save the chunks' first and last positions.
        """
        places = (self.chunks.spans == k).flatten().nonzero()
        hidden = torch.zeros_like(self.chunks.spans, dtype=torch.bool)
        hidden.view(-1)[places.min() : places.max() + 1] = True
        hidden[:, [0, -1]] = False
        return self.encoder.encode(self.chunks.ids, hidden).context, self.chunks.weights

    def _removing(self, k: int) -> tuple[Float[Tensor, "m L D"], Float[Tensor, "m L"]]:
        """With a span taken out: what comes after it moves up."""
        others = [*self.spans[:k], *self.spans[k + 1 :]]
        other = _read(self.encoder, others, self.dialect)
        return other.plain.context, other.chunks.weights

    def _mask(self, chunks: int) -> Tensor | None:
        """The PAD mask of the chunks, and of empty ones where the weighting put some behind."""
        mask = self.plain.mask
        behind = chunks - len(self.chunks.ids)
        if mask is None or not behind or (empty := self._empty().mask) is None:
            return mask
        return torch.cat([mask, empty.expand(behind, -1)])
