"""The request: its ranges, its JSON, and what strangers write in its place."""

import json
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.errors import RequestError
from limner.pipeline import Request
from limner.pipeline.compound_kinds import size_named

FULL = Request(
    prompt="a rød cat", negative="dog", seed=5, count=2, size=(32, 16), steps=3, guidance=2.5,
    solver="euler", schedule="uniform", noise="nv", variation_seed=9, variation_strength=0.5,
    strength=0.5, mask="alpha", extend=(1, 0, 2, 0), feather=3, context=1.5, upscale=2, refine=0.25,
)  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"steps": 0}, "steps is 0"),
        ({"clip_skip": 0}, "clip_skip is 0"),
        ({"count": 0}, "count is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"guidance": math.nan}, "guidance is nan"),
        ({"guidance": math.inf}, "guidance is inf"),
        ({"guidance": 1e38}, "guidance is 1e[+]38: a number from -1e[+]37 to 1e[+]37"),
        ({"style_weight": 1e38}, "style_weight is 1e[+]38: a number from 0 to 1e[+]37"),
        ({"eta": 1.5}, "eta is 1.5: a number from 0 to 1"),
        ({"guidance_rescale": 1.1}, "guidance_rescale is 1.1: a number from 0 to 1"),
        ({"size": (0, 16)}, "size is"),
        ({"solver": "eulr"}, "solver 'eulr' is unknown: one of euler"),
        ({"size": (8193, 8192)}, "at most 67108864"),
        ({"noise": "gpu"}, "noise 'gpu' is unknown: one of cpu, nv, batch is right"),
        ({"variation_strength": 1.5}, "variation_strength is 1.5: a number from 0 to 1"),
        ({"variation_strength": math.nan}, "variation_strength is nan"),
        ({"variation_seed": 2**64, "variation_strength": 1.0}, "variation_seed is"),
        ({"seed": 2**64}, "seed is 18446744073709551616: a whole number from 0 to"),
        ({"seed": 2**64 - 2, "count": 3}, "3 pictures count on from it beyond .*at most 18446"),
        (
            {"variation_seed": 2**64 - 1, "variation_strength": 0.5, "count": 2},
            "variation_seed is 18446744073709551615, and 2 pictures",
        ),
        ({"variation_seed": 0}, "variation_seed is 0 but variation_strength is 0"),
        ({"negative": "a\ud800"}, "negative is no Unicode text at character 2"),
        ({"schedule": "x"}, "schedule 'x' is unknown"),
        ({"upscale": 3}, "upscale is 3: 1 or 2 or 4 is right"),
        ({"upscale": 2, "refine": 1.5}, "refine is 1.5: a number from 0 to 1"),
        ({"refine": 0.5}, "refine is 0.5 but nothing is enlarged"),
    ],
)
def test_a_field_out_of_range_is_named(fields, message):
    with pytest.raises(RequestError, match=message):
        Request(prompt="a cat", **fields)


def test_json_keeps_every_field_but_the_start_noise():
    request = Request(prompt="cat", start_noise=torch.zeros(1, 4, 8, 8))
    assert Request.from_json(request.to_json()).start_noise is None
    assert Request.from_json(FULL.to_json()).to_json() == FULL.to_json()
    assert vars(Request.from_json(FULL.to_json())) == vars(FULL)


def test_a_record_from_before_there_were_noise_modes():
    request = Request.from_json('{"prompt": "cat", "seed": 3, "size": [16, 16]}')
    assert (request.noise, request.variation_strength, request.size) == ("cpu", 0.0, (16, 16))


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": 5}, {"prompt": None}, {"seed": 1.0}, {"seed": "1"}, {"steps": True},
        {"steps": 4.0}, {"count": None}, {"guidance": 10**400}, {"size": [8]}, {"size": "8x8"},
        {"size": [8, 8.0]}, {"size": {"0": 1, "1": 1}}, {"start_noise": [1]}, {"self": 1},
        {"noise": ["cpu"]}, {"": 1}, {"prompt": "\ud800"}, {"steps": 0}, {"guidance": math.inf},
    ],
)  # fmt: skip
def test_a_strangers_json_is_refused(change):
    with pytest.raises(RequestError, match="no request that Limner wrote"):
        Request.from_json(json.dumps({"prompt": "cat"} | change))


@pytest.mark.parametrize("text", ["", "{", "[]", "[1]", "3", "null", "{}", "[" * 10**5, "9" * 5000])
def test_what_is_no_request_is_refused(text):
    with pytest.raises(RequestError, match="no request that Limner wrote") as refusal:
        Request.from_json(text)
    assert len(str(refusal.value)) < 300


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from([*json.loads(FULL.to_json()), "other"]), JSON))
def test_any_json_is_a_request_or_refused(named):
    try:
        request = Request.from_json(json.dumps(named))
    except RequestError:
        return
    assert isinstance(request.prompt, str)


def test_a_picture_alone_has_its_own_seeds():
    alone = FULL.alone(1)
    assert (alone.seed, alone.variation_seed, alone.count) == (6, 10, 1)
    assert Request(prompt="cat", seed=0, count=3).alone(2).variation_seed is None


def test_a_picture_of_a_batch_draw_is_painted_with_its_batch():
    alone = Request(prompt="cat", seed=5, count=3, noise="batch").alone(2)
    assert (alone.seed, alone.count) == (5, 3)


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ({"solver": "DPM++ 2M Karras"}, ("dpmpp_2m", "karras")),
        ({"solver": "dpm2 A karras", "schedule": "Karras"}, ("dpm2_ancestral", "karras")),
        ({"solver": "Euler a"}, ("euler_ancestral", None)),
        ({"solver": "uni_pc", "schedule": "sgm_uniform"}, ("unipc", "sgm")),
        ({"solver": "EulerAncestralDiscreteScheduler"}, ("euler_ancestral", None)),
        ({"schedule": "SGM Uniform"}, (None, "sgm")),
        ({}, (None, None)),
    ],
)
def test_names_are_kept_as_limners(
    asked: dict[str, str], kept: tuple[str | None, str | None]
) -> None:
    request = Request(prompt="a cat", **asked)
    assert (request.solver, request.schedule) == kept
    again = Request.from_json(request.to_json())
    assert (again.solver, again.schedule) == kept


def test_a_models_defaults_are_read_the_same_way() -> None:
    request = Request(prompt="a cat").with_defaults(solver="DPM++ SDE", schedule="Karras")
    assert (request.solver, request.schedule) == ("dpmpp_sde", "karras")


def test_a_solver_that_names_another_schedule_than_asked_for_is_refused() -> None:
    with pytest.raises(RequestError, match="says schedule 'karras', but schedule is 'simple'"):
        Request(prompt="a cat", solver="DPM++ 2M Karras", schedule="simple")


@pytest.mark.parametrize(
    ("text", "size"), [("64", (64, 64)), ("128x96", (128, 96)), (" 8X9 ", (8, 9))]
)
def test_a_size_as_text(text, size):
    assert size_named(text) == size


@pytest.mark.parametrize("text", ["", "x", "64x", "-64", "6.4", "64x64x64"])
def test_what_is_no_size(text):
    with pytest.raises(RequestError, match="WIDTHxHEIGHT"):
        size_named(text)
