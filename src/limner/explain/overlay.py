"""A heat map laid over the picture that it is of."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from PIL import Image
from torch import Tensor

# From nothing to the most, as RGB: dark blue, magenta, orange, pale yellow.
COLOURS = np.array([(13, 8, 80), (126, 3, 168), (225, 100, 98), (253, 190, 60), (245, 250, 180)])
SHOWN = 0.25  # of the picture, under the colours
GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601


def overlay(
    picture: Image.Image, heat: Float[Tensor, "h w"], most: float | None = None
) -> Image.Image:
    """The map in colours over the picture in grey, as RGB of the picture's size.

    most: what is shown in the brightest colour; None: the map's own largest value.
    """
    most = float(heat.max()) if most is None else most
    share = (heat / most if most > 0 else heat).clamp(0, 1).numpy()
    smooth = Image.fromarray((share * 255).astype(np.uint8)).resize(
        picture.size, Image.Resampling.BICUBIC
    )
    colours = coloured(np.asarray(smooth) / 255)
    return Image.fromarray((colours * (1 - SHOWN) + grey(picture) * SHOWN).astype(np.uint8))


def coloured(share: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w 3"]:
    """Shares from 0 to 1 as colours, on straight lines between those of `COLOURS`."""
    places = np.linspace(0, 1, len(COLOURS))
    return np.stack([np.interp(share, places, channel) for channel in COLOURS.T], axis=-1)


def grey(picture: Image.Image) -> Float[np.ndarray, "h w 3"]:
    """The picture on white without its colours, 0 to 255."""
    flat = Image.new("RGBA", picture.size, "white")
    flat.alpha_composite(picture.convert("RGBA"))
    light = np.asarray(flat.convert("RGB")) @ np.array(GREY)
    return np.repeat(light[..., None], 3, axis=-1)
