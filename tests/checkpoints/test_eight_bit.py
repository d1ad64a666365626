"""Weights in eight bits: how near they are to what they were, and what is said of broken files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from limner.checkpoints import ModelFolder, load_folder, ship
from limner.checkpoints.conversion import convert
from limner.checkpoints.eight_bit import open_unpacked, packed
from limner.checkpoints.report import inspect
from limner.errors import CheckpointError

MATRIX = torch.randn(40, 60, generator=torch.Generator().manual_seed(1))
CONVOLUTION = torch.randn(8, 16, 3, 3, generator=torch.Generator().manual_seed(2))
BIAS = torch.tensor([0.1, -2.0])


def write(path: Path, tensors: dict[str, torch.Tensor]) -> Path:
    save_file(packed(tensors), path)
    return path


@pytest.mark.parametrize("matrix", [MATRIX, CONVOLUTION, MATRIX * 1e-6, MATRIX * 1e4])
def test_every_number_is_within_half_a_step_of_its_row(tmp_path, matrix):
    got = open_unpacked(write(tmp_path / "a.safetensors", {"w": matrix})).get("w")
    step = matrix.flatten(1).abs().amax(dim=1) / 127
    far = (got - matrix).flatten(1).abs().amax(dim=1)
    assert (far <= 0.5001 * step).all()
    assert (far > 0).all()


def test_a_row_of_zeros_stays_one(tmp_path):
    matrix = MATRIX.clone()
    matrix[3] = 0
    got = open_unpacked(write(tmp_path / "a.safetensors", {"w": matrix})).get("w")
    assert (got[3] == 0).all()


def test_small_tensors_and_whole_numbers_are_not_packed(tmp_path):
    small = MATRIX[:4, :5].contiguous()
    path = write(tmp_path / "a.safetensors", {"w": small, "b": BIAS, "n": torch.tensor([300])})
    file = open_unpacked(path)
    assert torch.equal(file.get("w"), small.half())
    assert torch.equal(file.get("b"), BIAS.half())
    assert torch.equal(file.get("n"), torch.tensor([300]))


def test_eight_bits_of_another_kind_are_left_alone(tmp_path):
    save_file({"w": torch.tensor([[1, -2]], dtype=torch.int8)}, tmp_path / "a.safetensors")
    file = open_unpacked(tmp_path / "a.safetensors")
    assert file.get("w").tolist() == [[1, -2]]


def test_scales_that_do_not_fit_are_refused(tmp_path):
    tensors = packed({"w": MATRIX})
    save_file({**tensors, "w_scale": tensors["w_scale"][:-1]}, tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError, match=r"the scales of w are \(39, 1\), not \(40, 1\)"):
        open_unpacked(tmp_path / "a.safetensors")


def test_a_model_in_eight_bits_says_nearly_the_same(tiny_model, tmp_path):
    ship(tiny_model, tmp_path / "shipped")
    whole, shipped = load_folder(tiny_model), load_folder(tmp_path / "shipped")
    x, t = torch.randn(1, 4, 8, 8), torch.tensor([500.0])
    context = torch.randn(1, 12, whole.denoiser.config.context_width)
    with torch.no_grad():
        one, other = (parts.denoiser(x, t, context) for parts in (whole, shipped))
    assert (one - other).norm() < 0.02 * one.norm()
    (path,) = (tmp_path / "shipped" / "unet").glob("*.safetensors")
    assert path.name == "diffusion_pytorch_model.int8.safetensors"
    file = load_file(path)
    assert torch.int8 in {tensor.dtype for tensor in file.values()}


@pytest.mark.parametrize("dtypes", [(torch.int8, torch.float32), (torch.float32, torch.int8)])
def test_weights_saved_over_others_are_the_only_ones(tiny_model, tmp_path, dtypes):
    unet = ModelFolder(tiny_model).load("unet")
    for dtype in dtypes:
        ModelFolder(tmp_path).save(unet, dtype)
        unet.conv_in.bias.data += 1
    assert len([*(tmp_path / "unet").glob("*.safetensors")]) == 1
    loaded = ModelFolder(tmp_path).load("unet")
    torch.testing.assert_close(loaded.conv_in.bias, unet.conv_in.bias - 1, atol=1e-2, rtol=0)


def test_a_model_in_eight_bits_is_inspected_and_converted_as_any(tiny_model, tmp_path):
    ship(tiny_model, tmp_path / "shipped")
    report, whole = inspect(tmp_path / "shipped"), inspect(tiny_model)
    assert report.parameters == whole.parameters
    assert "int8" in report.dtypes
    assert not report.missing + report.unexpected + report.misshapen + report.problems
    convert(tmp_path / "shipped", tmp_path / "whole")
    loaded = ModelFolder(tmp_path / "whole").load("unet").state_dict()
    for name, weight in ModelFolder(tmp_path / "shipped").load("unet").state_dict().items():
        assert torch.equal(loaded[name], weight), name
    assert inspect(tmp_path / "whole").dtypes == ("float32",)
