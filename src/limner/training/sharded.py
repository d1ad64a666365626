"""One training over processes that each hold a part of every weight (FSDP2).

For models whose weights, gradients, optimiser and averages do not fit on one device. The weights of
a block are brought together while it is computed; each process updates the part that it keeps.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from limner.training.distributed import ManyProcesses, Processes

WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True)  # in the first process alone


class ShardedProcesses(ManyProcesses):
    """As `ManyProcesses`, but that the optimiser and the averages see this process's parts only."""

    sharded = True

    def wrap(self, modules: nn.ModuleDict, *, half: bool) -> None:
        Processes.wrap(self, modules, half=half)
        mesh = init_device_mesh(self.device.type, (self.count,))
        whole = {p for p in modules.parameters() if p.ndim == 0}  # a number cannot be cut
        for block in blocks(modules):
            fully_shard(block, mesh=mesh, ignored_params=whole)
        fully_shard(self.within, mesh=mesh, ignored_params=whole)

    def parameters(self, modules: nn.ModuleDict) -> list[nn.Parameter]:
        self.cut = {own_part(p): p for p in modules.parameters() if p.requires_grad}
        return list(self.cut)

    def collect_gradients(self) -> None:
        for own, parameter in self.cut.items():
            if parameter.grad is None:
                own.grad = None
            elif isinstance(parameter.grad, DTensor):
                own.grad = parameter.grad.to_local()
                parameter.grad = None
            else:
                parameter.grad = own.grad = self.mean(parameter.grad)

    def norm(self, parameters: list[nn.Parameter]) -> Tensor:
        cut = [p.grad for p in parameters if p.grad is not None and self.is_cut(p)]
        whole = [p.grad for p in parameters if p.grad is not None and not self.is_cut(p)]
        total = torch.nn.utils.get_total_norm
        return (self.sum(total(cut).square()) + total(whole).square()).sqrt()

    def whole(self, part: Tensor, parameter: nn.Parameter) -> Tensor:
        if not self.is_cut(parameter) or part.shape != parameter.shape:
            return self._kept(part)
        like = self.cut[parameter]
        assert isinstance(like, DTensor)
        joined = DTensor.from_local(
            part, like.device_mesh, like.placements, shape=like.shape, stride=like.stride()
        )
        return self._kept(joined.full_tensor())

    def _kept(self, whole: Tensor) -> Tensor:
        """One tensor at a time is whole in every process; the first keeps them, on its CPU."""
        return whole.cpu() if self.rank == 0 else whole.new_empty(0)

    def part(self, whole: Tensor, parameter: nn.Parameter) -> Tensor:
        like = self.cut[parameter]
        cut = self._cut_like(whole, like) if whole.shape == like.shape else whole
        return cut.to_local() if isinstance(cut, DTensor) else cut

    def _cut_like(self, whole: Tensor, like: Tensor) -> Tensor:
        if not isinstance(like, DTensor):
            return whole
        if self.rank:  # whose numbers do not count
            whole = torch.empty_like(whole, device=self.device)
        return distribute_tensor(whole.to(self.device), like.device_mesh, like.placements)

    def state_of(self, modules: nn.ModuleDict) -> dict[str, Tensor]:
        return cast(dict[str, Tensor], get_model_state_dict(modules, options=WHOLE))

    def load(self, modules: nn.ModuleDict, state: Mapping[str, Tensor]) -> None:
        present = modules.state_dict()
        modules.load_state_dict(
            {name: self._cut_like(w, present[name]) for name, w in state.items()}
        )

    def is_cut(self, parameter: nn.Parameter) -> bool:
        return isinstance(self.cut[parameter], DTensor)


def own_part(parameter: nn.Parameter) -> nn.Parameter:
    """The part of a weight that this process keeps, as a parameter on the same memory."""
    if not isinstance(parameter, DTensor):
        return parameter
    return nn.Parameter(parameter.to_local().detach())


def blocks(modules: nn.Module) -> list[nn.Module]:
    """What is brought together by itself, the inner first: the members of every list of modules.

    Single layers are left to what they are in, and so are lists, which are never called.
    """
    lists = [m for m in modules.modules() if isinstance(m, nn.ModuleList)]
    members = [member for found in lists for member in found]
    return [
        member
        for member in reversed(members)
        if any(True for _ in member.children())
        and not isinstance(member, nn.ModuleList | nn.ModuleDict)
    ]
