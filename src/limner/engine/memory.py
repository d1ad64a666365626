"""How much memory is free, and about how much a painting takes before it has begun."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch

from limner.models.dit import DiTConfig
from limner.models.unet import UNetConfig

RESERVE = 0.8  # the part of the free memory that may be asked for
CONVOLVED = 6.0  # maps of a level's in- and output that a residual block holds at once
ATTENDED = 20.0  # maps of a level's width that a transformer block holds: its MLP is 8 times wide
CGROUPS = Path("/sys/fs/cgroup")
UNLIMITED = 2**60  # cgroup v1 says a number of this size where there is no limit


def denoising_bytes(config: UNetConfig | DiTConfig, size: tuple[int, int], itemsize: int) -> float:
    """About how much a denoiser takes beside its weights for one row of a latent of (h, w).

    What is handed across, and the widest block's own maps; 6.8 kB a place of the shipped model as
    measured (fp32), 6.5 kB as said here.
    """
    height, width = size
    if isinstance(config, DiTConfig):
        return ATTENDED * config.width * (height * width / config.patch**2) * itemsize
    handed, widest, below = 0.0, 0.0, 0
    for level in reversed(range(len(config.channels))):
        channels, places = config.channels[level], height * width / 4**level
        handed += (config.layers_per_block + 1.25) * channels * places
        maps = CONVOLVED * (channels + below)
        if config.attention_depth[level]:
            maps = max(maps, ATTENDED * channels)
        widest, below = max(widest, maps * places), channels
    return (handed + widest) * itemsize


def recording_bytes(
    config: UNetConfig | DiTConfig, size: tuple[int, int], length: int, *, heads: bool
) -> float:
    """How much is kept of one evaluation's row: how each place looks at `length` tokens, fp32.

    heads: of each head, else their mean.
    """
    height, width = size
    if isinstance(config, DiTConfig):
        layers = [(config.depth, config.heads, height * width / config.patch**2)]
    else:
        blocks = 2 * config.layers_per_block + 1
        layers = [
            (blocks * depth, count, height * width / 4**level)
            for level, (depth, count) in enumerate(
                zip(config.attention_depth, config.level_heads, strict=True)
            )
        ]
    return 4.0 * length * sum(n * places * (each if heads else 1) for n, each, places in layers)


def free_memory(device: torch.device) -> int | None:
    """Bytes that may still be taken on a device; None where the system does not say."""
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + unused
    if device.type != "cpu":
        return None
    found = [free for free in (_linux_memory(), container_memory()) if free is not None]
    return min(found, default=None)


def container_memory(root: Path = CGROUPS, process: Path = Path("/proc/self/cgroup")) -> int | None:
    """What limits on the memory of a container, or of a group of processes, leave (cgroup v1, v2).

    A group is bounded by those above it too. None where there is no limit.
    """
    free = [
        max(0, most - used)
        for folder in _groups(root, process)
        for limit, usage in (
            ("memory.max", "memory.current"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes"),
        )
        if (most := _number(folder / limit)) is not None
        and most < UNLIMITED
        and (used := _number(folder / usage)) is not None
    ]
    return min(free, default=None)


def _groups(root: Path, process: Path) -> Iterator[Path]:
    """The folders of the groups that this process is in, the root's included."""
    seen = {root, root / "memory"}
    for line in _lines(process):
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        base = root / "memory" if "memory" in controllers.split(",") else root
        own = base / path.strip("/")
        seen |= {own, *(folder for folder in own.parents if base in folder.parents)}
    yield from sorted(seen)


def _linux_memory() -> int | None:
    for line in _lines(Path("/proc/meminfo")):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) << 10
    return None


def _number(path: Path) -> int | None:
    lines = _lines(path)
    return int(lines[0]) if lines and lines[0].isdigit() else None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
