"""Texts to conditioning; what was encoded before is not encoded again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

import torch
from torch import Tensor, nn

from limner.checkpoints import Parts
from limner.checkpoints.conditions import encoder_of
from limner.engine.asks import Encoded, Text
from limner.engine.numerics import finite
from limner.text.chunks import chunked
from limner.text.weighted import encode_spans
from limner.text.weighting import Weighting

MOST_TEXTS = 64  # 40 MB of SDXL's
SAMPLED = 8  # numbers of every weight that are looked at to see whether it changed


class Texts:
    """A model's text encoder with a memory of the last texts.

    Every text is encoded by itself, so that what else is painted with it changes no bit of it. The
    memory is emptied where a text tower's weights change.
    """

    def __init__(self, parts: Parts) -> None:
        self._encoder = encoder_of(parts)
        self._towers = [tower for _, tower in parts.towers.values()]
        self._kept: OrderedDict[Hashable, Encoded] = OrderedDict()
        self._state: tuple[object, ...] = ()

    def check(self) -> None:
        """Forget all where the text towers are not as they were when they were last looked at."""
        state = tuple(map(fingerprint, self._towers))
        if state != self._state:
            self.forget()
            self._state = state

    def forget(self) -> None:
        """Encode every text anew when it is asked for next."""
        self._kept.clear()

    def __call__(self, text: Text, under: Hashable) -> Encoded:
        """One text. under: what is on the towers; a text is kept for each.

        Raises UsageError for a clip_skip beyond the tower's layers.
        """
        key = (text.said, text.dialect, text.weighting, text.clip_skip, under)
        if key not in self._kept:
            encoded = self._encoded(text, under)
            finite(encoded.conditioning.context, "text encoder")
            self._kept[key] = encoded
            if len(self._kept) > MOST_TEXTS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def _encoded(self, text: Text, under: Hashable) -> Encoded:
        encoder = self._encoder.with_clip_skip(text.clip_skip)
        tokenizer = encoder.encoders[0].tokenizer
        if text.dialect is None:
            plain = ["".join(said[0] for said in text.said if said is not None)]
            return Encoded(conditioning=encoder(plain), tokens=tokenizer(plain)[0])
        tokens = chunked(text.spans, tokenizer, text.dialect).ids.flatten()
        weighted = any(said is not None and said[1] != 1 for said in text.said)
        empty = None
        if weighted or not text.spans:
            empty = self(Text.plain("", text.clip_skip), under).conditioning
        if empty is not None and not text.spans:
            return Encoded(conditioning=empty, tokens=tokens)
        how = text.weighting if isinstance(text.weighting, Weighting) else dict(text.weighting)
        conditioning = encode_spans(
            encoder, text.spans, dialect=text.dialect, weighting=how, empty=empty
        )
        return Encoded(conditioning=conditioning, tokens=tokens)


@torch.no_grad()
def fingerprint(module: nn.Module) -> tuple[object, ...]:
    """Equal as long as a module's weights are as they were.

    What writes to a weight is seen by PyTorch's own count of writes and, as some optimisers do not
    count theirs, by some of its numbers.
    """
    weights = list(module.parameters())
    places = tuple((w.data_ptr(), w.dtype, w.device, _writes(w)) for w in weights)
    numbers = torch.cat([_sample(weight) for weight in weights]) if weights else torch.zeros(0)
    return (*places, numbers.cpu().numpy().tobytes())


def _sample(weight: Tensor) -> Tensor:
    flat = weight.detach().reshape(-1)
    return flat[:: max(1, len(flat) // SAMPLED)][:SAMPLED].float()


def _writes(weight: Tensor) -> object:
    """Tensors made in inference mode do not count what is written to them."""
    return None if weight.is_inference() else weight._version
