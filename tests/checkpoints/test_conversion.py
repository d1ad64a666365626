"""Converting, and the one door for pickles."""

import json
import os
import pickle
import shutil
import sys
import types
import zipfile

import pytest
import torch
from models_of_every_family import same_settings, same_weights, tiny_file, tiny_parts
from safetensors.torch import load_file, save_file
from tiny_pipelines import saved

import limner
from limner.checkpoints import (
    ModelFolder,
    convert,
    load_folder,
    load_single_file,
    save_folder,
    save_single_file,
)
from limner.checkpoints.conversion import widest
from limner.checkpoints.header import Entry
from limner.errors import CheckpointError, OutputError, UsageError


@pytest.fixture
def single(tmp_path):
    save_single_file(tiny_parts("sd2-v"), tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize("kind", ["sd1-inpainting", "sdxl"])
def test_there_and_back_again(kind, tmp_path):
    file, folder, again = (tmp_path / name for name in ("a.safetensors", "b", "c.safetensors"))
    save_single_file(tiny_parts(kind), file)
    convert(file, folder)
    assert same_settings(load_folder(folder), tiny_parts(kind))
    convert(folder, again)
    assert again.read_bytes() == file.read_bytes()
    convert(file, tmp_path / "half", dtype=torch.float16)
    convert(tmp_path / "half", tmp_path / "half.safetensors")
    assert {t.dtype for t in load_file(tmp_path / "half.safetensors").values()} == {torch.float16}
    assert same_weights(
        tiny_parts(kind), load_single_file(tmp_path / "half.safetensors"), torch.float16
    )
    assert not list(tmp_path.glob("*.partial"))


def test_the_widest_dtype_keeps_every_number():
    half, brain, whole = torch.float16, torch.bfloat16, torch.float32
    table = [
        ([half], half), ([brain], brain), ([half, brain], whole), ([half, torch.int64], half),
        ([torch.float8_e5m2], half), ([torch.float8_e4m3fn, brain], whole), ([], whole),
        ([torch.float8_e8m0fnu], brain), ([torch.float8_e4m3fnuz], half),
    ]  # fmt: skip
    for dtypes, expected in table:
        assert widest(Entry(dtype=dtype, shape=(1,)) for dtype in dtypes) is expected


def test_a_prediction_that_is_given_is_saved(tmp_path):
    file, folder = tmp_path / "a.safetensors", tmp_path / "folder"
    save_single_file(tiny_parts("sd1"), file)
    convert(file, tmp_path / "v.safetensors", prediction="v")
    convert(file, folder, prediction="v")
    given = [load_single_file(tmp_path / "v.safetensors"), load_folder(folder)]
    assert [parts.prediction for parts in given] == [tiny_parts("sd2-v").prediction] * 2


def test_what_stands_there_is_kept_unless_forced(single, tmp_path):
    other, folder = tmp_path / "other.safetensors", tmp_path / "folder"
    other.write_bytes(b"precious")
    with pytest.raises(OutputError, match="exists already: --force"):
        convert(single, other)
    assert other.read_bytes() == b"precious"
    convert(single, other, force=True)
    assert other.read_bytes() == single.read_bytes()
    convert(single, folder)
    with pytest.raises(OutputError, match="exists already"):
        convert(single, folder)
    convert(single, folder, force=True, dtype=torch.float16)
    assert same_weights(tiny_parts("sd2-v"), load_folder(folder), torch.float16)
    (tmp_path / "pictures").mkdir()
    with pytest.raises(OutputError, match="is no model folder and is not replaced"):
        convert(single, tmp_path / "pictures", force=True)
    with pytest.raises(UsageError, match="is the source itself"):
        convert(single, single, force=True)


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        ("x.ckpt", {}, "would be a pickle"),
        ("no/such/x.safetensors", {}, "there is no folder"),
        ("x.safetensors", {"ema": True}, "averaged"),
    ],
)
def test_what_cannot_be_converted_so(single, tmp_path, target, options, message):
    with pytest.raises((UsageError, OutputError, CheckpointError), match=message):
        convert(single, tmp_path / target, **options)
    assert [path.name for path in tmp_path.iterdir()] == [single.name]


def test_a_folder_has_no_averaged_weights(tiny_model, tmp_path):
    with pytest.raises(UsageError, match="for single files"):
        convert(tiny_model, tmp_path / "x.safetensors", ema=True)


