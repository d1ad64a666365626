"""What is trained beside a model that stays as it is: low-rank updates, rows of an embedding.

Both are modules of fp32 parameters, apart from the model's own: its state dict does not hold them,
and its weights, frozen, are not written to.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from limner.errors import UsageError
from limner.nn.adapter import Adaptable, Adapter, ExtendedEmbedding, LowRank


class TrainableUpdates(nn.Module):
    """One low-rank update for each of some modules, all of one rank (LoRA section 4.1).

    down is drawn uniformly as PyTorch draws the weight of a layer (Kaiming), up is zero: at first
    the model computes what it did.
    modules: by name. alpha: the updates are multiplied by alpha / rank; None: alpha is the rank.
    Raises UsageError for a rank below 1 or an alpha that is not above 0.
    """

    def __init__(
        self, modules: Mapping[str, Adaptable], *, rank: int, alpha: float | None = None
    ) -> None:
        super().__init__()
        alpha = float(rank) if alpha is None else alpha
        if rank < 1 or not 0 < alpha < math.inf:
            raise UsageError(f"rank {rank}, alpha {alpha:g}: at least 1 and above 0 are right")
        self.scale = alpha / rank
        self.targets = dict(modules)
        matrices = {_key(name): _matrices(module, rank) for name, module in modules.items()}
        self.down = nn.ParameterDict({key: down for key, (down, _) in matrices.items()})
        self.up = nn.ParameterDict({key: up for key, (_, up) in matrices.items()})

    def updates(self) -> dict[str, LowRank]:
        """The updates by the names of their modules, as `checkpoints.lora.save_lora` takes them."""
        return {
            name: LowRank(down=self.down[_key(name)], up=self.up[_key(name)], scale=self.scale)
            for name in self.targets
        }

    def adapter(self) -> Adapter:
        """The updates as they are while they are trained; off."""
        return Adapter({self.targets[name]: low for name, low in self.updates().items()})


def _key(name: str) -> str:
    """A module's name as a parameter's, which holds no dot."""
    return name.replace(".", "/")


def _matrices(module: Adaptable, rank: int) -> tuple[nn.Parameter, nn.Parameter]:
    """(down, up) of a new update in fp32, where the weight is."""
    out, into, *kernel = module.weight.shape
    down = torch.empty(rank, into, *kernel)
    nn.init.kaiming_uniform_(down, a=math.sqrt(5))
    up = torch.zeros(out, rank, *[1] * len(kernel))
    device = module.weight.device
    return nn.Parameter(down.to(device)), nn.Parameter(up.to(device))


class TrainableRows(nn.Module):
    """The rows behind an embedding's table, while they are trained and the table is not."""

    def __init__(self, rows: Float[Tensor, "n D"]) -> None:
        super().__init__()
        self.rows = nn.Parameter(rows.detach().float().clone())

    def attach(self, embedding: ExtendedEmbedding) -> RemovableHandle:
        """Stand for the embedding's own rows, from the first on, until the handle is removed."""
        return embedding.register_forward_hook(self._instead)

    def _instead(
        self, embedding: nn.Module, inputs: tuple[Int[Tensor, "..."]], output: Tensor
    ) -> Tensor:
        assert isinstance(embedding, ExtendedEmbedding)
        beyond = inputs[0] - embedding.num_embeddings
        rows = self.rows[beyond.clamp(min=0)].to(output)
        return torch.where((beyond >= 0)[..., None], rows, output)
