"""A judge of styles alone, which has never seen the pictures that are held out.

The nearest real picture (nearest_judge.py) says little of a style that a thing was never shown in:
its memory has the very picture that was held out, and without it names the style of 23 % of such
real pictures, since things of one concept are alike in every style.
This one is a logistic regression on what a pretrained image network sees, of which the mean and the
deviation over all places are taken, so that it tells how a thing is drawn and little of what it is
(Huang and Belongie 2017, section 3). It learns from the seen pictures.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from nearest_judge import in_size
from torch import Tensor

from limner.data.cache import batches
from limner.data.emoji import cache_folder
from limner.data.pixels import to_model_range
from limner.data.records import PictureSet
from limner.training.perceptual import WHEEL, load_perceptual

RIDGE = 1e-3  # on the sum of squares of the weights
STEPS, FAR = 150, 6.0  # of L-BFGS; deviations of a feature, at the most


class StyleJudge:
    """Names the style of pictures, as one that knows the seen pictures alone does."""

    @torch.inference_mode(False)
    def __init__(self, real: PictureSet) -> None:
        self.network = load_perceptual(cache_folder() / "packages" / WHEEL)
        self.size, self.styles = real.size, real.styles
        seen = real.seen
        features = self._features(seen.pictures[seen.picture_indices()])
        self.middle, self.spread = features.mean(0), features.std(0) + 1e-5
        self.weight = torch.zeros(features.shape[1], len(self.styles), requires_grad=True)
        self.bias = torch.zeros(len(self.styles), requires_grad=True)
        wanted = torch.tensor([self.styles.index(record.style) for record in seen.records])
        self._fit(self._scaled(features), wanted)

    @torch.no_grad()
    def named(self, pictures: Tensor) -> list[str]:
        """The style of each of the bytes (N, 4, S, S), of any size."""
        scaled = self._scaled(self._features(in_size(pictures, self.size)))
        places = (scaled @ self.weight + self.bias).argmax(1).tolist()
        return [self.styles[place] for place in places]

    def _fit(self, scaled: Tensor, wanted: Tensor) -> None:
        optimiser = torch.optim.LBFGS(
            [self.weight, self.bias], max_iter=STEPS, line_search_fn="strong_wolfe"
        )

        def closure() -> Tensor:
            optimiser.zero_grad()
            error = F.cross_entropy(scaled @ self.weight + self.bias, wanted)
            loss = error + RIDGE * self.weight.square().sum()
            loss.backward()
            return loss

        optimiser.step(closure)

    def _scaled(self, features: Tensor) -> Tensor:
        return ((features - self.middle) / self.spread).clamp(-FAR, FAR)

    @torch.no_grad()
    def _features(self, pictures: Tensor) -> Tensor:
        """Means and deviations of every map, and of the opacity: (N, F)."""
        parts = []
        for span in batches(len(pictures), 64):
            pixels = to_model_range(pictures[list(span)])
            opacity = (pixels[:, 3:] + 1) / 2
            maps = [opacity, *self.network.maps(pixels[:, :3] + 1 - opacity)]  # on a grey ground
            told = [each(one, (2, 3)) for one in maps for each in (torch.mean, torch.std)]
            parts.append(torch.cat(told, dim=1))
        return torch.cat(parts)
