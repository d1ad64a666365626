"""Texts to conditioning, and to what a denoiser makes of it; what was made before is kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import TypeVar

import torch
from torch import Tensor, nn

from limner.checkpoints import Parts
from limner.checkpoints.conditions import encoder_of
from limner.engine.asks import Encoded, Text
from limner.engine.numerics import finite
from limner.models.dit import DiT
from limner.models.unet import UNet
from limner.nn.prepared import Prepared, join
from limner.text.chunks import chunked
from limner.text.weighted import encode_spans
from limner.text.weighting import Weighting
from limner.types import Conditioning

T = TypeVar("T")
MOST_TEXTS = 64  # 40 MB of SDXL's
MOST_BYTES = 2**29  # of what a denoiser makes of them: some 40 texts of SD 1 in fp32
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


class Preparations:
    """A denoiser's `prepare` with a memory, by the identity of texts and what is on the model.

    Each text is prepared by itself, so that what else is painted with it changes no bit of it.
    """

    def __init__(self, denoiser: UNet | DiT) -> None:
        self._denoiser = denoiser
        self._takes_pooled = getattr(denoiser.config, "pooled_width", None) is not None
        self._one: OrderedDict[Hashable, tuple[Conditioning, Prepared]] = OrderedDict()
        self._joined: OrderedDict[Hashable, tuple[tuple[Conditioning, ...], Prepared]] = (
            OrderedDict()
        )

    def forget(self) -> None:
        """Prepare every text anew when it is asked for next."""
        self._one.clear()
        self._joined.clear()

    def __call__(self, texts: Sequence[Conditioning], under: Hashable) -> Prepared:
        """The texts of a call's rows, of one row each, as a batch."""
        key = (tuple(map(id, texts)), under)
        if key not in self._joined:
            found = {id(text): self._prepared(text, under) for text in texts}
            batch = join([found[id(text)] for text in texts])
            self._joined[key] = tuple(texts), batch  # the texts live on, so their ids stay theirs
        return _last(self._joined, key)

    def _prepared(self, text: Conditioning, under: Hashable) -> Prepared:
        key = (id(text), under)
        if key not in self._one:
            read = text if self._takes_pooled else replace(text, pooled=None)
            self._one[key] = text, self._denoiser.prepare(read)
        return _last(self._one, key)


def _last(kept: OrderedDict[Hashable, tuple[T, Prepared]], key: Hashable) -> Prepared:
    """What is kept under a key, which is used last; the longest unused leave over the budget."""
    kept.move_to_end(key)
    total = sum(bytes_of(prepared) for _, prepared in kept.values())
    while total > MOST_BYTES and len(kept) > 1:
        _, (_, prepared) = kept.popitem(last=False)
        total -= bytes_of(prepared)
    return kept[key][1]


def bytes_of(prepared: Prepared) -> int:
    """How much memory it takes."""
    several = (*prepared.keys, *prepared.values)
    return sum(each.numel() * each.element_size() for each in several)


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
