"""What a call of a denoiser is handed beside x and t: its text made ready, attention, masks, maps.

`Prepared` is what stays the same over a picture's steps, computed once; `Beside` is of one call.
Both are tuples of tensors, so that a call with them is exported, compiled and captured like any.
Nothing of them stays in a module.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Int
from torch import Tensor, nn

from limner.errors import RequestError, UsageError
from limner.nn.attention import Attend, Attention, KeysValues, cross_attention, plain
from limner.types import Conditioning, Context, Latent, Pooled, TextMask, Times


class Prepared(NamedTuple):
    """What is constant over a picture's steps, one row a picture; made by `denoiser.prepare`.

    keys, values: (B, L, HD) of each cross-attention, in the order of `Attention.place`.
    mask: (B, L), True where a token may be attended to; None: all may.
    pooled: (B, T), what a class or pooled text adds to the embedding of time; None: nothing.
    """

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    mask: Tensor | None = None
    pooled: Tensor | None = None

    @property
    def rows(self) -> int:
        """How many pictures."""
        return self.keys[0].shape[0]

    @property
    def tokens(self) -> int:
        """How many tokens the texts have; 0 for a denoiser that reads none."""
        return self.keys[0].shape[1] if self.keys else 0


class Beside(NamedTuple):
    """What is handed in with one call of a denoiser beside x, t and text; by default nothing.

    attend: replaces or watches attention, that to the picture itself and that to the text.
    visible: (B or 1, L, h, w), True where a place of the latent may look at a token. A map that is
    `s` times as coarse takes every s-th place. It counts beside the mask of the text.
    added: one map for each level of a U-Net, (B, C, h', w'), added to the level's last on the way
    down before that is halved, so that it goes down and across.
    """

    attend: Attend | None = None
    visible: Tensor | None = None
    added: tuple[Tensor, ...] = ()


NOTHING = Beside()


@runtime_checkable
class Denoiser(Protocol):
    """A U-Net or a diffusion transformer: both are called the same way.

    shares_rows: whether x and t may have fewer rows than the text, which are then one row for
    several texts: of n rows the i-th for the texts i, i + n, ...
    """

    shares_rows: ClassVar[bool]

    def prepare(self, text: Conditioning) -> Prepared: ...

    def __call__(
        self,
        x: Latent,
        t: Times,
        context: Context | Prepared | None = None,
        mask: TextMask | None = None,
        pooled: Pooled | None = None,
        beside: Beside = NOTHING,
    ) -> Latent: ...


class Told(NamedTuple):
    """What the layers of a denoiser are handed in one call: text, who may look at what, and how.

    text: tokens, or what was made ready of them. mask: broadcastable to (B, H, N, L).
    """

    text: Context | Prepared | None = None
    mask: Tensor | None = None
    visible: Tensor | None = None
    attend: Attend = plain

    def text_for(self, module: Attention) -> Context | KeysValues | None:
        """What a cross-attention takes for its context."""
        if isinstance(self.text, Prepared):
            return self.text.keys[module.place], self.text.values[module.place]
        return self.text

    def at(self, step: int) -> Told:
        """The same for maps that have every `step`-th place of the latent, along both sides."""
        if self.visible is None:
            return self
        seen = rearrange(self.visible[:, :, ::step, ::step], "b l h w -> b 1 (h w) l")
        mask = seen if self.mask is None else seen & self.mask
        return self._replace(mask=mask.contiguous(), visible=None)


def told_of(text: Context | Prepared | None, mask: TextMask | None, beside: Beside) -> Told:
    """What layers are handed; of a text made ready its own mask counts."""
    mask = text.mask if isinstance(text, Prepared) else mask
    return Told(
        text=text,
        mask=None if mask is None else mask[:, None, None],
        visible=beside.visible,
        attend=plain if beside.attend is None else beside.attend,
    )


def prepared_by(
    denoiser: nn.Module, context: Context | None, mask: TextMask | None, pooled: Tensor | None
) -> Prepared:
    """The keys and values that a denoiser's cross-attentions make of a context."""
    modules = cross_attention(denoiser).values()
    made = [] if context is None else [module.keys_values(context) for module in modules]
    return Prepared(tuple(k for k, _ in made), tuple(v for _, v in made), mask, pooled)


