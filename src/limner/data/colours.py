"""The eleven basic colours, and pictures turned to them: a blue cat from a yellow one.

Colours are looked at in OKLab (Ottosson 2020, "A perceptual colour space for image processing"),
where lightness, chroma and hue are nearly independent, and turned in its polar form, OKLCH. The
eleven terms are those of Berlin and Kay 1969.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from limner.errors import UsageError


class Colour(Enum):
    """A basic colour term."""

    RED = "red"
    ORANGE = "orange"
    YELLOW = "yellow"
    GREEN = "green"
    BLUE = "blue"
    PURPLE = "purple"
    PINK = "pink"
    BROWN = "brown"
    BLACK = "black"
    WHITE = "white"
    GREY = "grey"


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a part of a picture is turned to. hue: in degrees; None where there is no chroma."""

    hue: float | None
    lightness: float
    chroma: float


TARGETS = {
    Colour.RED: Target(hue=28.0, lightness=0.58, chroma=0.21),
    Colour.ORANGE: Target(hue=55.0, lightness=0.72, chroma=0.17),
    Colour.YELLOW: Target(hue=98.0, lightness=0.88, chroma=0.17),
    Colour.GREEN: Target(hue=145.0, lightness=0.65, chroma=0.17),
    Colour.BLUE: Target(hue=260.0, lightness=0.58, chroma=0.18),
    Colour.PURPLE: Target(hue=305.0, lightness=0.52, chroma=0.18),
    Colour.PINK: Target(hue=355.0, lightness=0.78, chroma=0.13),
    Colour.BROWN: Target(hue=55.0, lightness=0.45, chroma=0.09),
    Colour.BLACK: Target(hue=None, lightness=0.20, chroma=0.0),
    Colour.WHITE: Target(hue=None, lightness=0.96, chroma=0.0),
    Colour.GREY: Target(hue=None, lightness=0.60, chroma=0.0),
}
WINDOW = 45  # degrees of the main hue
REACH, FADE = 0.75, 0.2  # radians from the main hue that still belong to it, and over which it ends
LEAST_CHROMA = 0.04  # of a pixel that has a hue; it belongs fully from the double of it on
HUE_KEPT, LIGHTNESS_KEPT = 0.5, 0.8  # shares of a pixel's deviation from its part's mean
MOST_GAIN = 3.0  # of chroma within a part: its own shading stays, its noise does not become colour
COLOURFUL = 0.25  # the least share of a thing that has its hue; with less the grey is turned
LEVELS, LEVELS_WIDE, LIGHTNESS_FADE = 20, 8, 0.1  # of lightness, of the part without a hue
OPAQUE = 0.5  # the opacity from which a pixel says what colour a thing has
TURNS = 4  # of a picture, at most, until it is seen in a colour
OUTLINE, SHADE = 2, 0.14  # pixels of 128, and how much darker: what is white has an edge

