"""Which style a picture is drawn in: what a style namer learns."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from limner.data.augment import mirrored, moved
from limner.data.records import PictureSet
from limner.models.style import StyleNamer
from limner.training.draws import Draws
from limner.training.objectives.masking import on_grounds

LABEL_SMOOTHING = 0.05


@dataclass(frozen=True, kw_only=True)
class StyleChanges:
    """What is done to a picture that its style outlives.

    shift, scale, rotation: at most so much of the side, this factor less 1, and so many degrees.
    gain: of a colour channel, at most, of every other picture; textures and outlines stay.
    opaque: how often it lies on a plain ground, as pictures without transparency.
    """

    shift: float = 0.1
    scale: float = 0.2
    rotation: float = 12.0
    gain: float = 0.15
    opaque: float = 0.15


class StyleObjective:
    """Cross-entropy of the style's word. pictures: RGBA, each of one of the namer's styles."""

    def __init__(self, model: StyleNamer, pictures: PictureSet, changes: StyleChanges) -> None:
        self.modules = nn.ModuleDict({"namer": model})
        self.model = model
        self.pictures = pictures
        self.changes = changes
        self.count = len(pictures)
        places = {style: place for place, style in enumerate(model.config.styles)}
        self.labels = torch.tensor([places[record.style] for record in pictures.records])

    def loss(self, indices: Tensor, draws: Draws) -> dict[str, Tensor]:
        device = self.model.out.weight.device
        pixels = self.changed(self.pictures.to_float(indices.tolist()), draws)
        logits, labels = self.model(pixels.to(device)), self.labels[indices].to(device)
        total = F.cross_entropy(logits, labels, label_smoothing=LABEL_SMOOTHING)
        return {"total": total, "named": (logits.argmax(1) == labels).float().mean()}

    def changed(self, pixels: Float[Tensor, "B 4 S S"], draws: Draws) -> Float[Tensor, "B 4 S S"]:
        """The pictures, each changed by chance in its own way."""
        how, either_way = self.changes, draws.uniform(4) * 2 - 1
        pixels = mirrored(pixels, draws.uniform() < 0.5)
        pixels = moved(
            pixels,
            shift=either_way[:, :2] * how.shift,
            scale=(1 + how.scale) ** either_way[:, 2],
            rotation=either_way[:, 3] * how.rotation,
        )
        much = (draws.uniform(1, 1, 1) * 2 - 1).clamp(min=0) * how.gain
        gain = 1 + much * (draws.uniform(3, 1, 1) * 2 - 1)
        pixels = recoloured(pixels, gain)
        laid, opacity = on_grounds(pixels, draws.uniform(3, 1, 1))
        opaque = torch.cat([laid, torch.ones_like(opacity)], dim=1)
        return torch.where((draws.uniform() < how.opaque)[:, None, None, None], opaque, pixels)


def recoloured(
    pixels: Float[Tensor, "B 4 H W"], gain: Float[Tensor, "B 3 1 1"]
) -> Float[Tensor, "B 4 H W"]:
    """Premultiplied model pixels with each colour channel so much stronger, up to the opacity."""
    values = (pixels + 1) / 2
    colour = torch.minimum(values[:, :3] * gain, values[:, 3:])
    return torch.cat([colour * 2 - 1, pixels[:, 3:]], dim=1)
