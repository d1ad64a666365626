"""OpenAI's SDK for JavaScript, unchanged, as npm has it; scripts/clients installs it."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from running import Running

PACKAGES = Path(__file__).parents[2] / ".clients" / "node_modules"
NODE = shutil.which("node")


@pytest.mark.skipif(NODE is None, reason="node is not installed")
@pytest.mark.skipif(
    not (PACKAGES / "openai").is_dir(), reason="npm's openai is not there: scripts/clients gets it"
)
def test_it_paints_edits_follows_a_stream_and_understands_what_is_wrong(server: Running) -> None:
    before = server.service.counts["openai", "cancelled"]
    script = Path(__file__).with_name("openai_client.mjs")
    command = [NODE or "", str(script), f"{PACKAGES}/", server.url, "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["models"] == ["tiny", "two"]
    assert said["pictures"] == ["PNG", "PNG"]
    assert said["size"] == "64x32"
    assert said["same"]
    assert said["edited"] == ["PNG"]
    partial, whole = "image_generation.partial_image", "image_generation.completed"
    assert said["events"] == [[partial, "PNG"], [partial, "PNG"], [whole, "PNG"]]
    assert said["wrongSize"][:3] == ["BadRequestError", 400, "size"]
    assert "WIDTHxHEIGHT" in said["wrongSize"][3]
    assert said["wrongModel"][:2] == ["NotFoundError", 404]
    assert said["aborted"] == "APIUserAbortError"
    until = time.monotonic() + 20
    while server.service.counts["openai", "cancelled"] == before and time.monotonic() < until:
        time.sleep(0.05)
    assert server.service.counts["openai", "cancelled"] == before + 1
