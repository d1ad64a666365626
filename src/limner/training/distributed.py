"""One training over one process or several: who computes what, and what they tell each other.

Every process holds the whole model and the gradients are averaged (DDP), or each holds a part of
every weight (FSDP2, `sharded.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from limner.errors import UsageError
from limner.training.alarm import Alarm

PATIENCE = timedelta(hours=6)
"""How long a process waits for another: the first may encode a data set meanwhile."""


class Within(nn.Module):
    """Runs any function inside one forward, which is all that DDP and FSDP see of an objective."""

    def __init__(self, modules: nn.ModuleDict) -> None:
        super().__init__()
        self.trained = modules

    def forward(self, function: Callable[[], Any]) -> Any:
        return function()


class Processes:
    """A single process, which is alone and has nothing to wait for.

    rank: this one's number, from 0. count: how many there are. device: what it computes on.
    sharded: no process holds a whole model.
    """

    rank = 0
    count = 1
    sharded = False

    def __init__(self, device: str | torch.device = "cpu") -> None:
        self.device = torch.device(device)

    def wrap(self, modules: nn.ModuleDict, *, half: bool) -> None:
        """Take the modules to be trained to this process's device, before anything is called.

        half: forward passes run in bf16 where that is safe; the weights stay fp32.
        """
        self.half = half
        self.within: nn.Module = Within(modules.to(self.device))

    def parameters(self, modules: nn.ModuleDict) -> list[nn.Parameter]:
        """What this process updates of the trained weights, in their order; the same memory."""
        return [p for p in modules.parameters() if p.requires_grad]

    def collect_gradients(self) -> None:
        """After the backward of a step: its gradients are those of `parameters`."""

    def norm(self, parameters: list[nn.Parameter]) -> Tensor:
        """The length of the whole gradient, (), over all processes."""
        return torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])

    def whole(self, part: Tensor, parameter: nn.Parameter) -> Tensor:
        """What all processes' parts make, of a tensor that belongs to one of `parameters`.

        Only the first process has it; in the others an empty tensor stands for it.
        """
        return part

    def part(self, whole: Tensor, parameter: nn.Parameter) -> Tensor:
        """This process's part of it; that of the first process counts."""
        return whole

    def state_of(self, modules: nn.ModuleDict) -> dict[str, Tensor]:
        """The whole weights by name, in the first process."""
        return modules.state_dict()

    def load(self, modules: nn.ModuleDict, state: Mapping[str, Tensor]) -> None:
        """Take up whole weights; those of the first process count."""
        modules.load_state_dict(state)

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """The function's result; gradients that flow back through it are shared."""
        # One autocast a call: it keeps bf16 copies of weights, without graph if made under no_grad.
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            # Nothing is handed over that DDP or FSDP would move to a device by themselves.
            return self.within(lambda: function(*arguments))

    def synchronised(self, last: bool) -> AbstractContextManager[None]:
        """Around a forward and its backward; gradients are shared at the `last` of a step."""
        return nullcontext()

    def mean(self, x: Tensor) -> Tensor:
        """Mean over the processes, without gradient."""
        return x

    def sum(self, x: Tensor) -> Tensor:
        """Sum over the processes, without gradient."""
        return x

    def gather(self, x: Tensor) -> Tensor:
        """All processes' (n, ...) as (count * n, ...), in the order of their ranks."""
        return x

    def any(self, flag: bool) -> bool:
        """Whether it is so on any process."""
        return flag

    @contextmanager
    def in_turn(self) -> Iterator[None]:
        """One process after another: what the first writes, the others find."""
        yield

    @contextmanager
    def together(self) -> Iterator[None]:
        """Around all that they do: they part at its end, and if one fails the others end too."""
        yield


class ManyProcesses(Processes):
    """One of several processes that accelerate has brought together."""

    def __init__(self, device: str) -> None:
        try:
            from accelerate import PartialState
        except ImportError:
            raise UsageError(
                "training over several processes needs accelerate: pip install limner[train]"
            ) from None
        state = PartialState(cpu=device == "cpu", timeout=PATIENCE)
        super().__init__(state.device)
        self.rank, self.count = state.process_index, state.num_processes

    def wrap(self, modules: nn.ModuleDict, *, half: bool) -> None:
        super().wrap(modules, half=half)
        self.within = nn.parallel.DistributedDataParallel(
            self.within,
            find_unused_parameters=True,  # a text tower trained along has a projection unused there
        )

    def synchronised(self, last: bool) -> AbstractContextManager[None]:
        if isinstance(self.within, nn.parallel.DistributedDataParallel) and not last:
            return self.within.no_sync()
        return nullcontext()

    def mean(self, x: Tensor) -> Tensor:
        return self.sum(x) / self.count

    def sum(self, x: Tensor) -> Tensor:
        total = x.detach().clone()
        dist.all_reduce(total)
        return total

    def gather(self, x: Tensor) -> Tensor:
        parts = [torch.empty_like(x) for _ in range(self.count)]
        dist.all_gather(parts, x.detach().contiguous())
        return torch.cat(parts)

    def any(self, flag: bool) -> bool:
        return bool(self.sum(torch.tensor(float(flag), device=self.device)) > 0)

    @contextmanager
    def in_turn(self) -> Iterator[None]:
        for rank in range(self.count):
            if rank == self.rank:
                yield
            dist.barrier()

    @contextmanager
    def together(self) -> Iterator[None]:
        with Alarm(self.rank) as alarm:
            try:
                yield
            except BaseException as error:
                alarm.note(error)
                raise
            finally:
                dist.destroy_process_group()
