"""What a model computes in where nobody says: by the machine, which is an argument here."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from models_of_every_family import tiny_parts
from tiny_pipelines import saved

import limner
from limner.checkpoints import inspect, save_single_file
from limner.engine.choosing import chosen, own_dtype
from limner.engine.devices import computes_in_bf16
from limner.engine.openvino import OpenVinoEngine
from limner.errors import UsageError
from limner.loading import found
from limner.pipeline.metadata import texts

LARGE, SMALL = 10**9, 10**7


@pytest.mark.parametrize(
    ("kind", "parameters", "device", "native", "dtype", "why"),
    [
        ("sd1", LARGE, "cpu", True, torch.bfloat16, "this processor computes in bf16"),
        ("sdxl", LARGE, "cpu", True, torch.bfloat16, "this processor computes in bf16"),
        ("sd2", LARGE, "cpu", False, torch.float32, "this processor does not compute in bf16"),
        ("sd1", SMALL, "cpu", True, torch.float32, "the model is small"),
        ("limner", LARGE, "cpu", True, torch.float32, "none of Stable Diffusion's"),
        ("limner", SMALL, "cuda", True, torch.float16, "the model is on cuda"),
    ],
)
def test_half_precision_is_for_stable_diffusion_where_it_is_native(
    kind: str, parameters: int, device: str, native: bool, dtype: torch.dtype, why: str
) -> None:
    found, said = own_dtype(kind, parameters, device, native=native)
    assert found == dtype
    assert why in said


def test_auto_takes_openvino_in_bf16_where_that_is_native() -> None:
    half = torch.bfloat16
    assert chosen("auto", LARGE, half, "cpu", native=True)[0] == "openvino"
    assert chosen("auto", LARGE, half, "cpu", native=False) == (
        "eager",
        "the model is in another dtype than this processor computes in",
    )
    assert chosen("auto", LARGE, torch.float16, "cpu", native=True)[0] == "eager"
    assert chosen("auto", SMALL, half, "cpu", native=True)[0] == "eager"


def test_the_kinds_are_those_that_files_are_said_to_be(tmp_path: Path) -> None:
    """`own_dtype` goes by the beginning of a name: what a report calls a model."""
    for kind in ("sd1", "sd2", "sdxl"):
        report = inspect(saved(kind, tmp_path / kind))
        assert own_dtype(report.kind, LARGE, "cpu", native=True)[0] == torch.bfloat16
        unet = limner.load(tmp_path / kind).parts.denoiser
        assert report.denoiser_parameters == sum(each.numel() for each in unet.parameters())
    for kind in ("sd1", "sd2", "sdxl"):
        parts = tiny_parts(kind)
        save_single_file(parts, tmp_path / f"{kind}.safetensors")
        report = inspect(tmp_path / f"{kind}.safetensors")
        assert own_dtype(report.kind, LARGE, "cpu", native=True)[0] == torch.bfloat16
        size = sum(each.numel() for each in parts.denoiser.parameters())
        assert report.denoiser_parameters == size
    shipped = inspect(found(None))
    assert own_dtype(shipped.kind, LARGE, "cpu", native=True)[0] == torch.float32


def test_a_dtype_that_is_asked_for_is_taken_and_told(tiny_model: Path) -> None:
    for dtype, name in ((torch.bfloat16, "eager bf16"), (torch.float32, "eager fp32")):
        painter = limner.load(tiny_model, dtype=dtype, device="cpu")
        assert painter.parts.denoiser.conv_in.weight.dtype == dtype
        result = painter.generate("a red apple", seed=1, steps=1)
        assert result.engine == name
        said = texts(result, 0)["parameters"]
        assert ("Engine: eager bf16" in said) == (dtype == torch.bfloat16)


@pytest.mark.skipif(computes_in_bf16(), reason="this processor computes in bf16")
def test_openvino_refuses_what_the_processor_lacks(painter: limner.Painter) -> None:
    painter.parts.denoiser.bfloat16()
    with pytest.raises(UsageError, match="does not compute in bfloat16 on this processor"):
        OpenVinoEngine(painter.parts)
