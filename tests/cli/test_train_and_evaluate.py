"""`limner train` and `limner evaluate`, on a few tiny pictures."""

import json
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from limner.checkpoints import ModelFolder
from limner.cli import main
from limner.cli.evaluate import write_sheet
from limner.cli.train import pictures_to_learn
from limner.data import emoji
from limner.data.pixels import to_picture
from limner.data.records import PictureSet, Record
from limner.evaluate.judge import Judge
from limner.evaluate.report import Cell
from limner.evaluate.sheet import contact_sheet
from limner.models.autoencoder import Autoencoder
from limner.training import recipes
from limner.training.loop import LoopConfig
from limner.training.recipes import base
from limner.training.recipes.sizes import AUTOENCODER_EMOJI
from limner.training.snapshots import gamma_width

LOOP = LoopConfig(steps=2, batch=2, precision="fp32")


@pytest.fixture
def data(tmp_path):
    """Two concepts that the tiny model says it knows, in three styles, one cell held out."""
    chance = torch.Generator().manual_seed(0)
    pictures = torch.randint(0, 256, (6, 4, 16, 16), generator=chance).to(torch.uint8)
    records = tuple(
        Record(
            picture=i, concept=("red apple", "blue cat")[i // 3],
            style=("3d", "noto", "flat")[i % 3], held_out=i == 5,
        )
        for i in range(6)
    )  # fmt: skip
    folder = tmp_path / "data"
    PictureSet(pictures=pictures, records=records).save(folder)
    return folder


def test_evaluating_prints_the_table_and_writes_the_sheet(tiny_model, data, tmp_path, capsys):
    words = ["evaluate", str(tiny_model), "-o", str(tmp_path / "out"), "--data", str(data)]
    small = ["--judge", str(tmp_path / "judge"), "--judge-steps", "2", "--seeds", "1"]
    assert main([*words, *small]) == 0
    printed = capsys.readouterr().out
    assert "painted seen" in printed
    assert "1 held-out pictures of 16 pixels: PSNR" in printed
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["groups"]["painted seen"]["pictures"] == 5
    assert report["groups"]["painted held out"]["pictures"] == 1
    assert (tmp_path / "out" / "sheet.png").stat().st_size > 1000
    trained = (tmp_path / "judge" / "judge.safetensors").stat().st_mtime_ns
    assert main([*words, *small]) == 0  # the judge is kept
    assert (tmp_path / "judge" / "judge.safetensors").stat().st_mtime_ns == trained


def test_the_autoencoder_is_measured_on_emoji_as_large_as_the_model_paints(
    tiny_model, data, tmp_path, monkeypatch, capsys
):
    """And where these are not drawn, that is said before anything is painted."""
    own = PictureSet.load(data)
    large = replace(own, pictures=own.pictures.repeat_interleave(2, -1).repeat_interleave(2, -2))
    sets = {64: large, 16: own}
    monkeypatch.setattr(emoji, "load_emoji", lambda size: sets[size])
    words = ["evaluate", str(tiny_model), "-o", str(tmp_path / "out")]
    small = ["--judge", str(tmp_path / "judge"), "--judge-steps", "2", "--seeds", "1"]
    assert main([*words, *small]) == 0
    assert "1 held-out pictures of 16 pixels: PSNR" in capsys.readouterr().out
    monkeypatch.undo()
    monkeypatch.setattr(emoji, "default_folder", lambda size: tmp_path / f"emoji-{size}")
    large.save(tmp_path / "emoji-64")
    assert main([*words[:-1], str(tmp_path / "other"), *small]) == 1
    assert "`limner data emoji --size 16` builds it" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_the_sheet_has_each_cell_once(painter, tmp_path):
    cells = [Cell("red apple", "3d"), Cell("blue cat", "3d"), Cell("blue cat", "", held_out=True)]
    write_sheet(painter, cells, tmp_path / "sheet.png")
    pictures = painter.paint_batch([cell.prompt for cell in cells], [0, 0, 0])
    labels = ["a red apple, 3d", "a blue cat, 3d", "a blue cat (held out)"]
    wanted = contact_sheet([to_picture(p) for p in pictures], labels, columns=8, scale=8)
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.tobytes() == wanted.tobytes()


@pytest.mark.parametrize("nothing", [["--prompts", "0", "--held-out", "0"], ["--seeds", "0"]])
def test_nothing_to_paint_is_told_before_anything_is_done(
    tiny_model, data, tmp_path, capsys, nothing
):
    words = ["evaluate", str(tiny_model), "-o", str(tmp_path / "out"), "--data", str(data)]
    assert main([*words, "--judge", str(tmp_path / "judge"), "--judge-steps", "2", *nothing]) == 2
    assert "an evaluation needs a cell, a seed and 4 real pictures" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "judge").exists()


