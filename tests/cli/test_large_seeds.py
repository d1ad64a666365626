"""Seeds up to 2^64 - 1, which other programs draw: wherever a seed is asked for or kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

import limner
from limner.cli import main
from limner.errors import RequestError
from limner.pipeline import Request
from limner.pipeline.metadata import read_record, read_request
from limner.pipeline.schema import schema

MOST = 2**64 - 1
FEW = ("--steps", "1", "--size", "16x16", "--device", "cpu")


@pytest.fixture
def here(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Options of every command; it runs in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return (*FEW, "--model", str(tiny_model))


@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_a_picture_keeps_it_and_is_painted_again(here: tuple[str, ...], ending: str) -> None:
    more = ("--variation-seed", str(MOST), "--variation-strength", "0.5")
    assert main(["a cat", "--seed", str(MOST), *more, *here, "-o", f"a.{ending}"]) == 0
    request = read_request(Path(f"a.{ending}"))
    assert (request.seed, request.variation_seed) == (MOST, MOST)
    assert main(["--from", f"a.{ending}", *here, "-o", f"b.{ending}"]) == 0
    first, second = (Image.open(f"{name}.{ending}").tobytes() for name in "ab")
    assert first == second


def test_an_infotext_keeps_it(here: tuple[str, ...]) -> None:
    """As a program reads it that knows no other record."""
    assert main(["a cat", "--seed", str(MOST), *here, "-o", "a.png"]) == 0
    with Image.open("a.png") as picture:
        text = picture.info["parameters"]
        assert f"Seed: {MOST}," in text
        picture.info.clear()
        from PIL.PngImagePlugin import PngInfo

        alone = PngInfo()
        alone.add_text("parameters", text)
        picture.save("text.png", pnginfo=alone)
    assert read_record(Path("text.png")).request.seed == MOST


def test_lines_of_a_batch_and_cells_of_a_grid(here: tuple[str, ...]) -> None:
    Path("lines.txt").write_text(json.dumps({"prompt": "a cat", "seed": MOST}), encoding="utf-8")
    assert main(["batch", "lines.txt", "--out", "out", *here]) == 0
    assert read_request(Path("out/0001-a-cat.png")).seed == MOST
    over = f"seed={MOST - 1}..{MOST}"
    assert main(["grid", "a cat", "--over", over, *here, "-o", "grid.png"]) == 0
    with Image.open("grid.png") as sheet:
        assert str(MOST) in sheet.info["limner-grid"]


@pytest.mark.parametrize("noise", ["cpu", "nv", "batch"])
@pytest.mark.parametrize("solver", ["euler", "dpmpp_2m_sde"])
def test_every_noise_takes_it(tiny_model: Path, noise: str, solver: str) -> None:
    painter = limner.load(tiny_model, device="cpu")
    fields = {"steps": 2, "noise": noise, "solver": solver, "count": 2}
    both = painter.generate("a cat", seed=MOST - 1, **fields)
    assert both.seeds == (MOST - 1, MOST)
    # PyTorch's generator on the CPU has 32 bits of state from a seed: other low bits are another's.
    other = painter.generate("a cat", seed=5, **fields).latents
    assert torch.isfinite(both.latents).all()
    assert not torch.allclose(both.latents, other, atol=1e-2)


def test_the_schema_says_so_and_one_more_is_refused() -> None:
    assert schema()["properties"]["seed"]["maximum"] == MOST
    assert Request.from_json(Request(prompt="", seed=MOST).to_json()).seed == MOST
    with pytest.raises(RequestError, match="a whole number from 0 to 18446744073709551615"):
        Request(prompt="", seed=MOST + 1)
