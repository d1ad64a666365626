"""Pictures as they are seen: where one is transparent its colour is nothing."""

from __future__ import annotations

import numpy as np
from PIL import Image


def premultiplied(image: Image.Image) -> np.ndarray:
    """(H, W, channels) whole numbers: a colour counts as far as it is opaque.

    Of a pixel whose opacity is 1 of 255 the straight colour says nothing: one level of rounding
    turns black into red.
    """
    picture = image.convert("RGBa") if image.mode == "RGBA" else image
    return np.asarray(picture).astype(int)
