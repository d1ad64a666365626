"""A training's folder is its own while it runs, and its precision what the device has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from small_trainings import trainer

from limner.cli import train as command
from limner.engine import devices
from limner.errors import TrainingError
from limner.training import precision
from limner.training.loop import LoopConfig
from limner.training.run import stoppable
from limner.training.saving import claimed

CPU = torch.device("cpu")
HOLD = """
import sys
from pathlib import Path
from limner.training.saving import claimed
with claimed(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no such claims")


def test_a_folder_is_one_trainings(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "run"
    with claimed(folder):
        with (
            pytest.raises(TrainingError, match="being trained in by another process"),
            claimed(folder),
        ):
            raise AssertionError
        with claimed(folder, rank=1), claimed(tmp_path):  # of the same training, and another place
            pass
    with claimed(folder):
        pass
    assert list(folder.iterdir()) == []


def test_another_process_is_kept_out_until_it_ends_whatever_ends_it(tmp_path: Path) -> None:
    words = [sys.executable, "-c", HOLD, str(tmp_path)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(TrainingError, match="let that end, or name another"), claimed(tmp_path):
            raise AssertionError
    finally:
        process.kill()
        process.communicate()
    with claimed(tmp_path):
        pass


def test_bf16_is_chosen_where_the_device_has_it(tmp_path: Path, monkeypatch) -> None:
    assert not precision.emulates_bf16(torch.device("cuda"))
    assert LoopConfig(steps=1).precision == "auto"
    for emulated in (True, False):
        monkeypatch.setattr(precision, "emulates_bf16", lambda device, e=emulated: e)
        assert precision.runs_in_half("auto", CPU) is not emulated
        assert precision.runs_in_half("bf16", CPU)
        assert not precision.runs_in_half("fp32", CPU)
    with pytest.raises(TrainingError, match="one of auto, bf16, fp32 is right"):
        LoopConfig(steps=1, precision="fp16")


@pytest.mark.parametrize(
    ("avx512", "native", "onednn", "emulated"),
    [
        (True, True, True, False),
        (True, False, True, True),  # Skylake to Ice Lake: oneDNN converts each number
        (False, False, True, False),  # ARM with bf16
        (False, False, False, True),
    ],
)
def test_where_bf16_is_emulated(
    avx512: bool, native: bool, onednn: bool, emulated: bool, monkeypatch
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_supported", lambda: avx512)
    monkeypatch.setattr(devices, "computes_in_bf16", lambda: native)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: onednn)
    assert devices.emulates_bf16(CPU) is emulated


def test_auto_computes_what_the_chosen_one_does(tmp_path: Path) -> None:
    chosen = "fp32" if precision.emulates_bf16(CPU) else "bf16"
    losses = []
    for name in ("auto", chosen):
        run = stoppable(trainer("denoising", tmp_path / name, precision=name), lambda: False)
        losses.append([progress.losses["total"] for progress in run])
    assert losses[0] == losses[1]


def test_slow_precision_is_said(monkeypatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(devices, "emulates_bf16", lambda device: True)
    command.warn_of_slow_precision("auto", "cpu")
    command.warn_of_slow_precision("fp32", "cpu")
    assert capsys.readouterr().err == ""
    command.warn_of_slow_precision("bf16", "cpu")
    assert "no bf16 of its own, which is slower on it than fp32" in capsys.readouterr().err
