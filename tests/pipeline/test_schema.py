"""The JSON schema of a request, held against what requests are taken and refused."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.cli import main
from limner.errors import RequestError
from limner.pipeline import Request
from limner.pipeline.schema import DRAFT, schema
from limner.pipeline.statement import FIELDS, STORED

PROPERTIES = schema()["properties"]
UNDERSTOOD = {
    "type", "enum", "minimum", "maximum", "exclusiveMinimum", "items", "prefixItems", "minItems",
    "maxItems", "contains", "description", "default", "examples", "properties", "required",
    "additionalProperties", "pattern", "maxLength",
}  # fmt: skip
TYPES = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "null": lambda value: value is None,
}


def valid(value: Any, said: dict[str, Any]) -> bool:
    """Whether a JSON value follows a schema, by the words of JSON schema that are used here.

    A whole number is here one without a point: JSON schema takes 1.0 for one, Limner does not.
    """
    assert set(said) <= UNDERSTOOD
    kinds = said["type"] if isinstance(said["type"], list) else [said["type"]]
    if not any(TYPES[kind](value) for kind in kinds):
        return False
    if "enum" in said and not any(type(v) is type(value) and v == value for v in said["enum"]):
        return False
    if TYPES["number"](value):
        return (
            value >= said.get("minimum", -math.inf)
            and value <= said.get("maximum", math.inf)
            and value > said.get("exclusiveMinimum", -math.inf)
        )
    if isinstance(value, dict):
        parts = said["properties"]
        known = set(said["required"]) <= set(value) <= set(parts)
        return known and all(valid(each, parts[name]) for name, each in value.items())
    if isinstance(value, str):
        fits = len(value) <= said.get("maxLength", len(value))
        return fits and re.search(said.get("pattern", ""), value) is not None
    return not isinstance(value, list) or _valid_list(value, said)


def _valid_list(value: list[Any], said: dict[str, Any]) -> bool:
    each = said.get("prefixItems", [said.get("items", {})] * len(value))
    return (
        said.get("minItems", 0) <= len(value) <= said.get("maxItems", len(value))
        and all(valid(v, s) for v, s in zip(value, each, strict=False))
        and ("contains" not in said or any(valid(v, said["contains"]) for v in value))
    )


def taken(values: dict[str, Any]) -> bool:
    try:
        Request.from_values(values)
    except RequestError:
        return False
    return True


def test_its_structure() -> None:
    found = schema()
    assert found["$schema"] == DRAFT == "https://json-schema.org/draft/2020-12/schema"
    assert (found["type"], found["additionalProperties"]) == ("object", False)
    assert found["required"] == ["prompt"]
    assert tuple(PROPERTIES) == STORED
    for name, said in PROPERTIES.items():
        assert said["description"].startswith(FIELDS[name].about.help)
        assert valid(said.get("default", "text"), said)
        assert ("default" in said) == (name != "prompt")


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(schema()))


EDGES = [
    value
    for said in PROPERTIES.values()
    for key in ("minimum", "maximum")
    if key in said
    for value in (said[key] - 1, said[key], said[key] + 1)
]
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
SMALL = st.integers(-1, 5)
REGIONS = st.fixed_dictionaries(
    {"text": st.text(max_size=2) | SMALL},
    optional={"box": st.lists(SMALL, min_size=3, max_size=5), "colour": SMALL},
)
VALUES = st.one_of(
    st.none(), st.booleans(), NUMBERS, st.sampled_from(EDGES), st.text(max_size=5), SMALL,
    st.sampled_from([v for said in PROPERTIES.values() for v in said.get("enum", ())]),
    st.sampled_from([v for said in PROPERTIES.values() for v in said.get("examples", ())]),
    st.lists(SMALL, max_size=5), st.lists(st.text(max_size=3), max_size=3),
    st.lists(st.tuples(st.text(max_size=3), NUMBERS).map(list) | SMALL, max_size=2),
    st.lists(REGIONS, max_size=2),
)  # fmt: skip
ALONE_TAKEN = {"variation_seed": {"variation_strength": 0.5}, "refine": {"upscale": 2}}


@pytest.mark.parametrize("name", STORED)
@settings(max_examples=200)
@given(value=VALUES)
def test_what_it_takes_a_request_takes_and_what_it_refuses_a_request_refuses(
    name: str, value: Any
) -> None:
    beside = ALONE_TAKEN.get(name, {}) if value is not None else {}
    by_schema = valid(value, PROPERTIES[name])
    if name in ("solver", "schedule") and isinstance(value, str):
        by_schema = value in PROPERTIES[name]["examples"]  # the schema names some spellings only
        if not by_schema:
            return
    if by_schema and name == "size" and value is not None:
        by_schema = math.prod(value) <= PROPERTIES["size"]["items"]["maximum"]
    assert taken({"prompt": "a cat", **beside, name: value}) == by_schema


def beyond(end: float) -> float:
    """What is added to the end of a range to be outside of it: large floats have no next one."""
    return 1 if abs(end) < 2**53 else abs(end)


@pytest.mark.parametrize("name", STORED)
def test_both_ends_of_every_range_are_taken_and_nothing_beyond(name: str) -> None:
    said, beside = PROPERTIES[name], ALONE_TAKEN.get(name, {})
    if "minimum" in said:
        assert taken({"prompt": "", **beside, name: said["minimum"]})
        assert not taken({"prompt": "", **beside, name: said["minimum"] - beyond(said["minimum"])})
    if "maximum" in said:
        assert taken({"prompt": "", **beside, name: said["maximum"]})
        assert not taken({"prompt": "", **beside, name: said["maximum"] + beyond(said["maximum"])})


def test_unknown_fields_are_refused_as_the_schema_says() -> None:
    assert not taken({"prompt": "a cat", "colour": "red"})
    assert not taken({"negative": "a cat"})
    assert "start_noise" not in PROPERTIES