def in_style(data, folder, style):
    """The same set with its last style under another word."""
    whole = PictureSet.load(data)
    rows = [replace(row, style=style) if row.style == "flat" else row for row in whole.records]
    replace(whole, records=tuple(rows)).save(folder)
    return folder


def test_another_set_has_a_judge_of_its_own(tiny_model, data, tmp_path, monkeypatch):
    monkeypatch.setenv("LIMNER_CACHE", str(tmp_path / "cache"))
    other = in_style(data, tmp_path / "other", "drawn")
    monkeypatch.setattr(emoji, "load_emoji", lambda size: PictureSet.load(data))
    small = ["--judge-steps", "2", "--seeds", "1", "--tasks", "0"]
    for given in ([], ["--data", str(data)], ["--data", str(other)], ["--data", str(other)]):
        out = ["-o", str(tmp_path / "out")]
        assert main(["evaluate", str(tiny_model), *out, *small, *given]) == 0
    kept = {folder.name for folder in (tmp_path / "cache").iterdir()}
    assert len(kept) == 3
    assert "judge-all-16-2" in kept
    styles = [Judge.load(tmp_path / "cache" / name).config.styles for name in kept]
    assert sorted("drawn" in each for each in styles) == [False, False, True]


def test_a_judge_of_other_words_is_told_before_anything_is_painted(
    tiny_model, data, tmp_path, capsys
):
    words = ["evaluate", str(tiny_model), "--judge", str(tmp_path / "judge"), "--tasks", "0"]
    words += ["--judge-steps", "2", "--seeds", "1"]
    assert main([*words, "--data", str(data), "-o", str(tmp_path / "one")]) == 0
    other = in_style(data, tmp_path / "other", "drawn")
    capsys.readouterr()
    assert main([*words, "--data", str(other), "-o", str(tmp_path / "two")]) == 2
    assert "the judge was not trained on 'drawn'" in capsys.readouterr().err
    assert not (tmp_path / "two").exists()


def test_training_by_name_and_resuming(data, tmp_path, capsys, monkeypatch):
    row = replace(recipes.RECIPES["emoji-autoencoder"], loop=LOOP)
    monkeypatch.setitem(recipes.RECIPES, "emoji-autoencoder", row)
    out = tmp_path / "run"
    words = ["train", "emoji-autoencoder", "-o", str(out), "--data", str(data)]
    assert main(words) == 0
    assert (out / "model" / "vae" / "config.json").exists()
    assert capsys.readouterr().out.split() == [str(out / "samples.png"), str(out / "model")]
    with Image.open(out / "samples.png") as sheet:
        assert sheet.mode == "RGB"
    assert main(words) == 1
    assert "already holds a training: add --resume" in capsys.readouterr().err
    assert main([*words, "--resume", "--steps", "3", "--tensorboard"]) == 0
    lines = (out / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [2, 3]
    assert list(out.glob("events.out.tfevents*"))


def test_an_unknown_recipe_lists_the_known(tmp_path, capsys):
    assert main(["train", "emoji-gan", "-o", str(tmp_path)]) == 1
    assert "one of emoji-autoencoder, emoji-clip" in capsys.readouterr().err


def start_training(data, out, *more):
    words = ["train", "emoji-autoencoder", "-o", str(out), "--data", str(data), "--batch", "2"]
    return subprocess.Popen(
        [sys.executable, "-m", "limner", *words, "--steps", "5000", *more],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job may ignore it
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 1), (signal.SIGINT, 130)])
def test_a_signal_saves_and_says_where(data, tmp_path, number, code):
    log = tmp_path / "run" / "log.jsonl"
    process = start_training(data, tmp_path / "run")
    while not log.exists():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    process.send_signal(number)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == code
    step = int(re.search(r"stopped and saved at step (\d+): --resume goes on", said)[1])
    state = torch.load(tmp_path / "run" / "state.pt", weights_only=True)
    assert state["step"] == step >= 20


