"""Reading weights: what is held in memory, and what is said of files that do not fit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from limner.checkpoints.folder import default_dtype
from limner.checkpoints.weights import AUTOENCODER, TEXT, load_weights, respell, weight_files
from limner.errors import CheckpointError
from limner.models.presets import AUTOENCODER_SD1, AUTOENCODER_SDXL

STATE = {"0.weight": torch.randn(4, 3), "0.bias": torch.randn(4), "1.weight": torch.randn(2, 4)}


def network() -> nn.Module:
    with torch.device("meta"):
        return nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2, bias=False))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    save_file(STATE, tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def mapped(weight: torch.Tensor, file: Path) -> bool:
    """Whether a weight lies in the memory that a file is mapped to."""
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
        first, last = (int(end, 16) for end in line.split()[0].split("-"))
        if first <= weight.data_ptr() < last:
            return line.endswith(str(file))
    return False


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="reads the maps from /proc")
def test_weights_of_the_right_dtype_stay_in_the_file(file: Path) -> None:
    module = network()
    load_weights(module, [file])
    for name, weight in module.state_dict().items():
        assert torch.equal(weight, STATE[name])
        assert mapped(weight, file)


def test_a_change_of_weights_does_not_reach_the_file(file: Path) -> None:
    before = file.read_bytes()
    module = network()
    load_weights(module, [file])
    with torch.no_grad():
        module[0].bias.zero_()
    assert file.read_bytes() == before


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="reads the maps from /proc")
def test_weights_of_another_dtype_leave_the_file(file: Path) -> None:
    module = network()
    load_weights(module, [file], dtype=torch.bfloat16)
    for name, weight in module.state_dict().items():
        assert torch.equal(weight, STATE[name].bfloat16())
    assert str(file) not in Path("/proc/self/maps").read_text(encoding="utf-8")


def test_names_are_respelled() -> None:
    assert (
        respell("encoder.layers.0.mlp.fc1.bias", TEXT) == "text_model.encoder.layers.0.mlp.fc1.bias"
    )
    assert respell("text_model.final_layer_norm.bias", TEXT) == "text_model.final_layer_norm.bias"
    assert respell("text_projection.weight", TEXT) == "text_projection.weight"
    assert respell("text_model.embeddings.position_ids", TEXT) == ""
    older = "decoder.mid_block.attentions.0.proj_attn.bias"
    assert respell(older, AUTOENCODER) == "decoder.mid_block.attentions.0.to_out.0.bias"


def shards(folder: Path, **files: dict[str, torch.Tensor]) -> None:
    where = {}
    for name, state in files.items():
        save_file(state, folder / f"{name}.safetensors")
        where |= dict.fromkeys(state, f"{name}.safetensors")
    index = json.dumps({"metadata": {}, "weight_map": where})
    (folder / "model.safetensors.index.json").write_text(index)


def test_a_tensor_in_two_shards_is_refused(tmp_path: Path) -> None:
    shards(tmp_path, a=STATE, b={"0.bias": torch.zeros(4)})
    with pytest.raises(CheckpointError, match=r"0\.bias, which another shard holds too"):
        load_weights(network(), weight_files(tmp_path, "model"))


def test_a_shard_that_is_missing_is_named(tmp_path: Path) -> None:
    shards(tmp_path, a={"0.weight": STATE["0.weight"]}, b={"0.bias": STATE["0.bias"]})
    (tmp_path / "b.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"b.safetensors is missing: .*index.json names it"):
        weight_files(tmp_path, "model")


def test_an_index_does_not_lead_out_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    save_file(STATE, tmp_path / "secret.safetensors")
    index = tmp_path / "part" / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"0.bias": "../secret.safetensors"}}))
    with pytest.raises(CheckpointError, match=r"part/secret.safetensors is missing"):
        weight_files(tmp_path / "part", "model")


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "{}", '{"weight_map": 3}', '{"weight_map": {"a": 3}}', "[" * 100_000],
    ids=["open", "list", "empty", "number", "no name", "deep"],
)
def test_a_broken_index(tmp_path: Path, text: str) -> None:
    (tmp_path / "model.safetensors.index.json").write_text(text)
    with pytest.raises(CheckpointError, match="is no index of shards"):
        weight_files(tmp_path, "model")


def test_nothing_is_read_where_a_shape_is_wrong(tmp_path: Path) -> None:
    save_file({**STATE, "0.bias": torch.zeros(5)}, tmp_path / "model.safetensors")
    module = network()
    with pytest.raises(CheckpointError, match=r"0.bias has shape \(5,\), config.json says \(4,\)"):
        load_weights(module, [tmp_path / "model.safetensors"])
    assert module[0].weight.is_meta


def test_half_precision_is_for_gpus_and_what_does_not_overflow() -> None:
    assert default_dtype(AUTOENCODER_SD1, "cpu") == torch.float32
    assert default_dtype(AUTOENCODER_SD1, "cuda") == torch.float16
    assert default_dtype(AUTOENCODER_SDXL, "cuda") == torch.float32


LAYERS, WIDTH = 24, 1536  # 24 layers of 9.4 MB in fp32: 227 MB
MEASURE = """
import sys
from pathlib import Path
import torch
from limner.checkpoints.weights import load_weights

def status(field):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) * 1024

layers, width, dtype = int(sys.argv[2]), int(sys.argv[3]), getattr(torch, sys.argv[4])
def network():
    with torch.device("meta"):
        return torch.nn.Sequential(*(torch.nn.Linear(width, width) for _ in range(layers)))

module = network()
before = status("VmRSS")
load_weights(module, [Path(sys.argv[1])], dtype=dtype)
total = sum(p.detach().flatten()[::1024].sum() for p in module.parameters())  # of every page
weights = sum(p.numel() * p.element_size() for p in module.parameters())
print((status("VmHWM") - before) / weights)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak from /proc")
@pytest.mark.parametrize("stored", [torch.float32, torch.float16])
@pytest.mark.parametrize("wanted", ["float32", "float16"])
def test_peak_memory_while_loading(tmp_path: Path, stored: torch.dtype, wanted: str) -> None:
    """At most 1.15 times the weights, whether they are mapped or converted."""
    weight, bias = torch.full((WIDTH, WIDTH), 0.5, dtype=stored), torch.zeros(WIDTH, dtype=stored)
    state = {f"{i}.weight": weight.clone() for i in range(LAYERS)}
    state |= {f"{i}.bias": bias.clone() for i in range(LAYERS)}
    path = tmp_path / "model.safetensors"
    save_file(state, path)
    arguments = [str(path), str(LAYERS), str(WIDTH), wanted]
    command = [sys.executable, "-c", MEASURE, *arguments]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert float(output) <= 1.15
