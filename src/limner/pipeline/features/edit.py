"""Painting over a picture: the latent to begin from, and what of it is kept on the way."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from limner.diffusion.process import Level
from limner.engine.asks import Ask, Look, Sight
from limner.pipeline.canvas import Canvas, canvas_of
from limner.pipeline.model import Model
from limner.pipeline.plan import Feature, Plan, given
from limner.pipeline.request import Request
from limner.types import Latent

STRENGTH, STRENGTH_OF_MASKS = 0.8, 1.0  # where none is asked for; those of diffusers


def complete(request: Request, model: Model) -> Request:
    """The request with the defaults of an edit; RequestError for what does not fit together."""
    canvas = canvas_of(request, model.sampling.size, model.multiple)
    if canvas is None:
        return request
    return request.with_defaults(
        size=canvas.size, strength=STRENGTH if canvas.mask is None else STRENGTH_OF_MASKS
    )


def planned(request: Request, model: Model) -> Feature | None:
    """What paints over the picture of a completed request."""
    canvas = canvas_of(request, model.sampling.size, model.multiple)
    return None if canvas is None else Edit(canvas=canvas, request=request, model=model)


@dataclass(frozen=True, kw_only=True, eq=False)
class Edit(Feature):
    """A canvas that is about to be painted over."""

    canvas: Canvas
    request: Request
    model: Model

    @property
    def notes(self) -> tuple[str, ...]:  # type: ignore[override]
        """Where a strength above 0 is so little of the steps that none is taken."""
        steps, strength = given(self.request.steps), float(given(self.request.strength))
        if strength == 0 or int(steps * strength) > 0:
            return ()
        return (f"strength {strength} of {steps} steps takes none: the picture is as it was",)

    def begin(self, plan: Plan) -> Generator[Ask, Any, tuple[Plan, Feature]]:
        """Look at the picture in the denoiser's space."""
        latent = yield Look(sight=Sight.LATENT, pixels=self.canvas.pixels(self.model.channels))
        mask = self.canvas.mask_at((latent.shape[3], latent.shape[2]))
        original = Original(
            latent=latent,
            mask=None if mask is None else mask.to(latent),
            strength=float(given(self.request.strength)),
            blends=self.model.parts.denoiser.config.in_channels == latent.shape[1],
        )
        return plan, Editing(self.canvas, original, self.notes)


@dataclass(frozen=True, kw_only=True, eq=False)
class Original:
    """A picture that is painted over, in the denoiser's space.

    latent: (1, C, h, w). mask: (1, 1, h, w), 1 where it is repainted, else 0; None: everywhere.
    strength: 0 to 1, of the steps the part that is taken, the last ones.
    blends: keep the latent outside the mask; not for inpainting models, which are shown the mask.
    """

    latent: Latent
    mask: Float[Tensor, "1 1 h w"] | None
    strength: float
    blends: bool

    def start(self, x: Latent, noise: Latent, level: Level) -> Latent:
        """Where diffusers begins: at the picture with noise (SDEdit, Meng et al. 2022).

        At full strength with a mask it is x, noise alone.
        """
        if self.mask is not None and self.strength == 1:
            return x
        return level.add_noise(self.latent.expand_as(noise), noise)

    def restored(self, latent: Latent) -> Latent:
        """The latent with the picture's own outside the mask."""
        if self.mask is None or not self.blends:
            return latent
        return torch.where(self.mask > 0, latent, self.latent)


class Editing(Feature):
    """A denoiser is told what lies outside the mask, and answers with it.

    At each level it is shown the picture with that level's noise there (Lugmayr et al. 2022,
    eq. 8). With Euler this is what replacing the latent after each step gives, and it serves
    any solver, as none of them is changed. At the first level it is shown x as it was begun.
    """

    def __init__(self, canvas: Canvas, original: Original, notes: tuple[str, ...]) -> None:
        self.canvas = canvas
        self.original = original
        self.notes = notes
        self._noise: Latent | None = None
        self._first: Level | None = None

    def start(self, x: Latent, noise: Latent, levels: Sequence[Level]) -> Latent:
        self._noise, self._first = noise, levels[0]
        return self.original.start(x, noise, levels[0])

    def shown(self, x: Latent, level: Level) -> Latent:
        mask, noise = self.original.mask, given(self._noise)
        if mask is None or not self.original.blends or level == self._first:
            return x
        picture = level.add_noise(self.original.latent.expand_as(noise), noise)
        return torch.where(mask > 0, x, picture)

    def kept(self, latent: Latent) -> Latent:
        return self.original.restored(latent)

    def picture(self, painted: Image.Image) -> Image.Image:
        return self.canvas.put_back(painted)
