"""`limner prompt show` and `limner prompt convert`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from limner.cli import main

PROMPT = "a (red:1.3) [cat:dog:0.5] BREAK photo AND fog :0.5 <lora:x:.5> <q:r>"


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert main(["prompt", "show", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_show(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prompt", "show", PROMPT, "--steps", "10"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:9] == [
        "part 1 of 2, AND weight 1",
        "steps 1-5 of 10",
        "  weight  text",
        "  1       'a '",
        "  1.3     'red'",
        "  1       ' cat'",
        "   BREAK",
        "  1       'photo '",
        "  chunk 1: 3 of 75 tokens, and BOS and EOS",
    ]
    assert "    a 320  red 736  cat 2368" in lines
    assert "    a 320  red 736  dog 1929" in lines
    assert "part 2 of 2, AND weight 0.5" in lines
    assert lines[-2:] == ["LoRA x: text encoder 0.5, denoiser 0.5", "unknown tag <q:r>"]


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    report = shown(capsys, PROMPT, "--steps", "10")
    assert (report["dialect"], report["kind"], report["steps"]) == ("a1111", "AND", 10)
    first, second = report["parts"][0]["stages"]
    assert (first["last"], second["first"]) == (5, 6)
    assert first["spans"][1] == {"text": "red", "weight": 1.3, "place": [3, 6]}
    assert first["chunks"][0][1] == {"id": 736, "token": "red</w>", "text": "red", "span": 1}
    assert report["unknown_tags"] == ["<q:r>"]


def test_what_a_tool_of_77_tokens_would_have_dropped(capsys: pytest.CaptureFixture[str]) -> None:
    (stage,) = shown(capsys, "cat " * 75 + "red dog", "--dialect", "plain")["parts"][0]["stages"]
    assert [token["token"] for token in stage["dropped"]] == ["red</w>", "dog</w>"]
    (stage,) = shown(capsys, "cat " * 75)["parts"][0]["stages"]
    assert stage["dropped"] == []
    assert main(["prompt", "show", "cat " * 75 + "red dog"]) == 0
    out = capsys.readouterr().out
    assert "would have dropped 2:\n    red 736  dog 1929\n" in out


def test_swaps_and_embeddings(capsys: pytest.CaptureFixture[str]) -> None:
    report = shown(capsys, "a cat.swap(dog)", "--dialect", "compel")
    assert report["swaps"][0] | {"from": "", "to": ""} == {
        **{"from": "", "to": "", "s_start": 0.0, "s_end": 0.0, "t_start": 0.2, "t_end": 1.0}
    }
    assert (report["swaps"][0]["from"], report["swaps"][0]["to"]) == ("cat", "dog")
    assert shown(capsys, "embedding:x", "--dialect", "comfy")["embeddings"] == ["x"]


def test_another_models_vocabulary(tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = shown(capsys, "a red apple, 3d", "--model", str(tiny_model))
    tokens = [t["token"] for c in report["parts"][0]["stages"][0]["chunks"] for t in c]
    assert report["length"] == 12
    assert tokens[:2] == ["a</w>", "red</w>"]
    assert main(["prompt", "show", "a", "--model", "nowhere"]) == 1
    assert "nowhere is missing" in capsys.readouterr().err


def test_an_error_shows_the_place(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prompt", "show", "a (b:1.2.3)"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "limner: a weight must be a number, not '1.2.3' (character 6)",
        "    a (b:1.2.3)",
        "         ^^^^^",
    ]
    assert main(["prompt", "show", "a (b:1.2.3)", "--lenient"]) == 0
    assert "'b:1.2.3'" in capsys.readouterr().out


def test_negative_prompts_split_no_and(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, "a AND b", "--negative")["kind"] is None
    assert shown(capsys, "a AND b")["kind"] == "AND"


def test_convert(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["prompt", "convert", "--from", "a1111", "--to", "compel", "a (red:1.3) [cat:dog:5]"]
    assert main(words) == 0
    captured = capsys.readouterr()
    assert captured.out == "a (red)1.3 cat\n"
    note = "compel cannot say a schedule: what holds at the first step is kept"
    assert captured.err == f"limner: {note}\n"
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"prompt": "a (red)1.3 cat", "notes": [note]}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["show", "a", "--dialect", "midjourney"], "midjourney"),
        (["show", "a", "--steps", "0"], "steps must be at least 1"),
        (["convert", "a"], "--to"),
        ([], "command"),
    ],
)
def test_wrong_use(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prompt", *words]) == 2
    assert says in capsys.readouterr().err
