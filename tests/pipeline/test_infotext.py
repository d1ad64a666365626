"""The infotext of A1111: its grammar, both ways, and what strangers put into it."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.diffusion.noise import NoiseMode
from limner.diffusion.schedules import Schedule
from limner.diffusion.solvers import SOLVERS
from limner.pipeline import Request, infotext
from limner.pipeline.request import MAX_SEED
from limner.text.dialect import Dialect
from limner.text.weighting import Weighting

PUBLISHED = re.compile(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')

REFERENCE = """a lighthouse on a cliff,
oil painting (dramatic:1.2)
Negative prompt: blurry, lowres
Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 965400086, \
Size: 512x768, Model hash: 6ce0161689, Model: v1-5-pruned-emaonly, Denoising strength: 0.5, \
Clip skip: 2, RNG: CPU, Version: v1.10.1"""


def test_the_text_of_the_format_itself() -> None:
    said = infotext.parse(REFERENCE)
    assert said.fields == {
        "prompt": "a lighthouse on a cliff,\noil painting (dramatic:1.2)",
        "negative": "blurry, lowres",
        "steps": 20,
        "solver": "dpmpp_2m",
        "schedule": "karras",
        "guidance": 7.0,
        "seed": 965400086,
        "size": (512, 768),
        "clip_skip": 2,
        "noise": "cpu",
    }
    assert said.others == {
        "Model hash": "6ce0161689",
        "Model": "v1-5-pruned-emaonly",
        "Denoising strength": "0.5",
        "Version": "v1.10.1",
    }
    assert said.request.seed == 965400086


def test_the_schedule_behind_the_sampler_before_version_1_9() -> None:
    line = "cat\nSteps: 28, Sampler: {}, CFG scale: 11.5, Seed: 3, Size: 512x512, Model: x"
    for name, solver, schedule in [
        ("DPM++ 2M Karras", "dpmpp_2m", "karras"),
        ("DPM++ 2M", "dpmpp_2m", "uniform"),
        ("Euler a", "euler_ancestral", "uniform"),
        ("euler A exponential", "euler_ancestral", "exponential"),
        ("DPM++ 2M SGM Uniform", "dpmpp_2m", "sgm"),
        ("heun", "heun", "uniform"),
    ]:
        said = infotext.parse(line.format(name))
        assert (said.fields["solver"], said.fields["schedule"]) == (solver, schedule)
        assert said.fields["guidance"] == 11.5
        assert said.others == {"Model": "x"}


@pytest.mark.parametrize(
    ("sampler", "schedule"), [("DPM++ 2M", "karras"), ("Euler a", "uniform"), ("???", "uniform")]
)
def test_the_automatic_schedule_is_that_of_the_sampler(sampler: str, schedule: str) -> None:
    said = infotext.parse(f"cat\nSteps: 9, Sampler: {sampler}, Schedule type: Automatic")
    assert said.fields["schedule"] == schedule


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        ("Sampler: Euler, Schedule type: Beta", {"solver": "euler", "schedule": "beta_sigmas"}),
        ("Sampler: Euler, Schedule type: beta", {"solver": "euler", "schedule": "beta"}),
        ("Sampler: Euler, Schedule type: Align Your Steps", {"solver": "euler", "schedule": "ays_whole"}),  # noqa: E501
        ("Sampler: DPM2 a, Schedule type: Karras", {"solver": "dpm2_ancestral", "schedule": "karras", "discard_penultimate": True}),  # noqa: E501
        ("Sampler: Heun, Schedule type: Karras, Discard penultimate sigma: True", {"solver": "heun", "schedule": "karras", "discard_penultimate": True}),  # noqa: E501
        ("Sampler: DPM adaptive, Schedule type: Karras", {"solver": "dpm_adaptive", "schedule": "uniform"}),  # noqa: E501
        ("Sampler: Restart, Schedule type: Automatic", {"solver": "restart", "schedule": "karras"}),
        ("Sampler: DDIM", {"solver": "ddim", "schedule": "ddim_uniform"}),
        ("Sampler: PLMS, Schedule type: Karras", {"solver": "plms", "schedule": "ddim_uniform"}),
        ("Sampler: Euler, Schedule type: Polyexponential, Schedule rho: 2", {"solver": "euler", "schedule": "polyexponential", "rho": 2.0}),  # noqa: E501
    ],
)  # fmt: skip
def test_a_sampler_is_what_a1111_paints_by_its_name(said: str, fields: dict[str, object]) -> None:
    found = infotext.parse(f"cat\nSteps: 9, Seed: 1, {said}").fields
    names = ("solver", "schedule", "discard_penultimate", "rho")
    assert {k: v for k, v in found.items() if k in names} == fields


def test_limners_own_names_are_its_own() -> None:
    for line in ("Sampler: DDIM, Schedule type: Karras", "Sampler: DPM2, Schedule type: Karras"):
        fields = infotext.parse(f"cat\nSteps: 9, Seed: 1, {line}, Version: Limner 1.0").fields
        assert fields["schedule"] == "karras"
        assert "discard_penultimate" not in fields


@pytest.mark.parametrize(("rng", "mode"), [("CPU", "cpu"), ("NV", "nv"), ("GPU", "nv")])
def test_the_random_numbers(rng: str, mode: str) -> None:
    assert infotext.parse(f"cat\nSteps: 9, Seed: 1, RNG: {rng}").fields["noise"] == mode


def test_a1111_is_silent_of_the_random_numbers_of_a_gpu() -> None:
    assert infotext.parse("cat\nSteps: 9, Seed: 1, CFG scale: 2").fields["noise"] == "nv"
    assert infotext.parse("cat").fields == {"prompt": "cat", "negative": ""}


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        ("Emphasis: No norm", {"weighting": "scale_plain"}),
        ("Emphasis: Ignore", {"weighting": "ignore"}),
        ("Emphasis: None", {"dialect": "plain"}),
        ("Emphasis: Loud", {}),
        ("Dialect: compel, Weighting: lerp", {"dialect": "compel", "weighting": "lerp"}),
    ],
)
def test_how_the_prompt_is_read(said: str, fields: dict[str, str]) -> None:
    found = infotext.parse(f"cat\nSteps: 1, Seed: 2, {said}").fields
    assert {k: v for k, v in found.items() if k in ("dialect", "weighting")} == fields


def test_variations() -> None:
    said = infotext.parse(
        "cat\nSteps: 9, Seed: 1, Variation seed: 8, Variation seed strength: 0.25, RNG: CPU"
    )
    assert (said.fields["variation_seed"], said.fields["variation_strength"]) == (8, 0.25)


def test_quoted_values_hold_commas_colons_and_newlines() -> None:
    line = r"cat" "\n" r'Steps: 9, Lora hashes: "a: 1, \"b\": 2", TI: "x\ny", Seed: 4, Hires: "open'
    said = infotext.parse(line)
    assert said.others == {"Lora hashes": 'a: 1, "b": 2', "TI": "x\ny", "Hires": '"open'}
    assert said.fields["seed"] == 4


def test_fewer_than_three_parameters_are_a_prompt() -> None:
    assert infotext.parse("a cat\nthe time: 9, the place: here").fields == {
        "prompt": "a cat\nthe time: 9, the place: here",
        "negative": "",
    }


def test_without_prompt_or_negative() -> None:
    line = "Steps: 9, Seed: 1, CFG scale: 2"
    assert infotext.parse(line).fields["prompt"] == ""
    said = infotext.parse(f"Negative prompt: x\ny\n{line}")
    assert (said.fields["prompt"], said.fields["negative"]) == ("", "x\ny")


def test_what_no_request_takes_is_kept_among_the_others() -> None:
    said = infotext.parse(
        "cat\nSteps: 0, Sampler: DPM lazy, Schedule type: Turbo, CFG scale: nan, Seed: -1, "
        "Size: 0x9, RNG: dice, Variation seed: 3, Noise batch: many"
    )
    assert said.fields == {"prompt": "cat", "negative": "", "noise": "nv"}
    assert list(said.others) == [
        "Steps", "Sampler", "Schedule type", "CFG scale", "Seed", "Size", "RNG",
        "Variation seed", "Noise batch",
    ]  # fmt: skip
    assert said.others["Sampler"] == "DPM lazy"


def test_a_text_that_limner_writes() -> None:
    request = Request(
        prompt="a cat", negative="dog", seed=5, size=(512, 768), steps=20, guidance=7.0,
        solver="dpmpp_2m", schedule="karras",
    )  # fmt: skip
    text = infotext.format(request, model="a, b", model_hash="6ce0161689")
    assert re.fullmatch(
        r"a cat\nNegative prompt: dog\nSteps: 20, Sampler: DPM\+\+ 2M, Schedule type: Karras, "
        r'CFG scale: 7, Seed: 5, Size: 512x768, Model hash: 6ce0161689, Model: "a, b", RNG: CPU, '
        r"Version: Limner [\d.]+",
        text,
    )
    assert infotext.parse(text).others["Model"] == "a, b"


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("schedule", Schedule)
def test_every_solver_and_schedule_comes_back(solver: str, schedule: str) -> None:
    request = Request(prompt="cat", solver=solver, schedule=schedule, steps=3)
    said = infotext.parse(infotext.format(request)).fields
    assert (said["solver"], said["schedule"]) == (solver, schedule)


def test_a_picture_that_was_enlarged_and_painted_over() -> None:
    request = Request(prompt="cat", steps=20, upscale=2, refine=0.3)
    text = infotext.format(request)
    assert "Denoising strength: 0.3, Hires upscale: 2, Hires steps: 6" in text
    said = infotext.parse(text)
    assert (said.fields["upscale"], said.fields["refine"]) == (2, 0.3)
    assert said.others.keys() == {"Version"}


@pytest.mark.parametrize(
    ("line", "others"),
    [
        ("Denoising strength: 0.4, Hires upscale: 2, Hires steps: 12", {"Hires steps": "12"}),
        ("Denoising strength: 0.4, Hires upscale: 1.5", {"Denoising strength": "0.4", "Hires upscale": "1.5"}),  # noqa: E501
        ("Hires upscale: 4, Hires upscaler: Latent", {"Hires upscaler": "Latent"}),
    ],
)  # fmt: skip
def test_what_limner_does_not_enlarge_by_is_among_the_others(
    line: str, others: dict[str, str]
) -> None:
    assert infotext.parse(f"cat\nSteps: 20, Seed: 3, CFG scale: 2, {line}").others == others


WORDS = st.text(st.characters(exclude_categories=["Cs"])).filter(
    lambda text: text == text.strip() and infotext.NEGATIVE not in text
)
SEEDS = st.integers(0, MAX_SEED - 8)  # from which nine pictures count on


@st.composite
def all_fields(draw: st.DrawFn) -> dict[str, Any]:
    """A completed request of one picture, or of a batch in the mode of that name."""
    noise = draw(st.sampled_from(list(NoiseMode))).value
    strength = draw(st.floats(0, 1))
    upscale = draw(st.sampled_from([None, 2, 4]))
    return {
        "prompt": draw(WORDS),
        "negative": draw(WORDS),
        "seed": draw(SEEDS),
        "count": draw(st.integers(1, 9)) if noise == "batch" else 1,
        "size": (draw(st.integers(1, 4096)), draw(st.integers(1, 4096))),
        "steps": draw(st.integers(1, 10_000)),
        "guidance": draw(st.floats(-1e37, 1e37)),
        "solver": draw(st.sampled_from(list(SOLVERS))),
        "schedule": draw(st.sampled_from(list(Schedule))).value,
        "rho": draw(st.none() | st.floats(0.01, 20)),
        "discard_penultimate": draw(st.booleans()),
        "churn": draw(st.none() | st.floats(0, 50)),
        "noise": noise,
        "dialect": draw(st.sampled_from(list(Dialect))).value,
        "weighting": draw(st.sampled_from(list(Weighting))).value,
        "variation_strength": strength,
        "variation_seed": draw(SEEDS) if strength > 0 else None,
        "upscale": upscale,
        "refine": None if upscale is None else draw(st.none() | st.floats(0, 1)),
    }


@given(all_fields())
@settings(max_examples=50)
def test_what_is_written_is_read(fields: dict[str, Any]) -> None:
    text = infotext.format(Request(**fields), model="a: b\nc")
    assert {**fields, **infotext.parse(text).fields} == fields
    assert infotext.parse(text).others.keys() == {"Model", "Version"}


@given(st.text())
@settings(max_examples=50)
def test_no_text_is_an_error(text: str) -> None:
    for candidate in (text, f"{text}\nSteps: {text}, Sampler: {text}, Size: {text}, Seed: {text}"):
        said = infotext.parse(candidate)
        assert isinstance(said.request, Request)


PIECES = st.sampled_from(
    ['"', "\\", ",", ":", " ", "-", "/", "a", "bc", "\t", "é", "_", "Steps: ", 'Model: "', "\ud800"]
)


@given(st.lists(PIECES, max_size=40).map("".join))
@settings(max_examples=200)
def test_the_pairs_are_those_of_the_published_pattern(line: str) -> None:
    published = [(key, infotext.unquote(value.strip())) for key, value in PUBLISHED.findall(line)]
    assert list(infotext.pairs(line)) == published
    assert isinstance(infotext.parse(line).request, Request)


@pytest.mark.parametrize(
    "piece",
    ["a", "a ", " ", "aa: ", 'aa: "', 'aa: "\\",', '"', "\\", "aa:,", "\n", "Negative prompt:\n",
     'k k:"\\"', '[', "Steps: 1, "],
)  # fmt: skip
def test_the_time_grows_with_the_length(piece: str) -> None:
    """By the published pattern some of these would take minutes."""
    began = time.process_time()
    infotext.parse(piece * (2**17 // len(piece)))
    assert time.process_time() - began < 5
