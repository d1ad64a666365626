"""Few steps: a student that takes in one step what its guided teacher takes in several.

Progressive distillation (Salimans and Ho 2022, algorithm 2) of fixed steps in one go, with guidance
folded in (Meng et al. 2023, section 3.1): from x at the start of one of the student's steps, the
teacher goes to the step's end in `substeps` steps of DDIM; the student learns the one step of DDIM
that ends there, so it is sampled with Euler at the same levels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Int
from torch import Tensor, nn

from limner.diffusion.prediction import Prediction
from limner.diffusion.process import Level, Process, per_picture
from limner.diffusion.sample import predict
from limner.errors import TrainingError
from limner.training.draws import Draws
from limner.training.objectives.conditions import Condition, Told
from limner.types import Latent


class DistillationObjective:
    """Mean square error of the student's output against that which leads where the teacher went.

    student, teacher: denoisers of one process and prediction; the teacher stays as it is.
    latents: (N, C, h, w), normalised: noise is mixed into them for the start of a step.
    condition: what both are told. untold: the same of n pictures without the prompt.
    visited: the teacher's levels; every `substeps`-th is one of the student's.
    """

    def __init__(
        self,
        student: nn.Module,
        teacher: nn.Module,
        latents: Tensor,
        condition: Condition,
        untold: Callable[[int], Told],
        *,
        process: Process,
        prediction: Prediction,
        visited: Sequence[Level],
        substeps: int,
        guidance: float,
    ) -> None:
        if substeps < 1 or (len(visited) - 1) % substeps:
            raise TrainingError(f"{len(visited) - 1} teacher's steps are no multiple of {substeps}")
        self.modules = nn.ModuleDict({"denoiser": student})
        self.student = student
        self.teacher = teacher.eval().requires_grad_(False)
        self.latents = latents
        self.count = len(latents)
        self.condition = condition
        self.untold = untold
        self.process = process
        self.prediction = prediction
        scales = [process.native_scale(level) for level in visited]
        self.times = torch.tensor([process.time_of_level(level) for level in visited])
        self.alphas = torch.tensor([s * v.alpha for s, v in zip(scales, visited, strict=True)])
        self.sigmas = torch.tensor([s * v.sigma for s, v in zip(scales, visited, strict=True)])
        self.substeps = substeps
        self.guidance = guidance

    def loss(self, indices: Tensor, draws: Draws) -> dict[str, Tensor]:
        told = self.condition(indices, draws)
        x0 = self.latents[indices].to(next(self.student.parameters()).device)
        noise = draws.normal(*x0.shape[1:]).to(x0)
        steps = (len(self.times) - 1) // self.substeps
        start = self.substeps * (draws.uniform() * steps).long()
        alpha, sigma = self._at(start, x0)
        x = alpha * x0 + sigma * noise

        aim = self._taught(x, start, told)
        target = self._output_to(aim, x, start, start + self.substeps)
        output = predict(self._call(self.student, told), self.process, x, self.times[start].to(x))
        return {"total": F.mse_loss(output, target)}

    @torch.no_grad()
    def _taught(self, x: Latent, start: Int[Tensor, "B"], told: Told) -> Latent:
        """Where the guided teacher goes from x, by DDIM (Song et al. 2021 eq. 12, eta = 0)."""
        self.teacher.to(x.device)
        call = self._call(self.teacher, joined(self.untold(len(x)), told))
        for now in (start + substep for substep in range(self.substeps)):
            t, alpha, sigma = (n[now].to(x) for n in (self.times, self.alphas, self.sigmas))
            output = predict(call, self.process, torch.cat([x, x]), torch.cat([t, t]))
            without, with_prompt = (
                self.prediction.denoised(part, x, alpha, sigma) for part in output.chunk(2)
            )
            x = self._stepped(x, torch.lerp(without, with_prompt, self.guidance), now, now + 1)
        return x

    def _stepped(
        self, x: Latent, denoised: Latent, now: Int[Tensor, "B"], then: Int[Tensor, "B"]
    ) -> Latent:
        """alpha' D + sigma' eps, with the eps that D leaves of x."""
        alpha, sigma = self._at(now, x)
        later_alpha, later_sigma = self._at(then, x)
        return later_alpha * denoised + later_sigma * (x - alpha * denoised) / sigma

    def _output_to(
        self, aim: Latent, x: Latent, now: Int[Tensor, "B"], then: Int[Tensor, "B"]
    ) -> Latent:
        """The output whose step from x ends at `aim`: `_stepped`, solved for D."""
        alpha, sigma = self._at(now, x)
        later_alpha, later_sigma = self._at(then, x)
        ratio = later_sigma / sigma
        denoised = (aim - ratio * x) / (later_alpha - ratio * alpha)
        noise = (x - alpha * denoised) / sigma
        return self.prediction.target(denoised, noise, self.alphas[now].to(x), sigma.flatten())

    def _at(self, places: Int[Tensor, "B"], like: Latent) -> tuple[Tensor, Tensor]:
        """alpha and sigma of the levels at these places, (B, 1, 1, 1)."""
        return per_picture(self.alphas[places], like), per_picture(self.sigmas[places], like)

    def _call(self, denoiser: nn.Module, told: Told) -> Callable[[Tensor, Tensor], Tensor]:
        def call(x: Tensor, t: Tensor) -> Tensor:
            here = {name: None if v is None else v.to(x.device) for name, v in told.items()}
            return denoiser(x, t, **here).float()

        return call


def joined(first: Told, second: Told) -> Told:
    """What is told of two batches, as of one."""
    return {
        name: None if value is None or other is None else torch.cat([value, other])
        for name, value in first.items()
        for other in (second[name],)
    }
