"""From picture to mask: which pixels belong to the thing in front (U-Net, Ronneberger et al. 2015).

The data are pictures with their own transparency. Each is laid over a ground made by chance, and
its opacity is what the network shall find.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from limner.data.records import PictureSet
from limner.errors import TrainingError
from limner.models.unet import UNet
from limner.training.draws import Draws

GRAIN = 4  # colours along one side of a ground, blended in between


class MaskObjective:
    """Binary cross-entropy of each pixel with the picture's opacity.

    model: 3 channels in, 1 out (a logit), without text. pictures: RGBA.
    """

    def __init__(self, model: UNet, pictures: PictureSet) -> None:
        if pictures.pictures.shape[1] != 4:
            raise TrainingError("a mask is learned from RGBA pictures: these have no transparency")
        self.modules = nn.ModuleDict({"unet": model})
        self.model = model
        self.pictures = pictures
        self.count = len(pictures)

    def loss(self, indices: Tensor, draws: Draws) -> dict[str, Tensor]:
        pixels = self.pictures.to_float(indices.tolist())
        scene, opacity = on_grounds(pixels, draws.uniform(3, GRAIN, GRAIN))
        device = next(self.model.parameters()).device
        logits = mask_logits(self.model, scene.to(device)).float()
        opacity = opacity.to(device)
        total = F.binary_cross_entropy_with_logits(logits, opacity)
        return {"total": total, "overlap": overlap(logits > 0, opacity > 0.5)}


def mask_logits(model: UNet, scene: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B 1 H W"]:
    """What a U-Net says of pictures; its time has nothing to tell and stays 0."""
    return model(scene, scene.new_zeros(len(scene)))


def on_grounds(
    pixels: Float[Tensor, "B 4 H W"], colours: Float[Tensor, "B 3 g g"]
) -> tuple[Float[Tensor, "B 3 H W"], Float[Tensor, "B 1 H W"]]:
    """Premultiplied pictures over blended colours, all in model pixels; and their opacity in 0..1.

    colours: in [0, 1), the ground from corner to corner.
    """
    values = (pixels + 1) / 2
    ground = F.interpolate(colours, pixels.shape[-2:], mode="bilinear", align_corners=True)
    colour, opacity = values[:, :3], values[:, 3:]
    return (colour + (1 - opacity) * ground) * 2 - 1, opacity


def overlap(found: Tensor, true: Tensor) -> Float[Tensor, ""]:
    """Intersection over union of two masks, the mean over the pictures; 1 where both are empty."""
    both = (found & true).flatten(1).sum(1)
    either = (found | true).flatten(1).sum(1)
    return torch.where(either > 0, both / either.clamp(min=1), 1.0).mean()
