"""What a denoiser makes of texts, kept while something is painted: keys and values, pooled."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import TypeVar

from limner.models.dit import DiT
from limner.models.unet import UNet
from limner.nn.prepared import Prepared, join
from limner.types import Conditioning

T = TypeVar("T")
MOST_BYTES = 2**29  # of what is kept: some 40 texts of SD 1 in fp32


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
