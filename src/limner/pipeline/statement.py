"""Everything that can be asked of a picture: each field is stated here, and nowhere else.

Command line, JSON, schema, axes of sheets, metadata and infotext are made from this. It is light to
import: torch, Pillow and numpy are met with the first value that needs them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from limner.diffusion.names import (
    SCHEDULE_NAMES,
    SOLVER_NAMES,
    NoiseMode,
    schedule_name,
    solver_and_schedule,
)
from limner.language.english import COLOURS, DRAWN
from limner.pipeline.compound_kinds import Sides, Size, Texts, Weighted
from limner.pipeline.fields import Field, Group, about, fields_of
from limner.pipeline.kinds import (
    PICTURE,
    Among,
    Choice,
    Instance,
    Named,
    Number,
    Pictured,
    Text,
    Truth,
    Whole,
)
from limner.pipeline.regions import Region, Regions
from limner.pipeline.sizes import MAX_PIXELS
from limner.text.dialect import LONGEST_PROMPT, Dialect, Weighting

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from limner.text.weighting import Map

MAX_COUNT = 1024
MAX_STEPS = 10_000
MAX_SEED = 2**64 - 1  # what PyTorch's generators take

MAX_FEATHER = 256  # pixels
BESIDE, STACKED, COLLAGE = LAYOUTS = "beside", "stacked", "collage"
FACTORS = (2, 4)  # by which pictures are enlarged
MAX_CLIP_SKIP = 32  # layers of the deepest text encoder, OpenCLIP bigG
SEED = Whole(most=MAX_SEED)
SHARE = Number(least=0.0, most=1.0, metavar="0..1")
WEIGHT = Number(least=0.0)


def _solver(name: str) -> str:
    """The name as it is, which may say a schedule too; RequestError for an unknown one."""
    solver_and_schedule(name)
    return name


@dataclass(frozen=True, kw_only=True, eq=False)
class Statement:
    """The fields of a `Request`, with what is said of them; None is the model's own default."""

    prompt: str = field(metadata=about(Text(most=LONGEST_PROMPT), "What to paint.", Group.PROMPT))
    negative: str = field(
        default="",
        metadata=about(
            Text(most=LONGEST_PROMPT),
            "What to lead away from.",
            Group.PROMPT,
            aliases=("negative-prompt",),
        ),
    )
    dialect: str | None = field(
        default=None,
        metadata=about(
            Choice(names=tuple(each.value for each in Dialect)),
            "Whose way of writing prompts it is.",
            Group.PROMPT,
            infotext="Dialect",
        ),
    )
    weighting: str | None = field(
        default=None,
        metadata=about(
            Choice(names=tuple(each.value for each in Weighting)),
            "What a weight in a prompt does.",
            Group.PROMPT,
            unset="as the dialect's own system has it",
            infotext="Weighting",
        ),
    )
    lenient: bool = field(
        default=False,
        metadata=about(
            Truth(),
            "Read prompts as the dialect's own system does even where it goes wrong.",
            Group.PROMPT,
        ),
    )
    layout: str | None = field(
        default=None,
        metadata=about(
            Choice(names=LAYOUTS),
            "Paint the texts that AND or .and() joins in equal parts of the picture: from left to "
            "right or from the top. Or collage: paint each region by itself, and lay it in its "
            "place.",
            Group.PROMPT,
            more="In a collage the prompt is the picture's name and is not painted.",
            unset="all of them over all of it",
            infotext="Layout",
        ),
    )
    regions: tuple[Region, ...] | None = field(
        default=None,
        metadata=about(
            Regions(),
            "A text for a part of the picture, over the prompt, which is its ground: "
            "box:x,y,w,h=TEXT in pixels, or in parts of the picture where none is above 1, or "
            "mask:FILE=TEXT, white there.",
            Group.PROMPT,
            more="Of several the later ones are in front. In a collage box:x,y,w,h:blue turns its "
            "colour.",
            unset="the prompt everywhere",
            option="region",
            infotext="Regions",
        ),
    )
    ground: str | None = field(
        default=None,
        metadata=about(
            Choice(names=(*DRAWN, *COLOURS)),
            "What is drawn behind what is painted, where that is transparent: a place or a colour.",
            Group.PICTURE,
            more="It is drawn by rules and not painted by the model.",
            unset="nothing",
            aliases=("background",),
            infotext="Ground",
        ),
    )
    seed: int | None = field(
        default=None,
        metadata=about(
            SEED,
            "The number that the picture comes from; the next ones have seed + 1, ...",
            Group.PICTURE,
            unset="drawn, and told in the result",
            infotext="Seed",
        ),
    )
    count: int = field(
        default=1,
        metadata=about(
            Whole(least=1, most=MAX_COUNT),
            "How many pictures.",
            Group.PICTURE,
            aliases=("batch", "batch-size", "num-images"),
            flags=("-n",),
            infotext="Noise batch",
        ),
    )
    size: tuple[int, int] | None = field(
        default=None,
        metadata=about(
            Size(most=MAX_PIXELS),
            "Width and height in pixels.",
            Group.PICTURE,
            more="A model of small pictures, as the shipped one, enlarges its own to it.",
            infotext="Size",
        ),
    )
    noise: str = field(
        default=NoiseMode.CPU.value,
        metadata=about(
            Choice(names=tuple(each.value for each in NoiseMode)),
            "Which random numbers a seed stands for.",
            Group.PICTURE,
            more="nv: those of a CUDA device, computed anywhere; batch: one draw for all pictures.",
            infotext="RNG",
        ),
    )
    variation_seed: int | None = field(
        default=None,
        metadata=about(
            SEED,
            "Turn the start towards the noise of this other seed (for the next pictures + 1, ...).",
            Group.PICTURE,
            unset="drawn",
            aliases=("subseed",),
            infotext="Variation seed",
        ),
    )
    variation_strength: float = field(
        default=0.0,
        metadata=about(
            SHARE,
            "How far: 0 not at all, 1 all the way.",
            Group.PICTURE,
            aliases=("subseed-strength",),
            infotext="Variation seed strength",
        ),
    )
    steps: int | None = field(
        default=None,
        metadata=about(
            Whole(least=1, most=MAX_STEPS),
            "How many noise levels the solver visits: more are slower and finer.",
            Group.SAMPLING,
            aliases=("num-inference-steps", "sampling-steps"),
            infotext="Steps",
        ),
    )
    guidance: float | None = field(
        default=None,
        metadata=about(
            Number(),
            "How strictly to follow the words; 1: no guidance.",
            Group.SAMPLING,
            more="The scale of classifier-free guidance.",
            aliases=("cfg", "cfg-scale", "guidance-scale"),
            infotext="CFG scale",
        ),
    )
    guidance_rescale: float = field(
        default=0.0,
        metadata=about(
            SHARE,
            "How far to bring the spread that guidance makes back to that without it.",
            Group.SAMPLING,
            aliases=("cfg-rescale",),
        ),
    )
    solver: str | None = field(
        default=None,
        metadata=about(
            Named(names=tuple(SOLVER_NAMES), find=_solver, right="a solver's name"),
            "How the noise is taken away.",
            Group.SAMPLING,
            more="Names of A1111, ComfyUI and diffusers are taken too, such as DPM++ 2M Karras, "
            "which says the schedule as well.",
            aliases=("sampler", "sampler-name", "sampling-method"),
            infotext="Sampler",
        ),
    )
    schedule: str | None = field(
        default=None,
        metadata=about(
            Named(names=tuple(SCHEDULE_NAMES), find=schedule_name, right="a schedule's name"),
            "How the noise levels are spaced.",
            Group.SAMPLING,
            aliases=("scheduler", "schedule-type"),
            infotext="Schedule type",
        ),
    )
    rho: float | None = field(
        default=None,
        metadata=about(
            Number(least=0.01),
            "How a karras or polyexponential schedule bends; above, it has more levels at little "
            "noise.",
            Group.SAMPLING,
            unset="7 for karras, 1 for polyexponential",
            infotext="Schedule rho",
        ),
    )
    discard_penultimate: bool = field(
        default=False,
        metadata=about(
            Truth(),
            "Lay the noise levels out for a step more and leave the last one above the end out.",
            Group.SAMPLING,
            more="Other programs do so for some samplers, such as DPM2.",
            infotext="Discard penultimate sigma",
        ),
    )
    eta: float | None = field(
        default=None,
        metadata=about(
            SHARE,
            "How much fresh noise a solver that takes it adds at its steps.",
            Group.SAMPLING,
            unset="the solver's own",
            infotext="Eta",
        ),
    )
    churn: float | None = field(
        default=None,
        metadata=about(
            Number(least=0.0),
            "How much noise Euler, Heun and DPM2 put in on their way, over all steps together.",
            Group.SAMPLING,
            more="S_churn of Karras et al. 2022.",
            unset="none",
            infotext="Sigma churn",
        ),
    )
    clip_skip: int | None = field(
        default=None,
        metadata=about(
            Whole(least=1, most=MAX_CLIP_SKIP),
            "Which layer of the text encoder the words are taken from: 1 the last, 2 before it.",
            Group.SAMPLING,
            infotext="Clip skip",
        ),
    )
    strength: float | None = field(
        default=None,
        metadata=about(
            SHARE,
            "How much is new: 0 nothing, 1 all.",
            Group.EDITING,
            more="So much of the steps is taken, the last int(steps x strength).",
            unset="0.8, with a mask 1",
            aliases=("denoise", "denoising-strength"),
            infotext="Denoising strength",
        ),
    )
    mask: Image.Image | str | None = field(
        default=None,
        metadata=about(
            Pictured(metavar="MASK"),
            "What is repainted: a picture, white there; box:x,y,w,h in pixels; or alpha, all that "
            "is not fully opaque.",
            Group.EDITING,
            unset="everything",
        ),
    )
    extend: tuple[int, int, int, int] | None = field(
        default=None,
        metadata=about(
            Sides(),
            "Room round the picture that is painted, in pixels: left, top, right, bottom.",
            Group.EDITING,
            unset="none",
        ),
    )
    feather: int = field(
        default=0,
        metadata=about(
            Whole(most=MAX_FEATHER),
            "Over how many pixels inside the mask the new fades into the old.",
            Group.EDITING,
        ),
    )
    context: float | None = field(
        default=None,
        metadata=about(
            Number(least=1.0),
            "How much the model is shown where it cannot take the whole picture, in widths and "
            "heights of what is repainted.",
            Group.EDITING,
            unset="2",
        ),
    )
    style: Image.Image | str | None = field(
        default=None,
        metadata=about(
            Pictured(metavar="STYLE"),
            "How it is drawn: a style word of the model (limner words lists them), or a picture "
            "that is drawn so.",
            Group.RESTYLING,
            unset="as the prompt says",
        ),
    )
    style_weight: float | None = field(
        default=None,
        metadata=about(
            WEIGHT,
            "How far the style leads beside the prompt; 1: as far as the prompt.",
            Group.RESTYLING,
            unset="1",
        ),
    )
    content_weight: float | None = field(
        default=None,
        metadata=about(
            WEIGHT,
            "How closely to follow the content's picture; 0: not at all.",
            Group.RESTYLING,
            unset="1",
        ),
    )
    upscale: int | None = field(
        default=None,
        metadata=about(
            Among(numbers=(1, *FACTORS)),
            "Enlarge what was painted with the trained upscaler; 1: not at all.",
            Group.ENLARGING,
            unset="the model's own where no size is said, else 1",
            infotext="Hires upscale",
        ),
    )
    refine: float | None = field(
        default=None,
        metadata=about(
            SHARE,
            "Then paint over it at the new size: 0 nothing new, 1 all; as 0.3.",
            Group.ENLARGING,
            unset="not painted over",
            infotext="Denoising strength",
        ),
    )
    loras: tuple[tuple[str, float], ...] | None = field(
        default=None,
        metadata=about(
            Weighted(),
            "Names and weights of the LoRAs that the model must have on it.",
            Group.ADAPTERS,
            unset="whatever it has",
        ),
    )
    embeddings: tuple[str, ...] | None = field(
        default=None,
        metadata=about(
            Texts(),
            "The learned words that the prompts name, which the model must know.",
            Group.ADAPTERS,
            unset="whatever it knows",
        ),
    )
    picture: Image.Image | None = field(
        default=None, metadata=about(PICTURE, "What to paint over.", Group.EDITING, stored=False)
    )
    content: Image.Image | None = field(
        default=None,
        metadata=about(
            PICTURE,
            "What is painted shall look as this picture does.",
            Group.RESTYLING,
            stored=False,
        ),
    )
    start_noise: Tensor | None = field(
        default=None,
        metadata=about(
            Instance(module="torch", name="Tensor", right="a tensor (count, C, h, w)"),
            "(count, C, h, w) of unit variance, in place of the seeds' noise.",
            Group.TENSORS,
            stored=False,
        ),
    )
    maps: Mapping[str, Map] | None = field(
        default=None,
        metadata=about(
            Instance(module="collections.abc", name="Mapping", right="a mapping of texts"),
            "Texts -> functions of one vector, for their tokens' encodings wherever they stand in "
            "the prompts (psi of the lecture's Definition 7), in place of the weighting.",
            Group.TENSORS,
            stored=False,
        ),
    )
    attention: str | None = field(
        default=None,
        metadata=about(
            Choice(names=("mean", "heads")),
            "Keep what the denoiser looks at, for heat maps: the mean of the heads, or all.",
            Group.TENSORS,
            stored=False,
        ),
    )


FIELDS: Mapping[str, Field] = fields_of(Statement)
STORED = tuple(name for name, each in FIELDS.items() if each.about.stored)
UNSTORED = tuple(name for name in FIELDS if name not in STORED)


def fields_in(*groups: Group) -> tuple[str, ...]:
    """The stored fields of some groups."""
    return tuple(name for name in STORED if FIELDS[name].about.group in groups)