def test_sheets_and_snapshots_appear_as_it_goes(data, tmp_path, monkeypatch):
    row = replace(recipes.RECIPES["emoji-autoencoder"], loop=LOOP)
    monkeypatch.setitem(recipes.RECIPES, "emoji-autoencoder", row)
    words = ["train", "emoji-autoencoder", "-o", str(tmp_path / "run"), "--data", str(data)]
    assert main([*words, "--sheet-every", "1", "--snapshot-every", "2", "--accumulate", "2"]) == 0
    assert len(list((tmp_path / "run" / "sheets").glob("*.png"))) == 2
    assert [p.name for p in (tmp_path / "run" / "snapshots").iterdir()] == ["000002.safetensors"]


def test_a_model_is_rebuilt_with_another_average(data, tmp_path, monkeypatch, capsys):
    """Of the width that ships, the rebuilt one is the trained one; of another, another."""
    loop = replace(LOOP, steps=8, ema=(16.97, 6.94))
    row = replace(recipes.RECIPES["emoji-autoencoder"], loop=loop)
    monkeypatch.setitem(recipes.RECIPES, "emoji-autoencoder", row)
    run, given = tmp_path / "run", ["--data", str(data)]
    train = ["train", "emoji-autoencoder", "-o", str(run), *given, "--snapshot-every", "2"]
    assert main(train) == 0
    words = ["rebuild", "emoji-autoencoder", str(run), *given]
    capsys.readouterr()
    assert main([*words, "--width", f"{gamma_width(16.97)}", "-o", str(run / "same")]) == 0
    assert capsys.readouterr().out.split() == [str(run / "same")]
    assert main([*words, "--width", "0.15"]) == 0

    def vector(name):
        weights = ModelFolder(run / name).load("vae").state_dict().values()
        return torch.cat([weight.flatten().float() for weight in weights])

    trained, same, wider = map(vector, ("model", "same", "model-0.15"))
    assert (same - trained).norm() < 1e-3 * trained.norm()
    assert (wider - trained).norm() > 10 * (same - trained).norm()
    assert (run / "model-0.15.png").exists()


def test_a_model_is_rebuilt_from_pictures_as_large_as_its_base_paints(
    tiny_model, data, tmp_path, monkeypatch
):
    monkeypatch.setattr(base, "load_emoji", {16: PictureSet.load(data)}.__getitem__)
    row = replace(recipes.RECIPES["emoji-few-steps"], loop=replace(LOOP, snapshot_every=2))
    monkeypatch.setitem(recipes.RECIPES, "emoji-few-steps", row)
    run, begun = tmp_path / "run", ["--from", str(tiny_model)]
    assert main(["train", "emoji-few-steps", "-o", str(run), *begun]) == 0
    assert main(["rebuild", "emoji-few-steps", str(run), *begun, "--width", "0.1"]) == 0
    assert (run / "model-0.1" / "unet").is_dir()


@pytest.fixture
def mine(tmp_path):
    """A user's own captioned pictures."""
    folder = tmp_path / "mine"
    folder.mkdir()
    for number in range(3):
        Image.new("RGB", (40, 30), (80 * number, 0, 0)).save(folder / f"{number}.png")
        (folder / f"{number}.txt").write_text(f"a red apple {number}", "utf-8")
    return folder


@pytest.mark.parametrize(
    ("recipe", "form"),
    [
        ("emoji-autoencoder", (4, 64, 64)),
        ("emoji128-autoencoder", (4, 128, 128)),
        ("emoji128-clip", (4, 128, 128)),
        ("notebook-dit", (3, 32, 32)),
        ("emoji-few-steps", (4, 16, 16)),
    ],
)
def test_own_pictures_are_brought_to_what_the_recipe_or_its_base_takes(
    tiny_model, mine, recipe, form
):
    pictures = pictures_to_learn(recipes.RECIPES[recipe], tiny_model, mine).pictures
    assert tuple(pictures.shape) == (3, *form)


