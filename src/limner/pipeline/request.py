"""Everything that can be asked of a picture, as one frozen value."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from PIL import Image
from torch import Tensor

from limner.diffusion.names import schedule_name, solver_and_schedule
from limner.diffusion.noise import NoiseMode, noise_mode
from limner.errors import RequestError
from limner.text.dialect import Dialect
from limner.text.weighting import Map, Weighting

MAX_COUNT = 1024
MAX_STEPS = 10_000
MAX_SEED = 2**63 - 1 - MAX_COUNT
MAX_PIXELS = 2**26  # 8192 x 8192
MAX_FEATHER = 256  # pixels
BESIDE, STACKED = LAYOUTS = "beside", "stacked"
FACTORS = (2, 4)  # by which pictures are enlarged
MAX_CLIP_SKIP = 32  # layers of the deepest text encoder, OpenCLIP bigG


@dataclass(frozen=True, kw_only=True, eq=False)
class Request:
    """What to paint. A field of None takes the model's own default.

    prompt, negative: what to paint, and what to lead away from.
    seed: of the first picture; picture i has seed + i. None: a new one, told in the result.
    count: how many pictures.
    dialect: whose prompts these are, a name of `Dialect`. weighting: what a weight in them does, a
        name of `Weighting`. lenient: read them as that system does even where it goes wrong.
    layout: the texts that AND or .and() joins are painted in equal parts of the picture, "beside"
        each other from left to right or "stacked" from the top; None: over all of it.
    size: (width, height) in pixels.
    steps: noise levels that the solver visits.
    guidance: the scale of classifier-free guidance; 1: none.
    guidance_rescale: how far to bring the guided spread back to that without guidance, 0 to 1.
    solver, schedule: as Limner, A1111, ComfyUI or diffusers name them (`limner.diffusion.names`);
        kept as Limner's names. A solver such as "DPM++ 2M Karras" names the schedule too.
    eta: how much fresh noise a solver that takes it adds, 0 to 1; None: the solver's own.
    clip_skip: which layer of the text encoder the words are taken from, 1 the last, 2 the one
        before it.
    noise: a name of `NoiseMode`, which random numbers a seed stands for.
    variation_seed, variation_strength: the start is turned from the seed's noise towards that of
        this other seed (picture i: variation_seed + i), by 0, not at all, to 1, all the way.
    loras: (name, weight) of those that the model must have on it; None: whatever it has.
    embeddings: the learned words that the prompts name, likewise.
    picture: what to paint over. strength: how much of it is new, from 0 to 1: so much of the steps
        is taken, int(steps * strength) of the last; None: 0.8, or 1 where there is a mask.
    mask: what of the picture is repainted, see `limner.pipeline.masks.mask_of`.
    extend: room round the picture that is painted, (left, top, right, bottom) in pixels.
    feather: over how many pixels inside the mask the new fades into the old.
    context: sides of what the model is shown to those of what is repainted, where it cannot take
        the whole picture; None: 2.
    content: what is painted shall look as this picture does. content_weight: how closely, from 0,
        not at all; None: 1.
    style: how it is drawn: one of the model's style words, or a picture that is drawn so.
        style_weight: how far it leads beside the prompt, from 0; None: 1, as far as the prompt.
    upscale: enlarge what was painted by 2 or 4 with the trained upscaler; None: leave its size.
    refine: then paint over it at the new size, so much of it new as `strength` of an edit says.
    start_noise: (count, C, h, w) of unit variance, in place of the seeds' noise.
    maps: texts -> functions of one vector, for their tokens' encodings wherever they stand in the
        prompts (psi of the lecture's Definition 7), in place of the weighting.
    attention: keep what the denoiser looks at, for heat maps: "mean" of the heads, or all "heads".
    """

    prompt: str
    negative: str = ""
    seed: int | None = None
    count: int = 1
    dialect: str | None = None
    weighting: str | None = None
    lenient: bool = False
    layout: str | None = None
    size: tuple[int, int] | None = None
    steps: int | None = None
    guidance: float | None = None
    guidance_rescale: float = 0.0
    solver: str | None = None
    schedule: str | None = None
    eta: float | None = None
    clip_skip: int | None = None
    noise: str = NoiseMode.CPU.value
    variation_seed: int | None = None
    variation_strength: float = 0.0
    loras: tuple[tuple[str, float], ...] | None = None
    embeddings: tuple[str, ...] | None = None
    strength: float | None = None
    mask: Image.Image | str | None = None
    extend: tuple[int, int, int, int] | None = None
    feather: int = 0
    context: float | None = None
    content_weight: float | None = None
    style: Image.Image | str | None = None
    style_weight: float | None = None
    upscale: int | None = None
    refine: float | None = None
    picture: Image.Image | None = None
    content: Image.Image | None = None
    start_noise: Tensor | None = None
    maps: Mapping[str, Map] | None = None
    attention: str | None = None

    def __post_init__(self) -> None:
        _text("prompt", self.prompt)
        _text("negative", self.negative)
        if isinstance(self.style, str):
            _text("style", self.style)
        _range("count", self.count, 1, MAX_COUNT)
        _range("steps", self.steps, 1, MAX_STEPS)
        _range("clip_skip", self.clip_skip, 1, MAX_CLIP_SKIP)
        _range("seed", self.seed, 0, MAX_SEED)
        _range("variation_seed", self.variation_seed, 0, MAX_SEED)
        if self.guidance is not None and not math.isfinite(self.guidance):
            raise RequestError(f"guidance is {self.guidance}: a finite number is right, such as 3")
        if self.size is not None and min(self.size) < 1:
            raise RequestError(
                f"size is {self.size}: two positive numbers are right, width x height"
            )
        if self.size is not None and math.prod(self.size) > MAX_PIXELS:
            raise RequestError(
                f"size is {self.size}: width x height of at most {MAX_PIXELS} is right"
            )
        _part("guidance_rescale", self.guidance_rescale)
        _part("eta", self.eta)
        _part("variation_strength", self.variation_strength)
        self._check_edit()
        _not_negative("content_weight", self.content_weight)
        _not_negative("style_weight", self.style_weight)
        self._check_upscale()
        if self.variation_seed is not None and self.variation_strength == 0:
            raise RequestError(
                f"variation_seed is {self.variation_seed} but variation_strength is 0: "
                "a strength above 0 is right, or no variation_seed"
            )
        _one_of("dialect", self.dialect, tuple(Dialect))
        _one_of("weighting", self.weighting, tuple(each.value for each in Weighting))
        _one_of("layout", self.layout, LAYOUTS)
        _one_of("attention", self.attention, ("mean", "heads"))
        noise_mode(self.noise)
        self._take_names()

    def _check_edit(self) -> None:
        """Ranges of the fields about a picture; whether they fit it is seen when it is painted."""
        _part("strength", self.strength)
        _range("feather", self.feather, 0, MAX_FEATHER)
        if self.context is not None and not 1 <= self.context < math.inf:
            raise RequestError(f"context is {self.context}: a number of at least 1 is right")
        if self.extend is not None and not (min(self.extend) >= 0 < max(self.extend)):
            raise RequestError(
                f"extend is {self.extend}: pixels at the left, top, right and bottom are right, "
                "none of them negative and not all of them 0"
            )

    def _check_upscale(self) -> None:
        _part("refine", self.refine)
        if self.upscale is not None and self.upscale not in FACTORS:
            raise RequestError(
                f"upscale is {self.upscale}: {' or '.join(map(str, FACTORS))} is right"
            )
        if self.refine is not None and self.upscale is None:
            raise RequestError(
                f"refine is {self.refine} but nothing is enlarged: upscale goes with it, "
                f"{' or '.join(map(str, FACTORS))}"
            )

    def _take_names(self) -> None:
        """Put Limner's own names in the place of others; RequestError for unknown ones."""
        schedule = None if self.schedule is None else schedule_name(self.schedule)
        if self.solver is not None:
            solver, said = solver_and_schedule(self.solver)
            if said is not None and schedule not in (None, said):
                raise RequestError(
                    f"solver {self.solver!r} says schedule {said!r}, but schedule is {schedule!r}: "
                    "one of the two is right"
                )
            object.__setattr__(self, "solver", solver)
            schedule = said or schedule
        object.__setattr__(self, "schedule", schedule)

    def with_defaults(self, **defaults: Any) -> Request:
        """The same with every field that is None taken from `defaults`."""
        return replace(self, **{k: v for k, v in defaults.items() if getattr(self, k) is None})

    def alone(self, index: int) -> Request:
        """The request that paints picture `index` of these alone.

        Noise mode `batch` has no such request: a picture of it is painted with its whole batch, and
        what comes back is the request of all.
        """
        if self.noise == NoiseMode.BATCH:
            return replace(self, start_noise=None)
        seeds = {"seed": self.seed, "variation_seed": self.variation_seed}
        own: dict[str, Any] = {
            name: seed + index for name, seed in seeds.items() if seed is not None
        }
        return replace(self, **own, count=1, start_noise=None)

    def to_json(self) -> str:
        """All but what no text can hold (`UNSTORED`), for a picture's metadata."""
        named = {name: getattr(self, name) for name in STORED}
        for name in ("mask", "style"):
            if not isinstance(named[name], str):
                named[name] = None
        return json.dumps(named, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Request:
        """What `to_json` wrote. Raises RequestError if it is something else, whatever it is."""
        try:
            named = json.loads(text)
            for name, value in named.items():
                if name not in STORED or not _is_a(value, get_type_hints(cls)[name]):
                    raise TypeError(f"{name[:40]!r} is unknown, or no {type(value).__name__}")
            for name in ("size", "extend"):
                if named.get(name) is not None:
                    named[name] = tuple(named[name])
            if named.get("loras") is not None:
                named["loras"] = tuple((str(n), float(weight)) for n, weight in named["loras"])
            if named.get("embeddings") is not None:
                named["embeddings"] = tuple(map(str, named["embeddings"]))
            return cls(**named)
        except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise RequestError(
                f"this is no request that Limner wrote: {str(error)[:200]}"
            ) from None


def size_named(text: str) -> tuple[int, int]:
    """(width, height) of "128x96", or of "128" for a square. Raises RequestError for others."""
    match = re.fullmatch(r"(\d+)(?:[xX](\d+))?", text.strip())
    if match is None:
        raise RequestError(f"size {text!r}: write WIDTHxHEIGHT in pixels, as 128x96, or one number")
    width, height = match[1], match[2]
    return int(width), int(width if height is None else height)


UNSTORED = ("picture", "content", "start_noise", "maps", "attention")
STORED = tuple(field.name for field in fields(Request) if field.name not in UNSTORED)


def _is_a(value: Any, hint: Any) -> bool:
    """Whether a value that JSON gave can stand in a field with this type."""
    if get_origin(hint) is UnionType:
        return any(_is_a(value, kind) for kind in get_args(hint))
    if get_origin(hint) is tuple:
        kinds = get_args(hint)
        if not isinstance(value, list):
            return False
        if kinds[-1] is ...:
            kinds = kinds[:1] * len(value)
        return len(value) == len(kinds) and all(map(_is_a, value, kinds))
    return type(value) is hint or (hint is float and type(value) is int)


def _text(name: str, value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise RequestError(f"{name} is no Unicode text at character {error.start + 1}") from None


def _one_of(name: str, value: str | None, known: Sequence[str]) -> None:
    if value is not None and value not in known:
        raise RequestError(f"{name} {value!r} is unknown: one of {', '.join(known)} is right")


def _part(name: str, value: float | None) -> None:
    if value is not None and not 0 <= value <= 1:
        raise RequestError(f"{name} is {value}: a number from 0 to 1 is right")


def _not_negative(name: str, value: float | None) -> None:
    if value is not None and not 0 <= value < math.inf:
        raise RequestError(f"{name} is {value}: a number of 0 or more is right")


def _range(name: str, value: int | None, least: int, most: int) -> None:
    if value is not None and not least <= value <= most:
        raise RequestError(f"{name} is {value}: a whole number from {least} to {most} is right")