def test_a_file_that_is_no_whole_model_is_copied_in_another_dtype(tmp_path):
    tensors = {"a.lora_down.weight": torch.randn(2, 3), "a.alpha": torch.tensor(4)}
    save_file(tensors, tmp_path / "lora.pt", metadata={"ss_network_dim": "2"})
    convert(tmp_path / "lora.pt", tmp_path / "half.safetensors", dtype=torch.float16)
    half = load_file(tmp_path / "half.safetensors")
    assert torch.equal(half["a.lora_down.weight"], tensors["a.lora_down.weight"].half())
    assert half["a.alpha"].dtype == torch.int64
    with pytest.raises(UsageError, match="is a LoRA: it converts to a"):
        convert(tmp_path / "lora.pt", tmp_path / "folder")


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_is_opened_only_when_asked_and_gives_the_same_model(zipped, tmp_path, monkeypatch):
    name = "pytorch_lightning.callbacks.model_checkpoint"
    stub = types.ModuleType(name)
    stub.ModelCheckpoint = type("ModelCheckpoint", (), {"__module__": name})
    for part in ("pytorch_lightning", "pytorch_lightning.callbacks"):
        monkeypatch.setitem(sys.modules, part, types.ModuleType(part))
    monkeypatch.setitem(sys.modules, name, stub)
    notes = {"global_step": 5, "callbacks": {stub.ModelCheckpoint: {"best": torch.tensor(1.0)}}}
    path = tmp_path / "model.ckpt"
    torch.save(
        {"state_dict": tiny_file("sd1"), **notes}, path, _use_new_zipfile_serialization=zipped
    )
    for part in (name, "pytorch_lightning.callbacks", "pytorch_lightning"):
        monkeypatch.delitem(sys.modules, part)
    with pytest.raises(CheckpointError, match="--from-pickle"):
        convert(path, tmp_path / "model.safetensors")
    convert(path, tmp_path / "model.safetensors", from_pickle=True)
    assert same_weights(load_single_file(tmp_path / "model.safetensors"), tiny_parts("sd1"))


def test_a_textual_inversion_gets_the_word_it_teaches(tmp_path):
    vectors = torch.randn(2, 768)
    torch.save({"string_to_param": {"*": vectors}, "name": "cat", "step": 3}, tmp_path / "x.pt")
    convert(tmp_path / "x.pt", tmp_path / "x.safetensors", from_pickle=True)
    assert torch.equal(load_file(tmp_path / "x.safetensors")["cat"], vectors)


def test_vectors_in_a_parameter_dict_are_read(tmp_path):
    """As LDM's trainer of textual inversions saves them; the star stands for the file's name."""
    vectors = torch.randn(2, 768)
    held = torch.nn.ParameterDict({"*": torch.nn.Parameter(vectors)})
    content = {"string_to_token": {"*": torch.tensor(265)}, "string_to_param": held}
    torch.save(content, tmp_path / "moga.pt")
    convert(tmp_path / "moga.pt", tmp_path / "x.safetensors", from_pickle=True)
    found = load_file(tmp_path / "x.safetensors")
    assert found.keys() == {"moga"}
    assert torch.equal(found["moga"], vectors)


def pickled(folder, *, shards=1, variant=""):
    """The folder with pickles in place of its safetensors, as the first were published."""
    for file in sorted(folder.rglob("*.safetensors")):
        stem = "pytorch_model" if file.stem == "model" else file.stem
        state = load_file(file)
        if stem == "pytorch_model":
            state |= {"embeddings.position_ids": torch.arange(77)[None]}
        file.unlink()
        if shards == 1 or stem == "pytorch_model":
            torch.save(state, file.parent / f"{stem}{variant}.bin")
            continue
        names, where = sorted(state), {}
        for number in range(shards):
            part = f"{stem}-{number + 1:05d}-of-{shards:05d}.bin"
            some = {name: state[name] for name in names[number::shards]}
            where |= dict.fromkeys(some, part)
            torch.save(some, file.parent / part)
        index = json.dumps({"weight_map": where})
        (file.parent / f"{stem}.bin.index.json").write_text(index)
    return folder


@pytest.mark.parametrize("options", [{}, {"shards": 2}, {"variant": ".fp16"}])
def test_a_folder_of_pickles_becomes_a_safe_one(tmp_path, options):
    whole = saved("sd1", tmp_path / "whole")
    folder = pickled(shutil.copytree(whole, tmp_path / "old"), **options)
    for refused in (load_folder, lambda path: convert(path, tmp_path / "new")):
        with pytest.raises(CheckpointError, match="convert FOLDER NEW --from-pickle"):
            refused(folder)
    convert(folder, tmp_path / "new", from_pickle=True)
    assert same_weights(load_folder(whole), load_folder(tmp_path / "new"))
    assert same_settings(load_folder(whole), load_folder(tmp_path / "new"))
    assert not list(tmp_path.rglob(".limner-*"))
    assert not list((tmp_path / "new").rglob("*.bin"))