def test_a_recipe_of_pixels_learns_from_own_pictures(mine, tmp_path, monkeypatch):
    """The networks refuse pictures of another form."""
    row = recipes.RECIPES["notebook-dit-classes"]
    config = replace(row.config, width=16, depth=1, heads=2, time_width=16)
    sampling = replace(row.sampling, steps=2)
    row = replace(row, loop=LOOP, config=config, sampling=sampling)
    monkeypatch.setitem(recipes.RECIPES, "notebook-dit-classes", row)
    words = ["train", "notebook-dit-classes", "--data", str(mine), "-o", str(tmp_path / "run")]
    assert main(words) == 0
    assert (tmp_path / "run" / "model" / "transformer").is_dir()


def test_what_cannot_be_rebuilt(data, tmp_path, monkeypatch, capsys):
    loop = replace(LOOP, ema=(16.97,), snapshot_every=1)
    for name in ("emoji-autoencoder", "emoji-styles"):
        monkeypatch.setitem(recipes.RECIPES, name, replace(recipes.RECIPES[name], loop=loop))
    run, given = tmp_path / "run", ["--data", str(data), "--width", "0.1"]
    assert main(["rebuild", "emoji-autoencoder", str(run), *given]) == 1
    assert "there are no snapshots to rebuild from" in capsys.readouterr().err
    assert main(["train", "emoji-autoencoder", "-o", str(run), "--data", str(data)]) == 0
    taken = ["rebuild", "emoji-autoencoder", str(run), *given, "-o", str(run / "model")]
    assert main(taken) == 1
    assert "exists already: name another" in capsys.readouterr().err
    assert main(["rebuild", "emoji-autoencoder", str(run), *given, "--width", "2"]) == 1
    assert "a width of 2.0 is outside 0 .." in capsys.readouterr().err
    assert main(["rebuild", "emoji-styles", str(run), *given]) == 1
    assert "are of another recipe than the one named" in capsys.readouterr().err
    assert not (run / "model-0.1").exists()


ACCELERATE = ["accelerate.commands.launch", "--cpu", "--num_processes", "2", "--module", "limner"]
TORCHRUN = ["torch.distributed.run", "--nproc-per-node", "2", "--module", "limner"]


@pytest.mark.slow
@pytest.mark.parametrize(("launcher", "more"), [(ACCELERATE, []), (TORCHRUN, ["--shard"])])
def test_a_launcher_brings_processes_together_for_one_training(data, tmp_path, launcher, more):
    words = ["train", "emoji-autoencoder", "--data", str(data), "--batch", "4", "--steps", "3"]
    words += ["--precision", "fp32", "--sheet-every", "2"]
    alone = [sys.executable, "-m", "limner", *words, "-o", str(tmp_path / "one")]
    both = [sys.executable, "-m", *launcher, *words, *more, "-o", str(tmp_path / "two")]
    for command in (alone, both):
        subprocess.run(command, check=True, timeout=300)
    rows = [json.loads((tmp_path / out / "log.jsonl").read_text()) for out in ("one", "two")]
    assert rows[0]["losses"] == pytest.approx(rows[1]["losses"], rel=1e-5)
    files = [tmp_path / out / "model" / "vae" for out in ("one", "two")]
    models = [load_file(next(folder.glob("*.safetensors"))) for folder in files]
    torch.manual_seed(0)
    models.append(Autoencoder(AUTOENCODER_EMOJI).state_dict())  # where both began
    one, two, start = (torch.cat([m[name].flatten() for name in models[0]]) for m in models)
    # Of all weights together: AdamW takes a gradient of rounding alone as far as any other.
    assert (two - one).norm() <= 1e-4 * (one - start).norm() <= 2e-5 * one.norm()
    assert (tmp_path / "two" / "sheets" / "000002.png").exists()
