"""Grounding: the attention of a thing's word is to lie on the thing.

Source: Wang et al. 2024, "TokenCompose: text-to-image diffusion with token-level supervision",
section 3, which trains cross-attention beside the denoising loss with masks of the things. Its two
losses, how much of a word's map lies inside the mask and how evenly, are one here: the divergence
of the map from the even distribution over the mask.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from limner.nn.regions import grid_of

LEAST = 1e-6  # of attention, before its logarithm


def off_the_thing(
    maps: Mapping[str, Float[Tensor, "B H N L"]],
    words: Bool[Tensor, "B K L"],
    covered: Float[Tensor, "B K h w"],
) -> Float[Tensor, ""]:
    """KL(even over the thing || map of its words), the mean over layers, pictures and things.

    maps: layer -> the attention of each place of a map of N to each token.
    words: which tokens name each of the picture's K things; one with no token counts for nothing.
    covered: how much of each place of the latent each thing covers, 0 to 1.
    """
    named = words.any(2)
    if not named.any():
        return covered.new_zeros(())
    layers = [
        _divergence(_map_of(attention, words)[named], _even(covered, attention.shape[2])[named])
        for attention in maps.values()
    ]
    return torch.stack(layers).mean()


def _map_of(
    attention: Float[Tensor, "B H N L"], words: Bool[Tensor, "B K L"]
) -> Float[Tensor, "B K N"]:
    """The attention to the words of each thing as a distribution over the places."""
    looked = torch.einsum("bnl,bkl->bkn", attention.mean(1), words.to(attention)) + LEAST
    return looked / looked.sum(2, keepdim=True)


def _even(covered: Float[Tensor, "B K h w"], places: int) -> Float[Tensor, "B K N"]:
    """The distribution that is even over what is covered by half of the most covered place."""
    size = (covered.shape[2], covered.shape[3])
    coarse = F.adaptive_avg_pool2d(covered, grid_of(places, size)).flatten(2)
    inside = (coarse >= coarse.amax(2, keepdim=True) / 2).to(coarse)
    return inside / inside.sum(2, keepdim=True)


def _divergence(found: Float[Tensor, "M N"], wanted: Float[Tensor, "M N"]) -> Float[Tensor, ""]:
    """KL(wanted || found)."""
    return F.kl_div(found.log(), wanted, reduction="batchmean")
