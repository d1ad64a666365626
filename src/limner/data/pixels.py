"""The one convention for pixels inside a model, and the way there and back.

Model pixels are premultiplied: each colour is already multiplied by its opacity. A value p in
[0, 1] is stored as 2 p - 1 in [-1, 1], for all channels alike (the opacity too), so that a fully
transparent pixel is -1 everywhere and any background is one `composite` away. Three channels are
RGB, four RGBA, one is grey.
"""

from __future__ import annotations

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def to_model_range(pictures: UInt8[Tensor, "*batch C H W"]) -> Float[Tensor, "*batch C H W"]:
    """Bytes 0..255 -> fp32 in [-1, 1]."""
    return pictures.float() / 127.5 - 1.0


def to_bytes(pixels: Float[Tensor, "*batch C H W"]) -> UInt8[Tensor, "*batch C H W"]:
    """Model pixels -> bytes 0..255, clamped and rounded; still premultiplied."""
    return ((pixels.float().clamp(-1.0, 1.0) + 1.0) * 127.5).round().to(torch.uint8)


def to_picture(pixels: Float[Tensor, "C H W"]) -> Image.Image:
    """Model pixels -> a picture of straight (not premultiplied) colours, clamped.

    C = 1, 3 and 4 give the modes L, RGB and RGBA. A colour brighter than its opacity allows, which
    a model can paint, is clamped to full brightness; what has an opacity of 0 of 255 becomes black.
    """
    values = (pixels.detach().float().cpu().clamp(-1.0, 1.0) + 1.0) / 2.0
    if len(values) == 4:
        colour, opacity = values[:3], values[3:]
        seen = (opacity * 255.0).round() > 0  # below, the colour is what rounding made of nothing
        straight = torch.where(seen, colour / opacity.clamp_min(1e-6), 0.0).clamp(max=1.0)
        values = torch.cat([straight, opacity])
    array = rearrange((values * 255.0).round().to(torch.uint8), "C H W -> H W C").numpy()
    return Image.fromarray(array.squeeze(-1) if len(values) == 1 else array, MODES[len(values)])


def from_picture(picture: Image.Image, channels: int = 4) -> Float[Tensor, "C H W"]:
    """A picture of any mode -> premultiplied model pixels with 1, 3 or 4 channels.

    With fewer than four channels a transparent picture is seen on white.
    """
    if channels < 4:
        picture = flatten(picture).convert(MODES[channels])
    array = np.array(picture.convert(MODES[channels]))
    values = rearrange(
        torch.from_numpy(array.reshape(*array.shape[:2], channels)), "H W C -> C H W"
    )
    pixels = values.float() / 255.0
    if channels == 4:
        pixels = torch.cat([pixels[:3] * pixels[3:], pixels[3:]])
    return pixels * 2.0 - 1.0


def flatten(picture: Image.Image, background: str = "white") -> Image.Image:
    """The picture as RGB, laid over a colour (any that Pillow knows by name or code)."""
    picture = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, background), picture).convert(
        "RGB"
    )


def premultiplied_bytes(
    picture: Image.Image, size: int | tuple[int, int]
) -> UInt8[Tensor, "4 H W"]:
    """A picture, resized to (width, height) or to a square of one side, as premultiplied bytes.

    Lanczos works on premultiplied pixels, so transparent ones lend their neighbours no colour;
    where it overshoots, a colour is held at its opacity.
    """
    both = (size, size) if isinstance(size, int) else size
    resized = picture.convert("RGBA").convert("RGBa").resize(both, Image.Resampling.LANCZOS)
    array = np.array(resized)
    array[..., :3] = np.minimum(array[..., :3], array[..., 3:])
    return rearrange(torch.from_numpy(array), "H W C -> C H W").contiguous()
