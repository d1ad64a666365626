"""A model between two: the weights of a training's beginning and of its end, averaged.

python bench/soup.py OLD NEW TARGET --share 0.75

What goes on from a model and learns more forgets some of it; between the two lies much of both
(Wortsman et al. 2022, "Robust fine-tuning of zero-shot models"). All but the weights of the U-Net
and the text tower is the new one's.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import torch

from limner.checkpoints import ModelFolder


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--share", type=float, default=0.75, help="of the new weights")
    given = parser.parse_args()
    shutil.copytree(given.new, given.target)
    old, new, made = (ModelFolder(path) for path in (given.old, given.new, given.target))
    for part in ("unet", "text_encoder"):
        module, before = new.load(part).float(), old.load(part).float().state_dict()
        for name, weight in module.state_dict().items():
            if weight.is_floating_point():
                weight.lerp_(before[name], 1 - given.share)
        made.save(module)


if __name__ == "__main__":
    main()
