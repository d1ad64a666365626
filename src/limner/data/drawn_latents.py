"""A world's draws as latents: each is composed and encoded when first asked for, and then kept.

FOLDER/latents.npy  (N, C, h, w) in half precision, FOLDER/done.npy which of them are there, and
FOLDER/origin.json what they were made of. Scenes and colours are too many to encode beforehand, and
composing and encoding anew at every step would cost as much as the step; so a training of several
presentations each keeps a pool of draws on the disk, which fills while it runs.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from limner.data.cache import fingerprint
from limner.data.composition import compose
from limner.data.latents import pictures_fingerprint, records_fingerprint
from limner.data.records import write_json
from limner.data.world import Draw, World
from limner.errors import DataError

Encode = Callable[[Float[Tensor, "B 4 H W"]], Float[Tensor, "B C h w"]]
ORIGIN, KEPT, DONE = "origin.json", "latents.npy", "done.npy"


class DrawnLatents:
    """The draws 0 ... count - 1 of a world, all by `seed`; `pool[indices]` are their latents.

    encode: pictures in [-1, 1] -> latents of `shape`, (C, h, w). origin: what the encoder is made
    of; a folder of another origin, or of another world, is filled anew.
    """

    def __init__(
        self,
        world: World,
        encode: Encode,
        folder: Path,
        *,
        count: int,
        shape: tuple[int, int, int],
        origin: dict[str, str],
        seed: int = 0,
    ) -> None:
        if count < 1:
            raise DataError(f"a pool of {count} draws: 1 or more are right")
        self.world = world
        self.encode = encode
        self.count = count
        self.seed = seed
        draws = f"{count} of {shape}, seed {seed}, {world.config}"
        described = {**origin, **_made_of(world), "draws": draws}
        mode = "r+" if _described(folder) == described else "w+"
        folder.mkdir(parents=True, exist_ok=True)
        if mode == "w+":
            (folder / ORIGIN).unlink(missing_ok=True)
        kept = np.lib.format.open_memmap(folder / KEPT, mode, np.float16, (count, *shape))
        done = np.lib.format.open_memmap(folder / DONE, mode, np.bool_, (count,))
        self.kept, self.done = torch.from_numpy(kept), torch.from_numpy(done)
        write_json(folder / ORIGIN, described)

    def draw(self, index: int) -> Draw:
        """What is drawn at a position, always the same."""
        return self.world.draw(index % self.world.count, random.Random(f"{self.seed} {index}"))

    def __getitem__(self, indices: Int[Tensor, "B"]) -> Float[Tensor, "B C h w"]:
        missing = indices[~self.done[indices]].unique()
        if len(missing):
            self.kept[missing] = self._encoded(missing.tolist()).half()
            self.done[missing] = True
        return self.kept[indices].float()

    @torch.no_grad()
    def _encoded(self, indices: list[int]) -> Float[Tensor, "B C h w"]:
        data = self.world.data
        drawn = [compose(self.draw(index).composition, data).pixels for index in indices]
        return self.encode(torch.stack(drawn)).cpu()


def _made_of(world: World) -> dict[str, str]:
    """What the draws of a seed follow from, beside the configuration.

    Of the plain names only which concepts have one: that decides what is drawn by chance, and the
    name itself is said in captions alone.
    """
    return {
        "pictures": pictures_fingerprint(world.data),
        "records": records_fingerprint(world.data),
        "colourable": fingerprint(sorted(world.plain)),
        "whole": fingerprint(sorted(world.whole)),
    }


def _described(folder: Path) -> dict[str, str] | None:
    """What a folder's draws are made of; None where there are none, or not whole."""
    try:
        described: dict[str, str] = json.loads((folder / ORIGIN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return described