# Ottosson 2020: linear sRGB to cone responses, and their cube roots to Lab.
TO_CONES = torch.tensor(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_LAB = torch.tensor(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
FROM_CONES = torch.linalg.inv(TO_CONES.double()).float()
FROM_LAB = torch.linalg.inv(TO_LAB.double()).float()


def recoloured(pixels: Float[Tensor, "C H W"], colour: Colour) -> Float[Tensor, "4 H W"]:
    """The picture with its main part in another colour; eyes, leaves and wheels stay.

    pixels: premultiplied, in [-1, 1]. The opacity stays as it is.
    """
    _check(pixels)
    opacity = (pixels[3] + 1.0) / 2.0
    lab = oklab(pixels)
    share = _main_part(lab, opacity)
    turned = _turned(lab, share * opacity, TARGETS[colour])
    if colour is Colour.WHITE:
        turned[0] -= SHADE * _edge(opacity)
    mixed = lab + share * (turned - lab)
    return _from_oklab(mixed, opacity)


def seen_in(pixels: Float[Tensor, "4 H W"], colour: Colour) -> Float[Tensor, "4 H W"]:
    """The picture recoloured, and again as long as its main part has another colour.

    What was turned may be the main part no longer: of a white boot, the red sole.
    """
    turned = recoloured(pixels, colour)
    for _ in range(TURNS - 1):
        if colour_of(turned) in (colour, None):
            break
        turned = recoloured(turned, colour)
    return turned


def colour_of(
    pixels: Float[Tensor, "C H W"], where: Float[Tensor, "H W"] | None = None
) -> Colour | None:
    """The basic colour of a thing's main part; None for a picture without an opaque pixel.

    where: how much each pixel counts, 0 to 1; all alike if None.
    """
    _check(pixels)
    opacity = (pixels[3] + 1.0) / 2.0
    weight = opacity * (opacity > OPAQUE)
    if where is not None:
        weight = weight * where
    if weight.sum() == 0:
        return None
    lab = oklab(pixels)
    weight = weight * _main_part(lab, weight)
    lightness, a, b = (lab * weight).flatten(1).sum(1) / weight.sum()
    return nearest_colour(float(lightness), float(a), float(b))


def nearest_colour(lightness: float, a: float, b: float) -> Colour:
    """The basic colour whose target is nearest to a colour in OKLab; chroma counts double."""

    def distance(target: Target) -> float:
        hue = math.radians(target.hue or 0.0)
        across = math.hypot(a - target.chroma * math.cos(hue), b - target.chroma * math.sin(hue))
        return math.hypot(lightness - target.lightness, 2.0 * across)

    return min(TARGETS, key=lambda colour: distance(TARGETS[colour]))


def rgb_of(target: Target) -> tuple[float, float, float]:
    """A target as straight sRGB in [0, 1]."""
    hue = math.radians(target.hue or 0.0)
    lab = torch.tensor(
        [target.lightness, target.chroma * math.cos(hue), target.chroma * math.sin(hue)]
    )
    red, green, blue = _to_srgb(_in_gamut(lab[:, None, None])).flatten().tolist()
    return red, green, blue


def oklab(pixels: Float[Tensor, "4 H W"]) -> Float[Tensor, "3 H W"]:
    """Lightness, a and b of a premultiplied picture's straight colours."""
    values = (pixels + 1.0) / 2.0
    straight = (values[:3] / values[3:].clamp_min(1e-3)).clamp(0.0, 1.0)
    linear = torch.where(straight <= 0.04045, straight / 12.92, ((straight + 0.055) / 1.055) ** 2.4)
    cones = torch.einsum("ij,jhw->ihw", TO_CONES, linear).clamp_min(0.0) ** (1.0 / 3.0)
    return torch.einsum("ij,jhw->ihw", TO_LAB, cones)


def _main_part(lab: Float[Tensor, "3 H W"], weight: Float[Tensor, "H W"]) -> Float[Tensor, "H W"]:
    """How much each pixel belongs to the part that gives a thing its colour.

    That of its main hue; where that is little of the thing, what has no hue.
    """
    chroma, hue = lab[1:].norm(dim=0), torch.atan2(lab[2], lab[1])
    has_hue = ((chroma - LEAST_CHROMA) / LEAST_CHROMA).clamp(0.0, 1.0)
    main = _main_hue(chroma * has_hue * weight, hue)
    apart = torch.remainder(hue - main + math.pi, 2.0 * math.pi) - math.pi
    near = ((REACH + FADE - apart.abs()) / FADE).clamp(0.0, 1.0)
    coloured = near * has_hue
    if (coloured * weight).sum() >= COLOURFUL * weight.sum():
        return coloured
    return (1.0 - has_hue) * _main_lightness(lab[0], (1.0 - has_hue) * weight)


def _main_lightness(
    lightness: Float[Tensor, "H W"], weight: Float[Tensor, "H W"]
) -> Float[Tensor, "H W"]:
    """How near each pixel is to the lightness that most of the weight has: dark eyes are not."""
    levels = (lightness * LEVELS).long().clamp(0, LEVELS - 1).flatten()
    counts = torch.zeros(LEVELS).index_add_(0, levels, weight.flatten())
    sums = counts.unfold(0, LEVELS_WIDE, 1).sum(1)
    middle = (int(sums.argmax()) + LEVELS_WIDE / 2) / LEVELS
    beyond = (lightness - middle).abs() - LEVELS_WIDE / 2 / LEVELS
    return (1.0 - beyond / LIGHTNESS_FADE).clamp(0.0, 1.0)


def _main_hue(weight: Float[Tensor, "H W"], hue: Float[Tensor, "H W"]) -> float:
    """The mean hue, in radians, of the window that holds the most chroma."""
    degrees = torch.remainder(torch.rad2deg(hue), 360.0).long().clamp(0, 359).flatten()
    circle = torch.zeros(360).index_add_(0, degrees, weight.flatten())
    sums = torch.cat([circle, circle[: WINDOW - 1]]).unfold(0, WINDOW, 1).sum(1)
    start = int(sums.argmax())
    inside = torch.cat([circle, circle])[start : start + WINDOW]
    if inside.sum() == 0:
        return 0.0
    middle = (inside * torch.arange(WINDOW)).sum() / inside.sum()
    return math.radians(start + 0.5 + float(middle))


def _turned(
    lab: Float[Tensor, "3 H W"], weight: Float[Tensor, "H W"], target: Target
) -> Float[Tensor, "3 H W"]:
    """The whole picture as if it were of the part that `weight` is of, in the target's colour."""
    total = weight.sum().clamp_min(1e-6)
    chroma, hue = lab[1:].norm(dim=0), torch.atan2(lab[2], lab[1])
    mean_lightness = (lab[0] * weight).sum() / total
    mean_chroma = (chroma * weight).sum() / total
    lightness = target.lightness + LIGHTNESS_KEPT * (lab[0] - mean_lightness)
    if target.hue is None:
        plain = torch.zeros_like(lightness)
        return torch.stack([lightness.clamp(0.0, 1.0), plain, plain])
    if mean_chroma < LEAST_CHROMA:  # grey: it has neither hue nor chroma of its own to keep
        turned_hue = torch.full_like(hue, math.radians(target.hue))
        turned_chroma = torch.full_like(hue, target.chroma)
    else:
        main = torch.atan2((lab[2] * weight).sum(), (lab[1] * weight).sum())
        apart = torch.remainder(hue - main + math.pi, 2.0 * math.pi) - math.pi
        turned_hue = math.radians(target.hue) + HUE_KEPT * apart
        turned_chroma = (chroma / mean_chroma).clamp(max=MOST_GAIN) * target.chroma
    return torch.stack(
        [
            lightness.clamp(0.0, 1.0),
            turned_chroma * torch.cos(turned_hue),
            turned_chroma * torch.sin(turned_hue),
        ]
    )


def _edge(opacity: Float[Tensor, "H W"]) -> Float[Tensor, "H W"]:
    """1 at a thing's outline, 0 within it."""
    reach = max(1, round(OUTLINE * opacity.shape[-1] / 128))
    outside = F.max_pool2d(1.0 - opacity[None, None], 2 * reach + 1, stride=1, padding=reach)
    return outside[0, 0]


def _from_oklab(
    lab: Float[Tensor, "3 H W"], opacity: Float[Tensor, "H W"]
) -> Float[Tensor, "4 H W"]:
    straight = _to_srgb(_in_gamut(lab))
    return torch.cat([straight * opacity, opacity[None]]) * 2.0 - 1.0


def _in_gamut(lab: Float[Tensor, "3 H W"]) -> Float[Tensor, "3 H W"]:
    """Linear sRGB in [0, 1]: what lies outside goes towards the grey of the same lightness."""
    cones = torch.einsum("ij,jhw->ihw", FROM_LAB, lab) ** 3
    linear = torch.einsum("ij,jhw->ihw", FROM_CONES, cones)
    grey = (lab[:1].clamp(0.0, 1.0) ** 3).expand_as(linear)
    away = linear - grey
    room = torch.where(away > 0, 1.0 - grey, -grey) / torch.where(away == 0, 1.0, away)
    share = torch.where(away == 0, 1.0, room).amin(0).clamp(0.0, 1.0)
    return (grey + share * away).clamp(0.0, 1.0)


def _to_srgb(linear: Float[Tensor, "3 H W"]) -> Float[Tensor, "3 H W"]:
    return torch.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * linear.clamp_min(1e-8) ** (1 / 2.4) - 0.055
    )


def _check(pixels: Tensor) -> None:
    if pixels.ndim != 3 or pixels.shape[0] != 4:
        raise UsageError(
            f"a picture of shape {tuple(pixels.shape)} cannot be recoloured: "
            "one with transparency, (4, H, W), is right"
        )
