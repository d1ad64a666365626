"""Our own API as an OpenAPI document, and schemathesis, which asks whatever that allows."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import httpx2
import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from running import Running, serving
from schemathesis import GenerationMode

from limner.server.fields import job_schema

pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module")  # its own
QUICK, MORE = 2, 100
NOTHING_SAID = [
    f"GET /api/v1/{name}" for name in ("jobs", "capabilities", "schema", "openapi.json")
]
"""Operations with nothing in them that could be wrong."""
JOB = {"prompt": "a cat", "steps": 2, "keep_steps": True, "heatmaps": True}


def test_the_document_has_every_route(client: httpx2.Client) -> None:
    said = client.get("/api/v1/openapi.json").json()
    assert len(said["paths"]) == 15
    job = said["paths"]["/api/v1/jobs"]["post"]
    schema = job["requestBody"]["content"]["application/json"]["schema"]
    assert schema == json.loads(json.dumps(job_schema(("tiny", "two"))))
    for path in said["paths"].values():
        for operation in path.values():
            assert operation["summary"].endswith(".")
    names = [each["operationId"] for path in said["paths"].values() for each in path.values()]
    assert len(set(names)) == len(names)
    (number,) = [
        each
        for each in said["paths"]["/api/v1/jobs/{id}/images/{number}"]["get"]["parameters"]
        if each["name"] == "number"
    ]
    assert number["schema"]["type"] == "integer"


def test_a_plan_and_a_record_are_as_the_document_says(client: httpx2.Client) -> None:
    said = client.get("/api/v1/openapi.json").json()
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG", pnginfo=infotext("a cat\nSteps: 9, Hashes: x"))
    bodies = {
        "plan": {"prompt": "a cat", "steps": 2},
        "record": {"picture": base64.b64encode(file.getvalue()).decode()},
    }
    for name, body in bodies.items():
        operation = said["paths"][f"/api/v1/{name}"]["post"]
        taken = operation["requestBody"]["content"]["application/json"]["schema"]
        jsonschema_rs.validate(taken, body)
        answer = client.post(f"/api/v1/{name}", json=body).json()
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema_rs.validate(schema, answer)
        assert set(answer) == set(schema["properties"])


def infotext(text: str) -> PngInfo:
    found = PngInfo()
    found.add_text("parameters", text)
    return found


@pytest.mark.slow
def test_schemathesis_finds_no_answer_of_500_and_above(tiny_model: Path) -> None:
    with serving(tiny_model) as server:
        tried(server, MORE)


def test_schemathesis_finds_none_in_a_few(tiny_model: Path) -> None:
    with serving(tiny_model) as server:  # of its own, which the jobs end with
        tried(server, QUICK)


def tried(server: Running, most: int) -> None:
    """So many requests of each operation, with what its schema allows and what it does not."""
    with server.client() as client:
        schema = schemathesis.openapi.from_dict(client.get("/api/v1/openapi.json").json())
        operations = [found.ok() for found in schema.get_all_operations()]
        assert len(operations) == 16
        made = client.post("/api/v1/jobs", json=JOB).json()
        client.get(made["links"]["self"], params={"wait": 20})
    for operation in operations:
        modes = [GenerationMode.POSITIVE] if operation.label in NOTHING_SAID else GenerationMode
        for mode in modes:
            asked(operation, mode, most, server.url, made["id"])


def asked(operation: Any, mode: GenerationMode, most: int, url: str, id: str) -> None:
    """Of an operation; those that are as they should be ask for a job that is there."""
    cases = operation.as_strategy(generation_mode=mode)

    @settings(
        max_examples=most, deadline=None, phases=[Phase.generate], database=None, derandomize=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(cases)
    def ask(case: Any) -> None:
        if mode is GenerationMode.POSITIVE and "id" in case.path_parameters:
            case.path_parameters["id"] = id
        answer = case.call(base_url=url, timeout=30)
        assert answer.status_code < 500, (operation.label, answer.text)

    ask()
