"""Plain shapes in three colours, and a small judge that was trained on them."""

from __future__ import annotations

import torch

from limner.evaluate.judge import Judge
from limner.evaluate.judge_training import train_judge

COLOURS = {"red": (1.0, 0.1, 0.1), "green": (0.1, 0.9, 0.1), "blue": (0.1, 0.2, 1.0)}
STYLES = ("disc", "left", "right")
TINY = (8, 12, 16)


def shapes(size: int = 32) -> tuple[torch.Tensor, list[str], list[str]]:
    """A disc, a left half and a right half in each colour, as premultiplied bytes."""
    line = torch.linspace(-1, 1, size)
    y, x = torch.meshgrid(line, line, indexing="ij")
    inside = (x.square() + y.square() < 0.5).float()
    masks = {"disc": inside, "left": inside * (x < 0), "right": inside * (x > 0)}
    pictures, concepts, styles = [], [], []
    for colour, values in COLOURS.items():
        for style in STYLES:
            rgb = torch.tensor(values)[:, None, None] * masks[style]
            pictures.append(torch.cat([rgb, masks[style][None]]))
            concepts.append(colour)
            styles.append(style)
    return (torch.stack(pictures) * 255).round().byte(), concepts, styles


def trained(steps: int, seed: int = 3, bf16: bool = False) -> tuple[Judge, list[float]]:
    run = train_judge(
        *shapes(), steps=steps, seed=seed, batch=18, channels=TINY, bf16=bf16, report_every=5
    )
    losses = []
    while True:
        try:
            losses.append(next(run).loss)
        except StopIteration as stop:
            return stop.value, losses
