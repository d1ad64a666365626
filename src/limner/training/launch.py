"""Which processes a training runs over.

`limner train` under `accelerate launch` or `torchrun` finds its place in the environment that they
set.
"""

from __future__ import annotations

import os

from limner.training.distributed import ManyProcesses, Processes


def first_process() -> bool:
    """Whether this is the process that speaks, writes and saves for all."""
    return os.environ.get("RANK", "0") == "0"


def own_device(device: str) -> str:
    """The device of this process where one of a kind is asked for: each has its own GPU."""
    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if device == "cuda" else device


def find_processes(device: str, *, shard: bool = False) -> Processes:
    """The processes that a launcher started, or this one alone on `device`.

    shard: each holds a part of every weight; `accelerate launch --use_fsdp` asks for it too.
    Raises UsageError where there are several and accelerate is not installed.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Processes(device)
    if shard or os.environ.get("ACCELERATE_USE_FSDP", "").lower() == "true":
        from limner.training.sharded import ShardedProcesses  # takes a second to import

        return ShardedProcesses(device)
    return ManyProcesses(device)
