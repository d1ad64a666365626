"""Paint with a denoiser that is being trained, by the same solvers as the painter."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from limner.checkpoints import Sampling
from limner.diffusion.guidance import guided
from limner.diffusion.hold import Hold
from limner.diffusion.noise import Noise
from limner.diffusion.sample import Denoise, denoise_with, drive, last
from limner.training.objectives.conditions import Told
from limner.training.objectives.denoising import DenoisingObjective
from limner.types import Latent


@torch.no_grad()
def paint(
    objective: DenoisingObjective,
    sampling: Sampling,
    told: Told,
    untold: Told,
    seeds: Sequence[int],
) -> Latent:
    """A latent for each seed, (B, C, h, w) on the CPU, of the shape that is trained on.

    told: what the denoiser is told of the B pictures. untold: the same without class or caption,
    from which guidance leads away.
    """
    first, *shape = objective.latents.shape[1:]
    noise = Noise(seeds, (first, shape[0], shape[1]))
    path = sampling.path(objective.process, sampling.steps, sampling.schedule)
    device = next(objective.denoiser.parameters()).device

    def denoise(said: Told) -> Denoise:
        here = {name: None if v is None else v.to(device) for name, v in said.items()}

        def call(x: Tensor, t: Tensor) -> Tensor:
            return objective.denoiser(x, t, **here).float()

        return denoise_with(call, objective.process, objective.prediction)

    steered = guided(denoise(told), denoise(untold), sampling.guidance, sampling.interval)
    x = path.start * noise.start().to(device)
    run = sampling.solver_of(sampling.solver, sampling.steps)(x, path.levels, noise)
    return path.end * last(drive(run, _held(steered, sampling.hold))).cpu()


def _held(denoise: Denoise, hold: Hold | None) -> Denoise:
    """The same with its pictures held to a range."""
    return denoise if hold is None else lambda x, level: hold(denoise(x, level))
