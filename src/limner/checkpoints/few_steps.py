"""Models and LoRAs that paint in a few steps without guidance, told by their names.

No tensor tells that one was distilled; those who publish them name them so. What each is sampled
with is what its publishers say: LCM (Luo et al. 2023), Turbo (Sauer et al. 2023), Lightning (Lin et
al. 2024), Hyper-SD (Ren et al. 2024), DMD2 (Yin et al. 2024).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from limner.checkpoints.settings import Sampling


@dataclass(frozen=True, kw_only=True)
class FewSteps:
    """How a distilled model is painted with. guided: that it kept its guidance."""

    name: str
    solver: str
    schedule: str = "trailing"
    steps: int = 4
    guided: bool = False

    def of(self, sampling: Sampling) -> Sampling:
        """A model's sampling in few steps."""
        return replace(
            sampling,
            solver=self.solver,
            schedule=self.schedule,
            steps=self.steps,
            guidance=sampling.guidance if self.guided else 1.0,
        )

    def told(self, sampling: Sampling) -> str:
        """What a person should know of that, as it then is."""
        return (
            f"by its name it is of {self.name}: where nothing else is asked for, {sampling.steps} "
            f"steps of {sampling.solver}, {sampling.schedule} levels, guidance "
            f"{sampling.guidance:g}"
        )


KINDS = {
    "lcm": FewSteps(name="LCM", solver="lcm", schedule="lcm"),
    "turbo": FewSteps(name="Turbo", solver="euler_ancestral"),
    "lightning": FewSteps(name="Lightning", solver="euler"),
    "hypersd": FewSteps(name="Hyper-SD", solver="ddim"),
    "dmd": FewSteps(name="DMD2", solver="lcm"),
}
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")  # of DreamShaperXL_Turbo: Dream Shaper XL Turbo
STEPS = re.compile(r"(\d+)[-_ ]?steps?", re.IGNORECASE)


def few_steps_of(name: str) -> FewSteps | None:
    """What a model or LoRA of that name paints in few steps as; None: it does not say so."""
    words = [word.lower() for word in WORD.findall(name)]
    pairs = [one + other[:2] for one, other in pairwise(words)]
    kind = next((KINDS[word] for word in (*words, *pairs) if word in KINDS), None)
    if kind is None:
        return None
    said = STEPS.search(name)
    return replace(
        kind,
        steps=kind.steps if said is None else max(1, min(int(said[1]), 50)),
        guided="cfg" in words,
    )


def published_name(path: Path) -> str:
    """What a model's file or folder is called; in the Hub's cache folders are called by commits."""
    for folder in path.parents[:2]:
        if folder.name == "snapshots":
            return f"{folder.parent.name} {path.stem if path.suffix else ''}".strip()
    return path.stem if path.is_file() else path.name