def test_a_folder_of_pickles_runs_nothing(tmp_path, monkeypatch):
    folder = pickled(saved("sd1", tmp_path / "old"))
    monkeypatch.chdir(tmp_path)
    torch.save({"a": torch.ones(1), "b": Bomb()}, folder / "unet" / "diffusion_pytorch_model.bin")
    with pytest.raises(CheckpointError, match="holds more than tensors"):
        convert(folder, tmp_path / "new", from_pickle=True)
    assert [path.name for path in tmp_path.iterdir()] == ["old"]


def test_pickles_beside_safetensors_are_left_alone(tmp_path, monkeypatch):
    folder = saved("sd1", tmp_path / "old")
    monkeypatch.chdir(tmp_path)
    torch.save({"b": Bomb()}, folder / "unet" / "diffusion_pytorch_model.bin")
    convert(folder, tmp_path / "new", from_pickle=True)
    assert same_weights(load_folder(folder), load_folder(tmp_path / "new"))


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("exploded",)


def torchscript(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("clip/data.pkl", b"")
        archive.writestr("clip/code/__torch__.py", "exploded")


def compressed(path):
    torch.save({"a": torch.zeros(10_000)}, path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda p: torch.save({"state_dict": {"a": torch.ones(1)}, "b": Bomb()}, p), "more than"),
        (lambda p: p.write_bytes(pickle.dumps({"b": Bomb()}, protocol=2)), "more than"),
        (lambda p: torch.save([torch.ones(1)], p), "no tensors by name"),
        (lambda p: torch.save({"a": 3}, p), "no tensors by name"),
        (lambda p: torch.save({"a": torch.ones(1).expand(1 << 40)}, p), "claim 4,398,046,511,104"),
        (lambda p: torch.save({"a": torch.ones(3).to_sparse()}, p), "no plain tensors"),
        (lambda p: p.write_bytes(b"PK\x03\x04 and nothing"), "broken or cut short"),
        (lambda p: p.write_bytes(b"\x80\x02 and nothing"), "more than tensors, or is broken"),
        (lambda p: p.write_bytes(b"neither"), "does not begin like"),
        (compressed, "compressed zip"),
        (torchscript, "TorchScript program, which opening would run"),
    ],
)
def test_hostile_pickles_are_refused_and_not_run(write, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "model.ckpt")
    with pytest.raises(CheckpointError, match=message) as raised:
        convert(tmp_path / "model.ckpt", tmp_path / "model.safetensors", from_pickle=True)
    assert len(str(raised.value).splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["model.ckpt"]


def test_a_lora_of_a_folder_goes_along(model_with_lora, tmp_path):
    convert(model_with_lora, tmp_path / "copy")
    copy = ModelFolder(tmp_path / "copy")
    assert copy.loras == (tmp_path / "copy" / "own.safetensors",)
    assert copy.loras[0].read_bytes() == (model_with_lora / "own.safetensors").read_bytes()
    one, other = (limner.load(path, device="cpu") for path in (model_with_lora, copy.path))
    assert other.adapters.loras == (("own", 1.0),)
    pictures = [painter.generate("a red apple", seed=1).images[0] for painter in (one, other)]
    assert pictures[0].tobytes() == pictures[1].tobytes()
    other.remove_lora("own")
    assert other.generate("a red apple", seed=1).images[0].tobytes() != pictures[0].tobytes()


def test_a_single_file_has_no_place_for_a_lora(tmp_path):
    folder = tmp_path / "folder"
    save_folder(tiny_parts("sd1"), folder)
    save_file({"a": torch.zeros(1)}, folder / "style.safetensors")
    ModelFolder(folder).add_lora("style.safetensors")
    with pytest.raises(CheckpointError, match=r"has a LoRA, style\.safetensors, .* as a folder"):
        convert(folder, tmp_path / "model.safetensors")
    assert not (tmp_path / "model.safetensors").exists()


def test_a_lora_that_is_named_and_missing_is_told(tmp_path):
    folder = tmp_path / "folder"
    save_folder(tiny_parts("sd1"), folder)
    ModelFolder(folder).add_lora("style.safetensors")
    with pytest.raises(CheckpointError, match=r"names a LoRA that is missing: .*style"):
        convert(folder, tmp_path / "copy")


def test_loras_of_a_published_folder_leave_its_settings(tmp_path):
    folder = saved("sd1", tmp_path / "folder")
    before = ModelFolder(folder).load_settings()
    ModelFolder(folder).add_lora("style.safetensors")
    assert ModelFolder(folder).load_settings() == before
