"""What a painting asks of networks: values, with no network in them.

A painting (`limner.pipeline.paint`) yields an ask and is sent its answer. Whoever answers is an
engine; asks of one key may be answered by one call.

    Encode    texts                       -> an `Encoded` each
    Look      at a picture                -> its latent, its name, its style, its content's maps
    Denoise   rows: x, level, text, ...   -> the denoised rows
    Decode    latents                     -> `Decoded` pixels
    Enlarge   a picture                   -> the larger picture
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from jaxtyping import Float, Int
from PIL import Image
from torch import Tensor

from limner.diffusion.process import Level
from limner.engine.adapted import NOTHING, Adapted
from limner.nn.attention import Attend
from limner.text.dialect import Dialect
from limner.text.spans import Span, Spans
from limner.text.weighting import Map, Weighting
from limner.types import Conditioning, Latent

Maps = tuple[tuple[int, Map], ...]
"""(number of a span, what is done to its encodings), in place of a weighting."""


@dataclass(frozen=True, kw_only=True)
class Text:
    """One text to be encoded.

    spans: what it says. dialect: how it is cut into chunks; None: not at all, it is cut off at the
    text encoder's length. weighting: what weights do. clip_skip: the layer that is read.
    """

    spans: Spans
    clip_skip: int
    dialect: Dialect | None = None
    weighting: Weighting | Maps = Weighting.IGNORE

    @classmethod
    def plain(cls, text: str, clip_skip: int) -> Text:
        """A text as it stands, without weights, cut off at the text encoder's length."""
        return cls(spans=(Span(text),), clip_skip=clip_skip)

    @property
    def said(self) -> tuple[tuple[str, float] | None, ...]:
        """What is said and how strongly, wherever it stood in the prompt; None is a break."""
        return tuple((s.text, s.weight) if isinstance(s, Span) else None for s in self.spans)


@dataclass(frozen=True, kw_only=True, eq=False)
class Encoded:
    """An encoded text. conditioning: of one row. tokens: the ids that lie in its context."""

    conditioning: Conditioning
    tokens: Int[Tensor, "L"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Encode:
    """Texts to be encoded, each by itself, so that what else is asked changes no bit of it."""

    texts: tuple[Text, ...]
    under: Adapted = NOTHING


class Sight(StrEnum):
    """What a picture is looked at for."""

    LATENT = "latent"  # (1, C, h, w), normalised
    MASKED = "masked"  # what an inpainting model is shown: the mask, and the latent of the rest
    NAME = "name"  # the model's word for what it shows
    STYLE = "style"  # the model's word for how it is drawn
    CONTENT = "content"  # the maps of the content branch, one for each level of the U-Net


@dataclass(frozen=True, kw_only=True, eq=False)
class Look:
    """A picture to be looked at.

    pixels: (1, P, H, W) in [-1, 1]. mask: (1, 1, H, W) of `MASKED`. style: of `CONTENT`, the text
    that tells the style.
    """

    sight: Sight
    pixels: Float[Tensor, "1 P H W"]
    mask: Float[Tensor, "1 1 H W"] | None = None
    style: Conditioning | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Denoise:
    """Rows to be denoised at one level.

    x: (R, C, h, w) in straight coordinates. texts: R of one row each; the same object where rows
    are told the same. shown: (1 or R, K, h, w) beside x, to an inpainting model. visible:
    (1, L, h, w), which tokens each place may look at. added: (1 or R, ...) maps that a U-Net adds
    to its own. attend: stands in the place of attention; such an ask is a call of its own.
    to_go: evaluations that its painting asks for from here on, this one among them.
    """

    x: Latent
    level: Level
    texts: tuple[Conditioning, ...]
    shown: Tensor | None = None
    visible: Tensor | None = None
    added: tuple[Tensor, ...] = ()
    attend: Attend | None = None
    under: Adapted = NOTHING
    to_go: int = 1

    def __len__(self) -> int:
        """R, the number of rows."""
        return len(self.x)


@dataclass(frozen=True, kw_only=True, eq=False)
class Decode:
    """Normalised latents (B, C, h, w) to be made pixels."""

    latent: Latent


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """pixels: in [-1, 1], on the CPU. notes: what a person should know of how they were made."""

    pixels: Float[Tensor, "B P H W"]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Enlarge:
    """A picture to be made `by` times as wide and high, with the noise of a seed."""

    picture: Image.Image
    by: int
    seed: int


Ask = Encode | Look | Denoise | Decode | Enlarge


@dataclass(frozen=True, kw_only=True)
class Step:
    """One evaluation of the denoiser on the way to a picture; `index` counts from 1 to `total`.

    total: None where the solver chooses its steps. preview: what the picture would be if it ended
    here. unguided: the denoised picture without the prompt, where guidance asked for it.
    """

    index: int
    total: int | None
    level: Level
    x: Latent
    denoised: Latent
    pictures: Callable[[Float[Tensor, "B P H W"]], list[Image.Image]] = field(repr=False)
    preview: Callable[[], list[Image.Image]] = field(repr=False, default=list)
    unguided: Latent | None = field(repr=False, default=None)
