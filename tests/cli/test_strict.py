"""What lies in a model's files beside the model: painted without and told once, or refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import typer
from models_of_every_family import tiny_file, tiny_parts
from PIL import Image
from safetensors.torch import load_file, save_file

from limner.checkpoints import inspect, load_single_file, save_folder
from limner.cli import main
from limner.cli.main import COMMANDS, load_command
from limner.errors import CheckpointError
from limner.pipeline.painter import Painter
from limner.server.running import Options, prepared

KINDS = {
    "optimizer_states.0.state.1.exp_avg": torch.ones(30),
    "optimizer_states.0.step": torch.tensor(3.0),
    "callbacks.best": torch.ones(2),
    "lr_schedulers.0.last": torch.ones(1),
    "control_model.input_blocks.0.0.weight": torch.ones(3, 3),
    "something.else": torch.ones(50),
}
FEW = ("--steps", "1", "--size", "16x16", "--seed", "0")
NAMES_A_MODEL = {"--model", "model"}
Run = Callable[..., tuple[int, str]]
READS_NO_WEIGHTS = {"inspect", "prompt", "data"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("whole") / "sd1.safetensors"
    save_file({**tiny_file("sd1"), **KINDS}, file)
    return file


@pytest.fixture
def run(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """Runs a command on sd1.safetensors, which holds more than a model: (code, what was said)."""
    monkeypatch.chdir(tmp_path)
    Path("sd1.safetensors").symlink_to(whole)
    Image.new("RGB", (16, 16), "red").save("red.png")
    Path("lines.txt").write_text("a cat\na dog\na fox\n", encoding="utf-8")

    def command(*words: str) -> tuple[int, str]:
        code = main(list(words))
        return code, capsys.readouterr().err

    return command


def notes(said: str) -> list[str]:
    return [line for line in said.splitlines() if "are not used" in line]


MODEL = ("--model", "sd1.safetensors")
PAINTING = [
    ("a cat", *FEW, "-n", "2", *MODEL),
    ("batch", "lines.txt", "--out", "out", *FEW, *MODEL),
    ("grid", "a cat", "--over", "guidance=1,2", *FEW, *MODEL),
]


@pytest.mark.parametrize("words", PAINTING, ids=lambda words: words[0])
def test_it_is_painted_without_and_told_once(run: Run, words: tuple[str, ...]) -> None:
    code, said = run(*words)
    assert code == 0, said
    assert len(notes(said)) == 1
    assert f"{len(KINDS)} tensors of the file are not used, such as ['callbacks.best'" in said
    code, said = run(*words, "-o" if words[0] != "batch" else "--out", "other", "--quiet")
    assert (code, notes(said)) == (0, [])


@pytest.mark.parametrize("key", KINDS)
def test_each_kind_of_key_is_told_by_its_name(tmp_path: Path, key: str) -> None:
    file = tmp_path / "one"
    save_file({**tiny_file("sd1"), key: KINDS[key]}, file)
    told = (f"1 tensors of the file are not used, such as ['{key}']",)
    assert load_single_file(file).notes == inspect(file).notes == told
    with pytest.raises(CheckpointError, match="1 unexpected"):
        load_single_file(file, strict=True)


@pytest.mark.parametrize(
    "words",
    [
        *PAINTING,
        ("edit", "red.png", "a cat", *MODEL),
        ("explain", "a cat", *MODEL),
        ("upscale", "red.png", "--refine", "a cat", *MODEL),
        ("restyle", "red.png", "--style", "3d", *MODEL),
        ("words", *MODEL),
        ("text", "nearest", "a cat", "--among", "dog", *MODEL),
        ("text", "analogy", "a", "b", "c", "--among", "dog", *MODEL),
        ("text", "similarity", "a cat", "a dog", *MODEL),
        ("finetune", "sd1.safetensors", "--data", ".", "-o", "out"),
        ("evaluate", "sd1.safetensors", "-o", "out"),
        ("convert", "sd1.safetensors", "folder"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_strict_refuses_it(run: Run, words: tuple[str, ...]) -> None:
    code, said = run(*words, "--strict")
    assert code == 1
    assert f"0 tensors missing [], {len(KINDS)} unexpected" in said
    assert not Path("out/0001-a-cat.png").exists()


@pytest.mark.parametrize("strict", [False, True])
def test_a_server_refuses_it_where_asked_to(whole: Path, tmp_path: Path, strict: bool) -> None:
    options = Options(models=[f"x={whole}"], state=tmp_path, device="cpu", strict=strict)
    models = prepared(options).models
    found: list[Painter | Exception] = []
    models.fetch("x", found.append)
    if not strict:
        assert models.loaded("x") is found[0]
        return
    assert isinstance(found[0], CheckpointError)
    assert f"{len(KINDS)} unexpected" in str(found[0])


def test_every_command_that_loads_a_model_can_be_strict() -> None:
    found = set()
    for name in (name for commands in COMMANDS.values() for name in commands):
        command = typer.main.get_command(load_command(name))
        for each in getattr(command, "commands", {name: command}).values():
            options = {word for option in each.params for word in option.opts}
            if options & NAMES_A_MODEL:
                found.add(name)
                assert ("--strict" in options) is (name not in READS_NO_WEIGHTS), name
    assert found >= {"paint", "batch", "finetune", "evaluate", "words", "text", "inspect"}


def test_a_conversion_says_what_it_leaves_behind(run: Run) -> None:
    code, said = run("convert", "sd1.safetensors", "folder")
    assert (code, len(notes(said))) == (0, 1)
    assert run("convert", "folder", "again.safetensors") == (0, "")


def test_an_image_tower_in_a_text_encoders_folder(run: Run) -> None:
    save_folder(tiny_parts("sd1"), Path("folder"))
    file = Path("folder/text_encoder/model.safetensors")
    save_file(load_file(file) | {"vision_model.a.weight": torch.ones(40)}, file)
    words = ("a cat", *FEW, "--model", "folder")
    code, said = run(*words)
    assert code == 0
    assert notes(said) == [
        "limner: warning: text_encoder: 1 tensors of an image tower are not used"
    ]
    code, said = run(*words, "--strict")
    assert (code, "1 tensors of an image tower" in said) == (1, True)


def test_what_lies_beside_another_autoencoder(run: Run) -> None:
    prefix = "first_stage_model."
    own = {k: v for k, v in tiny_file("sd1").items() if k.startswith(prefix)}
    save_file({**own, "optimizer_states.x": torch.ones(30)}, "vae.safetensors")
    Path("sd1.safetensors").unlink()
    save_file(tiny_file("sd1"), "sd1.safetensors")
    words = ("a cat", *FEW, *MODEL, "--vae", "vae.safetensors")
    code, said = run(*words)
    assert (code, len(notes(said))) == (0, 1)
    assert run(*words, "--strict")[0] == 1


def test_the_table_of_a_sampler_is_read_and_nothing_beside(run: Run) -> None:
    """ComfyUI's `model_sampling.sigmas` is what the file is painted by, if it is the usual one."""
    bars = tiny_parts("sd1").process.alpha_bars
    table = {"model_sampling.sigmas": ((1 - bars) / bars).sqrt().float()}
    Path("sd1.safetensors").unlink()
    save_file({**tiny_file("sd1"), **table}, "sd1.safetensors")
    assert inspect(Path("sd1.safetensors")).notes == ()
    code, said = run("a cat", *FEW, *MODEL, "--strict")
    assert (code, notes(said)) == (0, [])
