"""What the fuzz is let loose on: each target takes a case, and may raise LimnerError alone."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from hypothesis import strategies as st
from mutations import JSON, changed, changes, edited, edits, with_header
from PIL import Image

import limner
from limner.checkpoints import inspect
from limner.checkpoints.lora import save_lora
from limner.checkpoints.lora_names import adaptable
from limner.checkpoints.textual_inversion import TextualInversion, save_textual_inversion
from limner.cli import files, main
from limner.data.folder import load_folder
from limner.errors import LimnerError, PromptError
from limner.nn.trainable import TrainableUpdates
from limner.pipeline.lines import read_lines
from limner.pipeline.masks import read_mask
from limner.pipeline.metadata import read_record, texts
from limner.pipeline.pictures import read_picture
from limner.pipeline.planning import plan
from limner.pipeline.request import Request
from limner.pipeline.statement import FIELDS, STORED
from limner.text.dialect import Dialect

SYNTAX = "()[]{}<>:|,.\\ \"'+-=_#&abc019 \n\t猫é\u0301\u200d🍎"
WORDS = ("AND", "BREAK", "<lora:a:1>", "(a:1.2)", "[a:b:.5]", "[a|b]", ".swap(a, t_start=0)", "a",
         '("a", "b").blend(1, 1)', '("a", "b").and()', "embedding:a", "++", "--", "a cat",
         "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 16x16")  # fmt: skip
PROMPT = st.lists(
    st.sampled_from(WORDS) | st.text(SYNTAX, max_size=12) | st.text(max_size=6), max_size=8
).map("".join)
CONFIGS = (
    "model_index.json", "limner.json", "unet/config.json", "vae/config.json",
    "text_encoder/config.json", "tokenizer/vocab.json", "tokenizer/tokenizer_config.json",
    "scheduler/scheduler_config.json",
)  # fmt: skip
SLOW_OPTIONS = ("steps", "count", "size", "upscale", "mask", "style", "extend")


@dataclass(frozen=True)
class World:
    """A tiny model, and valid files of every kind, in a folder of their own."""

    folder: Path
    painter: limner.Painter
    files: dict[str, bytes]

    @classmethod
    def made(cls, model: Path, folder: Path) -> World:
        painter = limner.load(model, device="cpu")
        lora, word = folder / "lora.safetensors", folder / "word.safetensors"
        models = {"unet": painter.parts.denoiser}
        save_lora(lora, TrainableUpdates(adaptable(models), rank=2).updates(), models)
        width = painter.parts.text_encoder.config.width
        vectors = {"text_encoder": torch.randn(2, width)}
        save_textual_inversion(word, TextualInversion(word="moga", vectors=vectors))
        result = painter.generate("a cat", seed=1, steps=1)
        said = texts(result, 0)
        made = {"lora": lora.read_bytes(), "word": word.read_bytes()}
        for suffix in (".png", ".jpg", ".webp"):
            path = files.save_picture(result.images[0], folder / f"a{suffix}", said)
            made[suffix] = path.read_bytes()
        deep = folder / "deep.png"
        Image.new("I;16", (16, 16), 40_000).save(deep)
        made["deep"] = deep.read_bytes()
        copy = Path(shutil.copytree(model, folder / "model"))
        made |= {name: (copy / name).read_bytes() for name in CONFIGS if (copy / name).exists()}
        return cls(folder, painter, made)

    def file(self, name: str, data: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(data)
        return path


def lora_file(world: World, case: Any) -> None:
    path = world.file("fuzzed.safetensors", _broken(world.files["lora"], case))
    with contextlib.suppress(LimnerError):
        inspect(path)
    try:
        world.painter.add_lora(path, 0.5, name="fuzzed")
        world.painter.generate("a cat", seed=0, steps=1)
    finally:
        with contextlib.suppress(LimnerError):
            world.painter.remove_lora("fuzzed")


def word_file(world: World, case: Any) -> None:
    path = world.file("fuzzed.safetensors", _broken(world.files["word"], case))
    painter = limner.Painter(world.painter.parts, device=world.painter.device)
    painter.add_embedding(path)


def model_file(world: World, case: Any) -> None:
    path = world.file("model.safetensors", _broken(world.files["lora"], case))
    inspect(path)
    limner.load(path, device="cpu")


def config(world: World, case: Any) -> None:
    which, done = case
    names = [name for name in CONFIGS if name in world.files]
    name = names[which % len(names)]
    path = world.folder / "model" / name
    try:
        if isinstance(done, bytes):
            path.write_bytes(done)
        else:
            tree = changed(json.loads(world.files[name]), done)
            path.write_bytes(json.dumps(tree).encode("utf-8", "surrogatepass"))
        with contextlib.suppress(LimnerError):
            inspect(world.folder / "model")
        painter = limner.load(world.folder / "model", device="cpu")
        request = Request(prompt="a cat", seed=0, size=(16, 16))
        if (painter.complete(request).steps or 0) < 10:
            painter.paint(request)
    finally:
        path.write_bytes(world.files[name])


def picture(world: World, case: Any) -> None:
    name, done = case
    path = world.file(
        f"fuzzed{name if name[0] == '.' else '.png'}", edited(world.files[name], done)
    )
    for read in (read_record, read_picture, read_mask):
        with contextlib.suppress(LimnerError):
            read(path)
    folder = world.folder / "pictures"
    folder.mkdir(exist_ok=True)
    path.replace(folder / f"a{path.suffix}")
    (folder / "a.txt").write_bytes(b"a cat")
    try:
        load_folder(folder, size=16, channels=4)
    finally:
        shutil.rmtree(folder)


def record(world: World, case: str) -> None:
    """A picture that says something of how it was painted, in either place."""
    for key in ("limner", "parameters"):
        image = Image.new("RGB", (16, 16))
        path = world.folder / "said.png"
        path.unlink(missing_ok=True)
        files.save_picture(image, path, {key: case})
        with contextlib.suppress(LimnerError):
            plan(read_record(path).request, world.painter.model)


def prompt(world: World, case: tuple[str, int]) -> None:
    text, steps = case
    for dialect in Dialect:
        for lenient in (False, True):
            try:
                tree = limner.prompt.parse(text, dialect, lenient=lenient)
            except PromptError:
                assert not lenient
                continue
            with contextlib.suppress(LimnerError):
                tree.timeline(steps)
            for other in Dialect:
                limner.prompt.convert(tree, other)
        with contextlib.suppress(LimnerError):
            _painted(world, Request(prompt=text, dialect=dialect.value, steps=2))


def request(world: World, case: dict[str, Any]) -> None:
    Request.from_json(json.dumps(case))
    _painted(world, Request.from_values(case))


def line(world: World, case: bytes) -> None:
    for found in read_lines(io.BytesIO(case)):
        if not isinstance(found, LimnerError):
            _painted(world, found.request)


def command(world: World, case: list[str]) -> None:
    """A command line: one line of error, and a code that says what kind it is."""
    said, out = io.StringIO(), io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    model = str(world.folder / "model")
    end = ["--model", model, "--steps", "1", "-o", str(world.folder / "c.png")]
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(out):
        code = main([*case, *end, "--force"])
    assert code in (0, 1, 2), said.getvalue()
    assert "unexpected" not in said.getvalue(), said.getvalue()


def _broken(data: bytes, case: Any) -> bytes:
    how, done = case
    return edited(data, done) if how == "bytes" else with_header(data, done)


def _painted(world: World, asked: Request) -> None:
    """Plan it, and paint it where that is quick."""
    made = plan(asked, world.painter.model).request
    width, height = made.size or (0, 0)
    quick = width * height <= 2**10 and (made.steps or 0) <= 2 and made.count <= 2
    if quick and made.upscale is None and len(made.prompt) < 200:
        world.painter.paint(asked)


Target = tuple[Callable[[World, Any], None], st.SearchStrategy[Any]]
of_tensors = st.tuples(st.just("header"), changes) | st.tuples(st.just("bytes"), edits)
of_fields = st.fixed_dictionaries(
    {"prompt": PROMPT | JSON}, optional={name: JSON for name in STORED if name != "prompt"}
)
numbers = {name: st.integers(0, 3) for name in ("steps", "count", "clip_skip", "seed")}
likely = st.fixed_dictionaries(
    {"prompt": PROMPT},
    optional=numbers
    | {"guidance": st.floats(-2e3, 2e3), "size": st.tuples(*2 * (st.integers(0, 40),))}
    | {name: st.sampled_from([*getattr(FIELDS[name].about.kind, "names", ("a",)), "?"])
       for name in ("solver", "schedule", "dialect", "weighting", "noise", "layout")},
)  # fmt: skip
options = st.sampled_from([name for name in STORED if name not in (*SLOW_OPTIONS, "prompt")])
words = st.tuples(options, st.text(max_size=8) | st.sampled_from(["1", "0", "nan", "1e30", "-1"]))
TARGETS: dict[str, Target] = {
    "lora_file": (lora_file, of_tensors),
    "word_file": (word_file, of_tensors),
    "model_file": (model_file, of_tensors),
    "config": (config, st.tuples(st.integers(0, 20), changes | st.binary(max_size=20))),
    "picture": (picture, st.tuples(st.sampled_from((".png", ".jpg", ".webp", "deep")), edits)),
    "record": (record, PROMPT | JSON.map(lambda tree: json.dumps(tree))
               | of_fields.map(lambda tree: json.dumps(tree))),
    "prompt": (prompt, st.tuples(PROMPT, st.integers(-1, 30))),
    "request": (request, of_fields | likely),
    "line": (line, st.binary(max_size=60) | of_fields.map(lambda t: json.dumps(t).encode())
             | PROMPT.map(lambda text: text.encode("utf-8", "replace"))),
    "command": (command, st.tuples(PROMPT, st.lists(words, max_size=3)).map(
        lambda drawn: [drawn[0], *(f"--{name.replace('_', '-')}={value}"
                                   for name, value in drawn[1])])),
}  # fmt: skip
