"""The package's own files, to read: every definition has its anchor, and nothing else is shown."""

from __future__ import annotations

import html
import re

import httpx2
import pytest
from running import ANN, Running

from limner.server.source import PACKAGE, files


def text_of(page: str) -> str:
    """What a page shows of a file."""
    return html.unescape(re.sub("<[^>]+>", "", page.split("<pre", 1)[1].split(">", 1)[1]))


def test_a_file_is_shown_as_it_is(client: httpx2.Client) -> None:
    for name in ("diffusion/guidance.py", "server/source.py", "__init__.py"):
        answer = client.get(f"/source/{name}")
        assert answer.headers["content-type"].startswith("text/html")
        text = (PACKAGE / name).read_text("utf-8")
        assert text_of(answer.text) == text
        assert answer.text.count('class="line"') == len(text.splitlines())
        assert "script-src 'self'" in answer.headers["content-security-policy"]


def test_a_definition_is_what_its_anchor_holds(client: httpx2.Client) -> None:
    page = client.get("/source/diffusion/guidance.py").text
    held = page.split('id="Guidance.combined">')[1].split("_inside(level, self.interval) else 1.0")
    assert text_of("<pre>" + held[0]).startswith("    def combined(\n")
    anchors = re.findall('id="([^"]+)"', page)
    assert len(anchors) == len(set(anchors))
    assert {"Guidance", "Guidance.combined", "guided", "guided.denoise", "L1"} <= set(anchors)


@pytest.mark.parametrize(
    "path",
    [
        "../pyproject.toml", "%2e%2e/pyproject.toml", "..%2f..%2fetc/passwd", "/etc/passwd",
        "//etc/passwd", "diffusion/..%5cguidance.py", "diffusion", "diffusion/guidance.py%00",
        "", "assets/emoji/limner.json", "server/page/lit.js", "DIFFUSION/guidance.py",
    ],
)  # fmt: skip
def test_nothing_but_the_packages_files_is_shown(client: httpx2.Client, path: str) -> None:
    assert client.get(f"/source/{path}").status_code in (404, 405)


def test_it_is_of_python_files_alone_and_for_those_with_a_key(keyed: Running) -> None:
    assert all(name.endswith(".py") for name in files())
    with keyed.client() as nobody, keyed.client(ANN) as ann:
        assert nobody.get("/source/errors.py").status_code == 401
        assert ann.get("/source/errors.py").status_code == 200
