"""Importing Limner, or asking the command line for help, costs next to nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

HEAVY = {
    "PIL",
    "accelerate",
    "diffusers",
    "einops",
    "jaxtyping",
    "matplotlib",
    "numpy",
    "ray",
    "resvg_py",
    "rich",
    "safetensors",
    "scipy",
    "starlette",
    "tensorboard",
    "tokenizers",
    "torch",
    "transformers",
    "typer",
    "uvicorn",
    "webdataset",
}

PROBE = """
import json, sys, time
began = time.process_time()
{statement}
seconds = time.process_time() - began
modules = sorted({{name.split(".")[0] for name in sys.modules}})
print(json.dumps({{"seconds": seconds, "modules": modules}}), file=sys.stderr)
"""


def fresh(statement: str) -> dict[str, Any]:
    """Processor seconds and loaded packages of a statement in a new interpreter."""
    code = PROBE.format(statement=statement)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stderr)


def test_import_loads_nothing_heavy() -> None:
    assert HEAVY.isdisjoint(fresh("import limner")["modules"])


def test_import_takes_less_than_a_fifth_of_a_second() -> None:
    assert min(fresh("import limner")["seconds"] for _ in range(3)) < 0.2


def test_help_needs_no_torch() -> None:
    for words in (
        ["--help"],
        ["paint", "--help"],
        ["grid", "--help"],
        ["batch", "--help"],
        ["edit", "--help"],
        ["schema"],
        ["upscale", "--help"],
        ["text", "nearest", "--help"],
        ["data", "--help"],
        ["prompt", "show", "--help"],
        ["serve", "--help"],
        ["--version"],
    ):
        statement = f"from limner.cli import main; main({words!r})"
        assert {"torch", "numpy", "transformers"}.isdisjoint(fresh(statement)["modules"]), words


def test_prompts_need_nothing_heavy() -> None:
    statement = "import limner; limner.prompt.parse('a (b:1.2) [c:d:5] AND e').timeline(20)"
    assert HEAVY.isdisjoint(fresh(statement)["modules"])


def test_first_painter_loads_torch_and_a_request_does_not() -> None:
    assert "torch" in fresh("import limner; limner.Painter")["modules"]
    request = "import limner; limner.Request(prompt='a cat', steps=3, size=(64, 64)).to_json()"
    assert HEAVY.isdisjoint(fresh(request)["modules"])


def test_loading_a_model_does_not_load_the_compiler() -> None:
    """torch._dynamo takes seconds."""
    statement = (
        "import limner; limner.load(device='cpu'); assert 'torch._dynamo' not in sys.modules"
    )
    fresh(statement)
