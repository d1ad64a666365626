"""A plan: all that is decided about a painting before any network is asked."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from PIL import Image
from torch import Tensor

from limner.diffusion.guidance import Guidance
from limner.diffusion.noise import Noise, Variation, seeds_from
from limner.diffusion.path import Path
from limner.diffusion.process import Level
from limner.diffusion.solvers import SOLVERS, Against, Solver
from limner.engine.adapted import Adapted
from limner.engine.asks import Ask, Denoise, Step
from limner.pipeline.model import Model
from limner.pipeline.request import Request
from limner.pipeline.result import Result
from limner.pipeline.scene import Scene, Told
from limner.prompt import Tree
from limner.types import Latent

T = TypeVar("T")
STRONG = 50.0  # a guidance or a weight above it is no usual one


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """What a completed request comes to on a model.

    prompt, negative, regions: its texts, read. path: the noise levels of all steps, and what the
    ends are multiplied by; levels: those that are taken. adapted: the LoRAs and learned words.
    features: what of the request is more than words to a picture. notes: what the person should
    know. before, total: evaluations of the denoiser that come before, and that there are, where
    this is a part of a longer painting; total is None where the solver chooses its steps. again:
    plans another request for the same model.
    """

    request: Request
    model: Model
    prompt: Tree
    negative: Tree
    regions: tuple[Tree, ...]
    path: Path
    levels: tuple[Level, ...]
    solver: Solver
    guidance: Guidance
    adapted: Adapted
    features: tuple[Feature, ...]
    again: Callable[[Request], Plan]
    total: int | None = 0
    before: int = 0
    notes: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        return self.request.count

    @property
    def trees(self) -> tuple[Tree, ...]:
        """All of its texts."""
        return self.prompt, self.negative, *self.regions

    @property
    def suspects(self) -> tuple[str, ...]:
        """What of it may make numbers that are not finite, in words; the model's own are not."""
        loras = [
            f"LoRA {each.name!r} at {each.picture:g}"
            for each in self.adapted.loras
            if each.picture or each.text
        ]
        words = [f"the learned word {word!r}" for word in given(self.request.embeddings)]
        scales = (
            f"{name.replace('_', ' ')} {scale:g}"
            for name in ("guidance", "style_weight", "content_weight")
            if abs(scale := getattr(self.request, name) or 0.0) > STRONG
        )
        return (*loras, *words, *scales)

    @property
    def seeds(self) -> tuple[int, ...]:
        """Of the pictures."""
        return seeds_from(given(self.request.seed), self.count)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, h, w) of one picture's latent."""
        width, height = given(self.request.size)
        space = self.model.space
        return space.channels, height // space.stride, width // space.stride

    @property
    def against(self) -> Against | None:
        """What the solver is sent beside the denoised picture."""
        return SOLVERS[given(self.request.solver)].against

    @property
    def calls(self) -> int | None:
        """How often the denoiser is asked, whatever for, on the way through the levels.

        None where the solver chooses its steps.
        """
        return self.calls_of(self.levels)

    def calls_of(self, levels: tuple[Level, ...]) -> int | None:
        """The same for other levels of this solver."""
        return SOLVERS[given(self.request.solver)].calls(levels)

    def noise(self) -> Noise:
        """The Gaussian noise of the pictures, from its beginning."""
        request, variation = self.request, None
        if request.variation_seed is not None:
            seeds = seeds_from(request.variation_seed, self.count)
            variation = Variation(seeds=seeds, strength=request.variation_strength)
        return Noise(self.seeds, self.shape, mode=request.noise, variation=variation)

    def saying(self, prompt: str, tree: Tree) -> Plan:
        """The same with another prompt."""
        return replace(self, request=replace(self.request, prompt=prompt), prompt=tree)


@dataclass(frozen=True, kw_only=True, eq=False)
class Moment:
    """One evaluation of the denoiser. step: of the schedule's, from 1."""

    step: int
    scene: Scene
    level: Level
    count: int


class Feature:
    """What a wish of a request adds to a painting, stage by stage; of itself nothing.

    notes: what a person should know of it.
    """

    notes: tuple[str, ...] = ()

    def begin(self, plan: Plan) -> Generator[Ask, Any, tuple[Plan, Feature]]:
        """Look at what it needs. Gives the plan as it is then, and what lives for one painting."""
        return plan, self
        yield

    def calls(self, plan: Plan) -> int | None:
        """How often it has the denoiser asked beside the plan's own way; None: nobody knows."""
        return 0

    def told(self, told: Told) -> Told:
        """What holds over the steps, with what this adds."""
        return told

    def start(self, x: Latent, noise: Latent, levels: Sequence[Level]) -> Latent:
        """Where the solver begins, in place of x."""
        return x

    def shown(self, x: Latent, level: Level) -> Latent:
        """What the denoiser is shown in place of x."""
        return x

    def asking(self, ask: Denoise, moment: Moment) -> Denoise:
        """The ask with what this adds to it."""
        return ask

    def answered(self, rows: Tensor) -> Tensor:
        """The rows of an answer without those that `asking` added."""
        return rows

    def kept(self, latent: Latent) -> Latent:
        """A denoised or finished latent with what this keeps of another picture."""
        return latent

    def picture(self, painted: Image.Image) -> Image.Image:
        """A painted picture as the person is given it."""
        return painted

    def painting(self, plan: Plan) -> Generator[Ask | Step, Any, Result] | None:
        """What paints in place of the plan's own way; None: nothing does."""
        return None

    def finish(self, result: Result) -> Generator[Ask | Step, Any, Result]:
        """What becomes of a result."""
        return result
        yield


def taken(visited: tuple[Level, ...], strength: float | None) -> tuple[Level, ...]:
    """The levels of the last int(steps * strength) steps, as diffusers counts them; None: all."""
    if strength is None:
        return visited
    steps = len(visited) - 1
    return visited[steps - int(steps * strength) :]


def given(value: T | None) -> T:
    """A field of a completed request, which is never None."""
    assert value is not None
    return value


def repeated(rows: Tensor, times: int) -> Tensor:
    """Rows one run after another, as guidance has them."""
    return rows if times == 1 else rows.repeat(times, *[1] * (rows.ndim - 1))
