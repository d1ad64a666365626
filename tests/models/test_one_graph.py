"""Every network is one graph to `torch.export` and `torch.compile`, with all that is handed in."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from one_graph import COMPILED, EXPORTED


@pytest.fixture(scope="module")
def answers() -> dict[str, str]:
    script = Path(__file__).with_name("one_graph.py")
    ran = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    return json.loads(ran.stdout)


@pytest.mark.parametrize("name", EXPORTED)
def test_exported_it_gives_the_same_for_any_number_of_rows(answers, name):
    assert answers[f"exported: {name}"] == "the same"


@pytest.mark.parametrize("name", COMPILED)
def test_compiled_it_is_one_graph_and_gives_the_same(answers, name):
    assert answers[f"compiled: {name}"] == "the same"
