"""From which level of noise on a painter loses what a real picture was: its style and its details.

python bench/levels.py src/limner/assets/emoji runs/deep/model --judge FOLDER

The real pictures of cells that every training was shown, as latents, get the noise of each level of
a painting, and are painted on from there by their plain captions. Of each: the concepts and styles
that a trained judge names, and how far the latents are from the real ones (mean square error of
each normalised channel, over the channels; a channel has a variance of 1). The last line is the
real pictures after the autoencoder, the first is painted from noise alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from everyday import SEED
from nearest_judge import hits, in_size
from torch import Tensor

from limner.checkpoints import ModelFolder
from limner.data.cache import batches
from limner.data.emoji import load_emoji
from limner.data.pixels import to_bytes, to_model_range
from limner.data.records import PictureSet
from limner.diffusion.guidance import guided
from limner.diffusion.noise import Noise
from limner.diffusion.sample import Denoise, denoise_with, drive, last
from limner.evaluate.judge import Judge
from limner.evaluate.report import Cell, choose_cells
from limner.text.encode import TextEncoder
from limner.training.recipes.base import everyday_subset, trained_denoiser
from limner.training.recipes.conditions import encode_unpadded

SIZE, JUDGED, BATCH = 128, 64, 40


class Painting:
    """A model folder's parts, and paintings of cells by them from a level of noise on."""

    def __init__(self, folder: Path) -> None:
        model = ModelFolder(folder)
        self.process, self.prediction, self.sampling, _ = model.load_settings()
        self.denoiser, self.vae = trained_denoiser(model).float().eval(), model.load("vae").float()
        tower = model.load("text_encoder").float()
        self.text = TextEncoder(
            model.load_tokenizer(tower=tower.config), tower, pad_mask=self.sampling.pad_mask
        )
        self.path = self.sampling.path(self.process, self.sampling.steps, self.sampling.schedule)

    def latents(self, pictures: Tensor) -> Tensor:
        """Normalised latents of pictures in bytes."""
        return self.vae.space.normalise(self.vae.encode(to_model_range(pictures)).mean)

    def pictures(self, latents: Tensor) -> Tensor:
        """Bytes."""
        return to_bytes(self.vae.decode(self.vae.space.restore(latents)))

    def painted(
        self, real: Tensor, prompts: Sequence[str], seeds: Sequence[int], first: int
    ) -> Tensor:
        """Latents that were painted from level `first` of the path on."""
        noise = Noise(seeds, tuple(real.shape[1:]))
        levels = self.path.levels[first:]
        x = levels[0].add_noise(real, noise.start()) if first else self.path.start * noise.start()
        steered = guided(
            self._denoise(prompts), self._denoise([""] * len(prompts)), self.sampling.guidance, None
        )
        solver = self.sampling.solver_of(self.sampling.solver, self.sampling.steps)
        return self.path.end * last(drive(solver(x, levels, noise), steered))

    def _denoise(self, prompts: Sequence[str]) -> Denoise:
        told = encode_unpadded(self.text, list(prompts))

        def call(x: Tensor, t: Tensor) -> Tensor:
            return self.denoiser(x, t, context=told.context, mask=told.mask)

        return denoise_with(call, self.process, self.prediction)


def real_ones(data: PictureSet, cells: Sequence[Cell]) -> Tensor:
    """The real pictures of cells, as bytes."""
    place = {(r.concept, r.style): r.picture for r in data.records}
    return torch.stack([data.pictures[place[cell.concept, cell.style]] for cell in cells])


def line(name: str, judge: Judge, pictures: Tensor, cells: Sequence[Cell], error: Tensor) -> str:
    """What the judge says of pictures, and how far their latents are off."""
    concept, style = hits(judge, judge.see(in_size(pictures, JUDGED)), cells)
    named = f"concept {concept.float().mean():6.1%}  style {style.float().mean():6.1%}"
    return f"{name:<24}{named}  off {' '.join(f'{each:.3f}' for each in error)}"


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--judge", type=Path, required=True)
    parser.add_argument("--count", type=int, default=400, help="Cells.")
    parser.add_argument("--concepts", type=int, default=400, help="Cells of so many.")
    given = parser.parse_args()
    data = load_emoji(SIZE)
    judge = Judge.load(given.judge)
    known = everyday_subset(data, given.concepts)
    cells = choose_cells(known, seen=given.count, held_out=0, seed=SEED)
    real = real_ones(data, cells)
    for folder in given.models:
        print(folder)
        painting = Painting(folder)
        spans = [list(span) for span in batches(len(cells), BATCH)]
        latents = torch.cat([painting.latents(real[span]) for span in spans])
        for first, level in enumerate(painting.path.levels):
            made = [
                painting.painted(latents[span], [cells[n].prompt for n in span], span, first)
                for span in spans
            ]
            pictures = torch.cat([painting.pictures(each) for each in made])
            error = (torch.cat(made) - latents).square().mean((0, 2, 3))
            name = f"from noise {level.sigma:.3f}"
            print(line(name, judge, pictures, cells, error), flush=True)


if __name__ == "__main__":
    main()
