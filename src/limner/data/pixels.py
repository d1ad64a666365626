"""The one convention for pixels inside a model, and the way there and back.

Model pixels are premultiplied: each colour is already multiplied by its opacity. A value p in
[0, 1] is stored as 2 p - 1 in [-1, 1], for all channels alike (the opacity too), so that a fully
transparent pixel is -1 everywhere and any background is one `composite` away. Three channels are
RGB, four RGBA, one is grey.

Pictures have eight bits a channel here; deeper ones are brought to that by their whole range
(`eight_bits`), so that 16-bit grey and floats are as bright as they were.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float, Shaped, UInt8
from PIL import Image, ImageChops, ImageOps
from torch import Tensor

from limner.errors import UsageError

MODES = {1: "L", 3: "RGB", 4: "RGBA"}
DEEP = ("I", "F")  # modes of more than eight bits begin so


@contextmanager
def unwarned() -> Iterator[None]:
    """Without Pillow's warnings of what is odd in a file that it reads all the same."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def turned_upright(picture: Image.Image) -> Image.Image:
    """A picture as its EXIF says that it stands; as it is, where that cannot be read.

    Errors of its pixels as Pillow raises them.
    """
    picture.load()
    try:
        with unwarned():
            return ImageOps.exif_transpose(picture)
    except Exception:  # a broken block makes Pillow raise almost anything; its pixels are sound
        return picture.copy()


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
    picture = eight_bits(picture)
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


def eight_bits(picture: Image.Image) -> Image.Image:
    """A picture with eight bits a channel: the same object where it has them.

    16 bits run from 0 to 65535, floats from 0 to 1; grey is all that Pillow has of both (of colour
    in 16 bits it reads the upper eight itself). Raises UsageError for numbers of another range,
    which nothing in the picture tells.
    """
    if not picture.mode.startswith(DEEP):
        return picture
    values = np.asarray(picture)
    white = _white(values, picture.mode)
    grey = Image.fromarray((values.astype(np.float64) * (255 / white)).round().astype(np.uint8))
    transparent = picture.info.get("transparency")
    if isinstance(transparent, int):
        grey.putalpha(Image.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8)))
    return grey


def _white(values: Shaped[np.ndarray, "H W"], mode: str) -> float:
    """Which number is white, in a picture of more than eight bits."""
    if mode.startswith("I;16"):
        return 65535.0
    low, high = float(values.min()), float(values.max())
    # Pillow reads 16-bit PGM as 32-bit numbers; up to 255 they may be of an 8-bit picture.
    if mode == "I" and low >= 0 and (high == 0 or 255 < high <= 65535):
        return 65535.0
    if mode == "F" and low >= 0 and high <= 1:
        return 1.0
    kind, right = ("floats", "0 to 1") if mode == "F" else ("integers", "16-bit ones up to 65535")
    raise UsageError(
        f"a picture of 32-bit {kind} from {low:g} to {high:g}, whose black and white nothing "
        f"tells: {right} are right, or save it as an 8-bit or 16-bit PNG"
    )


def flatten(picture: Image.Image, background: str = "white") -> Image.Image:
    """The picture as RGB, laid over a colour (any that Pillow knows by name or code)."""
    picture = eight_bits(picture).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, background), picture).convert(
        "RGB"
    )


def difference(one: Image.Image, other: Image.Image) -> Image.Image:
    """Where two pictures of one size differ, as grey: of each pixel the channel that does most.

    0 where they are alike, 255 the most that can be; what cannot be seen through counts as it is
    seen, so a transparent pixel has no colour.
    """
    seen = (eight_bits(picture).convert("RGBA").convert("RGBa") for picture in (one, other))
    first, *others = ImageChops.difference(*seen).split()
    return reduce(ImageChops.lighter, others, first)


def premultiplied_bytes(
    picture: Image.Image, size: int | tuple[int, int]
) -> UInt8[Tensor, "4 H W"]:
    """A picture, resized to (width, height) or to a square of one side, as premultiplied bytes.

    Lanczos works on premultiplied pixels, so transparent ones lend their neighbours no colour;
    where it overshoots, a colour is held at its opacity.
    """
    both = (size, size) if isinstance(size, int) else size
    straight = eight_bits(picture).convert("RGBA")
    array = np.array(straight.convert("RGBa").resize(both, Image.Resampling.LANCZOS))
    array[..., :3] = np.minimum(array[..., :3], array[..., 3:])
    return rearrange(torch.from_numpy(array), "H W C -> C H W").contiguous()
