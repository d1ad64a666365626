"""Pairs of things: two latents beside or on top of each other, each half told of by its own text.

In the other half a text is not looked at (`nn.regions`), and in its own the name of the thing is
looked at from where the thing is (`grounding`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from limner.data.captions import caption, uniform
from limner.data.records import Record
from limner.data.scene_words import Scene
from limner.explain.heatmaps import occurrences
from limner.explain.recorder import watching
from limner.nn.attention import Attend
from limner.nn.prepared import Beside
from limner.nn.regions import visible_of
from limner.text.tokenizer import Tokenizer
from limner.training.draws import Draws
from limner.training.objectives.conditions import Told
from limner.training.objectives.denoising import DenoisingObjective
from limner.training.objectives.grounding import off_the_thing
from limner.types import Conditioning, Context, Latent, TextMask, Times

NAMES = "names"  # among what is told: which tokens name each thing, (B, 2, L)


class PairsObjective(DenoisingObjective):
    """As `DenoisingObjective`; in every other batch, by its seed, the halves lie on each other.

    latents: (P, C, h, 2 w), the first thing on the left. covered: (P, h, 2 w), which places a thing
    covers. grounding: how much it counts whether the attention to a thing's name lies on the thing.
    others: process, prediction, times and trained, as there.
    """

    def __init__(
        self,
        denoiser: nn.Module,
        latents: Tensor,
        condition: PairCondition,
        *,
        covered: Bool[Tensor, "P h w"],
        grounding: float,
        **others: Any,
    ) -> None:
        super().__init__(InHalves(denoiser), latents, condition, **others)
        self.covered = covered
        self.grounding = grounding

    def loss(self, indices: Tensor, draws: Draws) -> dict[str, Tensor]:
        told = dict(self.condition(indices, draws))
        names = told.pop(NAMES)
        assert names is not None
        maps: dict[str, Tensor] = {}
        attend = watching(self.denoiser, maps.__setitem__)
        denoising = self.error(told, indices, draws, attend=attend)
        things = self._things(indices, draws).to(denoising)
        grounding = off_the_thing(maps, names.to(denoising.device), things)
        total = denoising + self.grounding * grounding
        return {"total": total, "denoising": denoising, "grounding": grounding}

    def clean(self, indices: Tensor, draws: Draws) -> Tensor:
        return _laid(self.latents[indices], draws)

    def _things(self, indices: Tensor, draws: Draws) -> Float[Tensor, "B 2 h w"]:
        """Which places the first and the second thing of each pair cover."""
        wide = self.covered[indices].float()[:, None]
        first, second = wide.chunk(2, dim=3)
        none = torch.zeros_like(first)
        each = [torch.cat(halves, dim=3) for halves in ((first, none), (none, second))]
        return _laid(torch.cat(each, dim=1), draws)


class InHalves(nn.Module):
    """A denoiser whose two texts are each for the half of the picture that comes first, or last."""

    def __init__(self, denoiser: nn.Module) -> None:
        super().__init__()
        self.denoiser = denoiser

    def forward(
        self,
        x: Latent,
        t: Times,
        context: Context,
        mask: TextMask | None,
        attend: Attend | None = None,
    ) -> Latent:
        tokens, (height, width) = context.shape[1], x.shape[2:]
        upright, size = height > width, (height, width)
        visible = visible_of(tokens, 2, upright=upright, size=size, device=x.device)
        return self.denoiser(x, t, context, mask, beside=Beside(attend=attend, visible=visible))


@dataclass(frozen=True, kw_only=True, eq=False)
class PairCondition:
    """A caption of each of two things, encoded one by one, their tokens one behind the other.

    encode: captions -> Conditioning, its tokens those of `tokenizer`, cut to what is needed.
    """

    scenes: Sequence[Scene]
    tokenizer: Tokenizer
    encode: Callable[[list[str]], Conditioning]
    dropout: float

    @torch.no_grad()
    def __call__(self, indices: Tensor, draws: Draws) -> Told:
        scenes = [self.scenes[index] for index in indices.tolist()]
        said = [self._said(*pair) for pair in zip(scenes, draws.chances(), strict=True)]
        captions = [first for first, _ in said] + [second for _, second in said]
        text = self.encode(captions)
        things = [scene.first for scene in scenes] + [scene.second for scene in scenes]
        named = self._named(captions, things, text.context.shape[1])
        mask = None if text.mask is None else torch.cat(text.mask.chunk(2), dim=1)
        context = torch.cat(text.context.chunk(2), dim=1)
        return {"context": context, "mask": mask, NAMES: _of_both(*named.chunk(2))}

    def _said(self, scene: Scene, chance: torch.Generator) -> tuple[str, str]:
        if uniform(chance) < self.dropout:
            return "", ""
        return caption(scene.first, chance), caption(scene.second, chance)

    def _named(
        self, captions: Sequence[str], things: Sequence[Record], length: int
    ) -> Bool[Tensor, "B2 L"]:
        """Which tokens of each caption are one of its thing's names."""
        ids = self.tokenizer(captions)[:, :length]
        named = torch.zeros_like(ids, dtype=torch.bool)
        for row, (text, thing) in enumerate(zip(ids.tolist(), things, strict=True)):
            names = [self.tokenizer.encode(name) for name in (thing.concept, *thing.names)]
            places = chain.from_iterable(occurrences(text, name) for name in names)
            named[row, list(places)] = True
        return named


def _laid(wide: Float[Tensor, "B C h w"], draws: Draws) -> Float[Tensor, "B C h2 w2"]:
    """Pairs beside each other as this batch has them: so, or on top of each other."""
    return torch.cat(wide.chunk(2, dim=3), dim=2) if draws.seed % 2 else wide


def _of_both(first: Bool[Tensor, "B L"], second: Bool[Tensor, "B L"]) -> Bool[Tensor, "B 2 L2"]:
    """The tokens of the first text, then those of the second, a row for each thing."""
    none = torch.zeros_like(first)
    rows = (torch.cat([first, none], dim=1), torch.cat([none, second], dim=1))
    return torch.stack(rows, dim=1)
