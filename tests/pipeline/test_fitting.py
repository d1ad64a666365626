"""Settings of a picture that the loaded model or solver cannot take: told and left out."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import limner
from limner.cli.main import main
from limner.diffusion.process import RectifiedFlow
from limner.errors import UsageError
from limner.pipeline import Request
from limner.pipeline.fitting import deepest, fitted
from limner.pipeline.regions import Region

OF_ANOTHER = {"eta": 0.5, "solver": "euler", "clip_skip": 12, "size": (65, 64)}


def test_what_cannot_be_taken_is_left_out_and_told(painter: limner.Painter) -> None:
    request, notes = fitted(Request(prompt="a cat", **OF_ANOTHER), painter.model, ())
    assert (request.eta, request.clip_skip) == (None, None)
    assert request.size == (64, 64)
    assert [note.split(" is ")[0] for note in notes] == [
        "the picture's eta 0.5",
        "the picture's clip skip 12",
        "the picture's size 65x64",
    ]
    assert painter.complete(request).clip_skip == painter.model.sampling.clip_skip


def test_a_collage_keeps_any_size_of_its_picture(painter: limner.Painter) -> None:
    part = Region(text="a cat", box=(0.0, 0.0, 0.5, 1.0))
    asked = Request(prompt="two", size=(65, 33), layout="collage", regions=(part,))
    assert fitted(asked, painter.model, ()) == (asked, ())


def test_a_schedule_that_does_not_fit_is_left_out(painter: limner.Painter) -> None:
    flow = type(painter.parts.process) is RectifiedFlow
    unfit, fit = ("karras", "simple") if flow else ("shifted", "karras")
    asked = Request(prompt="a cat", schedule=unfit, steps=4)
    request, (note,) = fitted(asked, painter.model, ())
    assert request.schedule is None
    assert note.startswith(f"the picture's schedule {unfit!r} is left out")
    assert fitted(asked, painter.model, ["schedule"]) == (asked, ())
    discards = Request(prompt="a cat", schedule=fit, discard_penultimate=True, steps=4)
    assert fitted(discards, painter.model, ()) == (discards, ())


def test_what_can_be_taken_stays(painter: limner.Painter) -> None:
    most = deepest(painter.parts)
    asked = Request(prompt="a cat", eta=0.5, solver="ddim", clip_skip=most, size=(32, 16))
    assert fitted(asked, painter.model, ()) == (asked, ())
    painter.encode(["a cat"], clip_skip=most)
    with pytest.raises(UsageError, match=f"at most {most}"):
        painter.encode(["a cat"], clip_skip=most + 1)


def test_what_was_asked_for_stays(painter: limner.Painter) -> None:
    request = Request(prompt="a cat", **OF_ANOTHER)
    assert fitted(request, painter.model, OF_ANOTHER) == (request, ())


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("Sampler: Euler, Eta: 0.3", "eta 0.3 is left out: solver 'euler' takes none"),
        ("Sampler: Euler, Clip skip: 12", "clip skip 12 is left out"),
        ("Sampler: Euler a, Size: 65x64", "size 65x64 is left out"),
        ("Sampler: euler_a discrete, Eta: 0.0, RNG: cuda, Version: stable-diffusion.cpp",
         "not used: Eta '0.0'"),
    ],
)  # fmt: skip
def test_a_picture_is_repeated_and_its_options_are_not_let_go(
    tiny_model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    line: str,
    told: str,
) -> None:
    info, size = PngInfo(), "" if "Size" in line else ", Size: 16x16"
    info.add_text("parameters", f"a cat\nSteps: 1, Seed: 5, CFG scale: 1, {line}{size}")
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png", pnginfo=info)
    repeat = ["--from", str(tmp_path / "a.png"), "--model", str(tiny_model), "-o"]
    assert main([*repeat, str(tmp_path / "b.png")]) == 0
    assert told in capsys.readouterr().err
    if "left out" in told:
        key = told.split()[0]
        option = {
            "eta": ["--eta", "0.3"],
            "clip": ["--clip-skip", "12"],
            "size": ["--size", "65x64"],
        }
        assert main([*repeat, str(tmp_path / "c.png"), *option[key]]) != 0