def choose(prepared: Prepared, rows: Int[Tensor, "n"] | Sequence[int] | slice) -> Prepared:
    """These rows, in this order; a row may be taken several times."""
    return Prepared(
        tuple(k[rows] for k in prepared.keys),
        tuple(v[rows] for v in prepared.values),
        None if prepared.mask is None else prepared.mask[rows],
        None if prepared.pooled is None else prepared.pooled[rows],
    )


def join(parts: Sequence[Prepared]) -> Prepared:
    """The rows of all of them as one batch, for one call.

    Texts of different lengths become as long as the longest; what is put behind the others may not
    be attended to. Raises UsageError for none at all, and for those of different denoisers.
    """
    if len({(len(part.keys), part.pooled is None) for part in parts}) != 1:
        raise UsageError("what is joined must be something, and all prepared by one denoiser")
    longest = max(part.tokens for part in parts)
    parts = [_lengthened(part, longest) for part in parts]
    masked = any(part.mask is not None for part in parts)
    pooled = [part.pooled for part in parts if part.pooled is not None]
    return Prepared(
        tuple(map(torch.cat, zip(*(part.keys for part in parts), strict=True))),
        tuple(map(torch.cat, zip(*(part.values for part in parts), strict=True))),
        torch.cat([_may_be_read(part) for part in parts]) if masked else None,
        torch.cat(pooled) if pooled else None,
    )


def check_told(
    x: Latent,
    text: Context | Prepared | None,
    beside: Beside,
    *,
    apart: tuple[Tensor | None, ...],
    readers: int,
    levels: Sequence[tuple[int, ...]] = (),
    several: bool = False,
) -> None:
    """RequestError where what is handed in with a call does not fit it.

    apart: the text's mask and pooled vector where they are handed in by themselves. readers: how
    many cross-attentions the denoiser has. levels: the shapes of the maps to which `Beside.added`
    is added. several: whether a row of x may be told several texts.
    """
    if isinstance(text, Prepared):
        _check_prepared(text, x.shape[0], readers, several=several)
        if any(each is not None for each in apart):
            raise RequestError("a prepared text holds its mask and pooled vector: None is right")
    if text is not None and beside.visible is not None:
        tokens = text.tokens if isinstance(text, Prepared) else text.shape[1]
        _check_visible(beside.visible, (x.shape[0], tokens, *x.shape[2:]))
    added = [tuple(each.shape) for each in beside.added]
    if added and added != list(levels):
        raise RequestError(
            f"what is added, {added}, does not fit this denoiser, which takes {list(levels)}"
        )


def _check_prepared(text: Prepared, rows: int, readers: int, *, several: bool) -> None:
    if len(text.keys) != readers:
        raise RequestError(
            f"the text is prepared for {len(text.keys)} cross-attentions, and this denoiser has "
            f"{readers}: its own `prepare` is right"
        )
    if text.keys and (text.rows % rows if several else text.rows != rows):
        right = "as many, or a multiple, are right" if several else "as many are right"
        raise RequestError(f"the text has {text.rows} rows, x has {rows}: {right}")


def _check_visible(visible: Tensor, wanted: tuple[int, ...]) -> None:
    if visible.dtype != torch.bool:
        raise RequestError(f"visible is of {visible.dtype}: torch.bool is right, True where seen")
    if visible.shape[1:] != wanted[1:] or visible.shape[0] not in (1, wanted[0]):
        raise RequestError(
            f"visible is {tuple(visible.shape)}: {wanted} is right, or one row for all"
        )


def _lengthened(prepared: Prepared, tokens: int) -> Prepared:
    """As many tokens, those that are put behind hidden; itself where it has them."""
    missing = tokens - prepared.tokens
    if not missing:
        return prepared
    return Prepared(
        tuple(F.pad(k, (0, 0, 0, missing)) for k in prepared.keys),
        tuple(F.pad(v, (0, 0, 0, missing)) for v in prepared.values),
        F.pad(_may_be_read(prepared), (0, missing), value=False),
        prepared.pooled,
    )


def _may_be_read(prepared: Prepared) -> TextMask:
    """The mask, written out."""
    if prepared.mask is not None:
        return prepared.mask
    keys = prepared.keys[0]
    return torch.ones(keys.shape[:2], dtype=torch.bool, device=keys.device)
