"""The texts of a request to conditioning; what was encoded before is not encoded again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import torch
from jaxtyping import Int
from torch import Tensor, nn

from limner.checkpoints import Parts
from limner.checkpoints.conditions import encoder_of
from limner.pipeline.adapters import Adapters
from limner.pipeline.numerics import finite
from limner.pipeline.words import meant
from limner.text.chunks import chunked
from limner.text.dialect import Dialect
from limner.text.spans import Span, Spans
from limner.text.weighted import encode_spans, mapped
from limner.text.weighting import Map, Weighting
from limner.types import Conditioning

MOST_TEXTS = 64  # 40 MB of SDXL's


class Encodings:
    """A model's text encoder with a memory of the last texts.

    Every text is encoded by itself, so that what else is painted with it changes no bit of it. The
    memory is emptied where adapters or learned words change and where a text tower's weights do.
    """

    def __init__(self, parts: Parts, adapters: Adapters) -> None:
        self._encoder = encoder_of(parts)
        self._towers = [parts.text_encoder]
        if parts.text_encoder_2 is not None:
            self._towers.append(parts.text_encoder_2)
        self._adapters = adapters
        self._clip_skip = parts.sampling.clip_skip
        self._lexicon = {} if parts.words is None else parts.words.lexicon
        self._kept: OrderedDict[Hashable, Conditioning] = OrderedDict()
        self._state: tuple[object, ...] = ()

    def __call__(self, texts: Sequence[str], clip_skip: int | None = None) -> Conditioning:
        """One row a text; equal texts are encoded once. clip_skip: None is the model's own.

        Raises UsageError for a clip_skip beyond the tower's layers.
        """
        self._check()
        layer = self._clip_skip if clip_skip is None else clip_skip
        encoder = self._encoder.with_clip_skip(layer)
        read = [self._meant(text) for text in texts]
        return joined([self._kept_or((text, layer), partial(encoder, [text])) for text in read])

    def spans(
        self,
        spans: Spans,
        dialect: Dialect,
        weighting: Weighting | Mapping[str, Map],
        clip_skip: int,
    ) -> Conditioning:
        """One row, of weighted text: as many tokens as its chunks have.

        weighting: or functions for the encodings of texts in it, by these texts.
        """
        self._check()
        how: Weighting | dict[int, Map]
        if isinstance(weighting, Weighting):
            how = weighting
        else:
            spans, how = mapped(spans, weighting)
        spans = self._known(spans)
        said = tuple((s.text, s.weight) if isinstance(s, Span) else None for s in spans)
        if not said:
            return self([""], clip_skip)
        weighted = any(one is not None and one[1] != 1 for one in said)
        empty = self([""], clip_skip) if weighted else None
        encode = partial(
            encode_spans,
            self._encoder.with_clip_skip(clip_skip),
            spans,
            dialect=dialect,
            weighting=how,
            empty=empty,
        )
        key = how if isinstance(how, Weighting) else tuple(how.items())
        return self._kept_or((said, dialect, key, clip_skip), encode)

    def tokens(self, spans: Spans, dialect: Dialect) -> Int[Tensor, "L"]:
        """The ids of the tokens that `spans` encodes, in their chunks one behind the other."""
        tokenizer = self._encoder.encoders[0].tokenizer
        return chunked(self._known(spans), tokenizer, dialect).ids.flatten()

    def _known(self, spans: Spans) -> Spans:
        """The spans with words that the model has not read as those that it has."""
        return tuple(
            replace(span, text=self._meant(span.text)) if isinstance(span, Span) else span
            for span in spans
        )

    def _meant(self, text: str) -> str:
        """A learned word is what it was learned as, whatever the lexicon says."""
        learned = {word.lower() for word in self._encoder.encoders[0].tokenizer.learned}
        lexicon = self._lexicon
        if learned & lexicon.keys():
            lexicon = {word: concept for word, concept in lexicon.items() if word not in learned}
        return meant(text, lexicon)[0]

    def forget(self) -> None:
        """Encode every text anew when it is asked for next."""
        self._kept.clear()

    def _check(self) -> None:
        """Forget all where the text towers are not as they were."""
        state = (self._adapters.changes, *map(_stamp, self._towers))
        if state != self._state:
            self.forget()
            self._state = state

    def _kept_or(self, key: Hashable, encode: Callable[[], Conditioning]) -> Conditioning:
        """What is kept under a key, or else encoded now."""
        if key not in self._kept:
            encoded = encode()
            finite(encoded.context, "text encoder")
            self._kept[key] = encoded
            if len(self._kept) > MOST_TEXTS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]


def joined(rows: Sequence[Conditioning]) -> Conditioning:
    """Conditionings of the same length and kind as one batch."""
    masks = [row.mask for row in rows if row.mask is not None]
    pooled = [row.pooled for row in rows if row.pooled is not None]
    return Conditioning(
        context=torch.cat([row.context for row in rows]),
        mask=torch.cat(masks) if masks else None,
        pooled=torch.cat(pooled) if pooled else None,
    )


def _stamp(module: nn.Module) -> tuple[object, ...]:
    """Equal as long as a module's weights have not been replaced or written to.

    Tensors made in inference mode do not count what is written to them: of these it equals nothing.
    """
    return tuple(
        object()
        if weight.is_inference()
        else (weight.data_ptr(), weight.dtype, weight.device, weight._version)
        for weight in module.parameters()
    )
