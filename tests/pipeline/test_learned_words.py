"""Learned words are found by their folder wherever they are found when they are added."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import limner
from limner.checkpoints import Words
from limner.emoji.language import EmojiLanguage
from limner.errors import UsageError
from limner.pipeline.words import meant

FIXED = {"seed": 1, "steps": 3, "guidance": 3.0, "weighting": "lerp"}
NAMES = ("moga", "my word", "old(x)", "a+b")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of words, one of them in a folder of its own."""
    folder = tmp_path_factory.mktemp("words")
    torch.manual_seed(0)
    for name in NAMES:
        save_file({"*": 5 * torch.randn(2, 24)}, folder / f"{name}.safetensors")
    (folder / "deep").mkdir()
    save_file({"*": 5 * torch.randn(1, 24)}, folder / "deep" / "zyx.safetensors")
    return folder


@pytest.fixture(scope="module")
def painters(tiny_model: Path, files: Path) -> list[limner.Painter]:
    """With the words added, with their folder, and without them."""
    added, without = (limner.load(tiny_model, device="cpu") for _ in range(2))
    for file in files.rglob("*.safetensors"):
        added.add_embedding(file, file.stem)
    return [added, limner.load(tiny_model, device="cpu", embedding_folder=files), without]


@pytest.mark.parametrize(
    ("prompt", "dialect", "words"),
    [
        *((f"a moga{mark} x", "a1111", ["moga"]) for mark in ".!;'\"?,:/"),
        ("moga", "a1111", ["moga"]),
        ("a (moga) b", "a1111", ["moga"]),
        ("a [moga] b", "a1111", ["moga"]),
        ("a {moga} b", "a1111", ["moga"]),
        ("'moga'", "a1111", ["moga"]),
        ("a MOGA's", "a1111", ["moga"]),
        ("a (moga:1.2)", "a1111", ["moga"]),
        ("[a:moga:2]", "a1111", ["moga"]),
        ("[a|moga|b]", "a1111", ["moga"]),
        ("a AND moga:0.5", "a1111", ["moga"]),
        (r"a \(moga\)", "a1111", ["moga"]),
        (r"mo\ga", "a1111", ["moga"]),
        (r"an old\(x\)!", "a1111", ["old(x)"]),
        ("a my word.", "a1111", ["my word"]),
        ("a (my )(word) b", "a1111", ["my word"]),
        ("(my word:1.3), moga", "a1111", ["my word", "moga"]),
        ("a moga++ b", "compel", ["moga"]),
        ("a moga- b", "compel", ["moga"]),
        ("a (my word)1.2", "compel", ["my word"]),
        ("a cat.swap(moga)", "compel", ["moga"]),
        ("a moga.swap(cat)", "compel", ["moga"]),
        ('("a moga", "b").blend(0.5, 0.5)', "compel", ["moga"]),
        ('("a", "my word").and()', "compel", ["my word"]),
        (r"an old\(x\)++", "compel", ["old(x)"]),
        (r"a a\+b", "compel", ["a+b"]),
        ("a embedding:moga", "comfy", ["moga"]),
        ("a (embedding:moga:1.2) b", "comfy", ["moga"]),
        ("a embedding:moga, b", "comfy", ["moga"]),
        ("a embedding:deep/zyx.safetensors", "comfy", ["zyx"]),
        (r"a embedding:deep\zyx.pt!", "comfy", ["zyx"]),
        ("embedding:deep/zyx b embedding:moga.", "comfy", ["moga", "zyx"]),
        ("a moga b", "plain", ["moga"]),
    ],
)  # fmt: skip
def test_found_by_the_folder_as_when_added(
    painters: list[limner.Painter], prompt: str, dialect: str, words: list[str]
) -> None:
    added, of_folder, without = (
        painter.generate(prompt, dialect=dialect, **FIXED) for painter in painters
    )
    assert sorted(added.request.embeddings or ()) == sorted(words)
    assert sorted(of_folder.request.embeddings or ()) == sorted(words)
    assert torch.equal(of_folder.latents, added.latents)
    assert not torch.equal(added.latents, without.latents)
    assert not [line for line in added.warnings if "missing" in line]


@pytest.mark.parametrize("prompt", ["a mogan", "amoga", "<lora:moga:1> cat", "my  word", "zy x"])
def test_what_is_another_word(painters: list[limner.Painter], prompt: str) -> None:
    for painter in painters:
        assert painter.generate(prompt, **FIXED, dialect="a1111").request.embeddings == ()


def test_in_the_text_of_a_region_and_in_the_negative(painters: list[limner.Painter]) -> None:
    of_region = {"regions": [{"box": [0, 0, 0.5, 1], "text": "an old\\(x\\)"}]}
    for fields in (of_region, {"negative": r"\(moga\)!"}):
        added, of_folder, _ = (painter.generate("a cat", **FIXED, **fields) for painter in painters)
        assert len(of_folder.request.embeddings or ()) == 1
        assert torch.equal(of_folder.latents, added.latents)


def test_of_files_of_one_name_safetensors_are_taken(tiny_model: Path, tmp_path: Path) -> None:
    save_file({"*": torch.randn(2, 24)}, tmp_path / "moga.safetensors")
    torch.save({"*": torch.randn(3, 24)}, tmp_path / "MOGA.PT")
    painter = limner.load(tiny_model, device="cpu", embedding_folder=tmp_path)
    assert painter.generate("a moga", **FIXED).request.embeddings == ("moga",)
    (tmp_path / "b").mkdir()
    save_file({"*": torch.randn(2, 24)}, tmp_path / "b" / "moga.safetensors")
    painter = limner.load(tiny_model, device="cpu", embedding_folder=tmp_path)
    with pytest.raises(UsageError, match="several files for"):
        painter.generate("a moga", **FIXED)


def test_no_part_of_a_learned_word_is_read_as_another() -> None:
    lexicon = {"poodle": "dog", "bus": "car"}
    read, found = meant("a my poodle on a bus, a poodle", lexicon, ("my poodle",))
    assert read == "a my poodle on a car, a dog"
    assert found == (("bus", "car"), ("poodle", "dog"))


WORDS = Words(concepts=("cat", "dog"), styles=("3d",), plain_style="3d")


@pytest.mark.parametrize("prompt", ["my cat!", r"a my cat\(x\)", "(My Cat:1.2) left of a dog"])
def test_a_prompt_with_a_learned_word_is_left_as_it_is(prompt: str) -> None:
    language = EmojiLanguage(WORDS)
    assert language.read(prompt, kept=("my cat", "my cat(x)")).prompt == prompt
    assert language.read("a cat <lora:my cat:1>", kept=("my cat",)).prompt != "a cat"
