"""`limner inspect` and `limner convert` from outside."""

import json
import shutil

import pytest
import torch
from safetensors.torch import save_file

from limner.cli import main


@pytest.fixture
def run(capsys):
    def command(*words):
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


@pytest.fixture
def lora(tmp_path):
    path = tmp_path / "style.ckpt"
    metadata = {"ss_network_dim": "2", "title": "evil\n\x1b[2J" + "x" * 500}
    save_file({"lora_unet_a.lora_down.weight": torch.ones(2, 3)}, path, metadata=metadata)
    return path


def test_a_file_is_described_line_by_line(run, lora):
    code, out, _ = run("inspect", lora)
    lines = dict(line.split(maxsplit=1) for line in out.splitlines() if "metadata" not in line)
    assert code == 0
    assert lines["kind"] == "lora: a LoRA"
    assert lines["dtype"] == "float32"
    assert lines["layout"] == "flat"
    assert "1 tensors" in lines["size"]
    assert "ss_network_dim: 2" in out
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) < 120


def test_a_file_is_described_as_json(run, lora):
    _, out, _ = run("inspect", lora, "--json")
    report = json.loads(out)
    assert (report["kind"], report["tensors"], report["prediction"]) == ("lora", 1, None)
    assert report["metadata"]["ss_network_dim"] == "2"


def test_a_folder_is_held_against_its_configs(run, tiny_model, tmp_path):
    _, out, _ = run("inspect", tiny_model, "--json")
    report = json.loads(out)
    assert (report["kind"], report["prediction"]) == ("limner", "flow")
    assert set(report["parameters"]) == {"unet", "vae", "text_encoder"}
    assert not any(report[what] for what in ("problems", "missing", "unexpected", "misshapen"))
    broken = shutil.copytree(tiny_model, tmp_path / "model")
    config = broken / "unet" / "config.json"
    fields = json.loads(config.read_text())
    config.write_text(json.dumps({**fields, "layers_per_block": 2, "cross_attention_dim": 48}))
    (broken / "vae" / "config.json").write_text("{}")
    code, out, _ = run("inspect", broken)
    assert code == 1
    assert "missing     " in out
    assert "wrong shape " in out
    assert "problem     " in out


def test_what_would_run_a_model_is_said(run, tiny_model):
    code, out, _ = run("inspect", tiny_model, "--engines")
    assert code == 0
    assert "engine      openvino: can be used\n" in out
    assert "engine      auto: eager, because the model is small" in out
    code, out, err = run("inspect", tiny_model, "--engines", "--json")
    assert json.loads(out)["kind"] == "limner"
    assert "engine      auto: eager" in err


def test_what_is_no_model_is_one_line(run, tmp_path):
    (tmp_path / "x.safetensors").write_bytes(b"PK\x03\x04 a zip")
    for path in (tmp_path / "x.safetensors", tmp_path / "nowhere", tmp_path):
        code, out, err = run("inspect", path)
        assert (code, out) == (1, "")
        assert len(err.splitlines()) == 1


def test_converting_says_where_and_refuses_to_overwrite(run, lora, tmp_path):
    target = tmp_path / "style.safetensors"
    code, out, _ = run("convert", lora, target, "--dtype", "bf16")
    assert (code, out) == (0, f"{target}\n")
    assert "bfloat16" in run("inspect", target)[1]
    code, _, err = run("convert", lora, target)
    assert code == 1
    assert "--force" in err
    assert run("convert", lora, target, "--force")[0] == 0
    assert run("convert", lora, target, "--dtype", "int8")[0] == 2
