"""The adversarial term of an autoencoder: what is rebuilt shall pass for real (VQGAN, section 3.1).

Both networks are trained in one step. Each loss reaches its own network's weights only, and AdamW
keeps its moments weight by weight, so one optimiser does what two with the same learning rate do.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call

from limner.errors import TrainingError
from limner.models.discriminator import PatchDiscriminator

LEAST_GRADIENT = 1e-4  # delta of VQGAN eq. 7, as latent diffusion's code has it
MOST_WEIGHT = 1e4


class Adversary(nn.Module):
    """A discriminator with its two losses; it counts the pictures that it has been shown.

    weight: of the adversarial term, once the gradients are balanced; a batch that is computed in
    parts is balanced part by part.
    start: how many pictures this process rebuilds before the adversary enters.
    """

    seen: Tensor

    def __init__(
        self, discriminator: PatchDiscriminator, *, weight: float = 0.5, start: int = 0
    ) -> None:
        super().__init__()
        if weight < 0 or start < 0:
            raise TrainingError(f"an adversary's weight {weight} and start {start} are at least 0")
        self.discriminator = discriminator
        self.weight = weight
        self.start = start
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))

    def losses(
        self,
        real: Float[Tensor, "B C H W"],
        rebuilt: Float[Tensor, "B C H W"],
        reconstruction: Float[Tensor, ""],
        last_layer: Tensor,
    ) -> dict[str, Tensor]:
        """`adversarial` for the autoencoder and `discriminator` for its adversary, to be added up.

        last_layer: the decoder's; at it the two losses' gradients are balanced (VQGAN eq. 7).
        """
        started = int(self.seen) >= self.start
        self.seen += len(real)
        if not started:
            return {}
        fooled = -self._frozen(rebuilt).float().mean()
        balance = adaptive_weight(reconstruction, fooled, last_layer)
        answers = self.discriminator(real).float(), self.discriminator(rebuilt.detach()).float()
        return {
            "adversarial": self.weight * balance * fooled,
            "discriminator": hinge_loss(*answers),
        }

    def _frozen(self, pixels: Tensor) -> Tensor:
        """The answers, through which gradients reach the pixels and not the discriminator."""
        weights = {name: p.detach() for name, p in self.discriminator.named_parameters()}
        return functional_call(self.discriminator, weights, (pixels,))


def hinge_loss(real: Tensor, rebuilt: Tensor) -> Float[Tensor, ""]:
    """Answers above 1 for real and below -1 for rebuilt patches are good enough."""
    return (F.relu(1 - real).mean() + F.relu(1 + rebuilt).mean()) / 2


def adaptive_weight(first: Tensor, second: Tensor, parameter: Tensor) -> Float[Tensor, ""]:
    """|gradient of first| / |gradient of second| at a parameter, a number without gradient."""
    sizes = [
        torch.autograd.grad(loss, parameter, retain_graph=True)[0].norm()
        for loss in (first, second)
    ]
    return (sizes[0] / (sizes[1] + LEAST_GRADIENT)).clamp(max=MOST_WEIGHT).detach()
