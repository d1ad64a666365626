import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

import limner
from limner.checkpoints.lora import read_lora, save_lora
from limner.checkpoints.lora_names import adaptable
from limner.checkpoints.textual_inversion import read_textual_inversion
from limner.cli import main
from limner.cli.options import parse_lora
from limner.engine.adapted import PlacedLora
from limner.engine.driver import steps
from limner.errors import CheckpointError, RequestError, UsageError
from limner.generators import finish
from limner.nn.adapter import Adapter, LowRank
from limner.pipeline import Region, Request
from limner.pipeline.embedded import png_info
from limner.pipeline.metadata import read_request, texts
from limner.pipeline.paint import paint as painting
from limner.pipeline.planning import plan


@pytest.fixture
def painter(tiny_model):
    return limner.load(tiny_model, device="cpu")


@pytest.fixture
def lora(painter, tmp_path):
    """A LoRA for the cross-attention and the text encoder of the tiny model."""
    models = {"unet": painter.parts.denoiser, "text_encoder": painter.parts.text_encoder}
    updates = {}
    for name, module in adaptable(models).items():
        out, into = module.weight.shape[:2]
        if "attn" in name:
            updates[name] = LowRank(down=torch.randn(2, into), up=torch.randn(out, 2))
    save_lora(tmp_path / "style.safetensors", updates, models)
    return tmp_path / "style.safetensors"


@pytest.fixture
def embedding(tmp_path):
    file = tmp_path / "words" / "moga.safetensors"
    file.parent.mkdir()
    save_file({"<moga>": torch.randn(2, 24)}, file)
    return file


def paint(painter, prompt="a red apple", **fields):
    return painter.generate(prompt, seed=7, **fields).latents


def test_a_lora_changes_pictures_and_leaves_none_of_itself(painter, lora):
    plain = paint(painter)
    assert painter.add_lora(lora, 0.5) == "style"
    half = paint(painter)
    assert not torch.allclose(half, plain, atol=1e-2)
    painter.adapters.merge()
    torch.testing.assert_close(paint(painter), half, atol=1e-3, rtol=1e-3)
    painter.adapters.set_weight("style", 0.0)
    assert torch.equal(paint(painter), plain)
    painter.remove_lora("style")
    assert torch.equal(paint(painter), plain)


def test_the_same_file_twice_at_opposite_weights_is_none(painter, lora):
    plain = paint(painter)
    painter.add_lora(lora, 0.75)
    painter.add_lora(lora, -0.75, "against")
    torch.testing.assert_close(paint(painter), plain, atol=1e-4, rtol=1e-4)
    assert painter.adapters.loras == (("style", 0.75), ("against", -0.75))


def test_threads_learn_a_word_together(painter, embedding, monkeypatch):
    painter.adapters.embedding_folder = embedding.parent
    both = threading.Barrier(2)

    def slow(*args):
        found = read_textual_inversion(*args)
        with suppress(threading.BrokenBarrierError):
            both.wait(timeout=0.5)
        return found

    monkeypatch.setattr("limner.pipeline.adapters.read_textual_inversion", slow)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(painter.adapters.learn, ["a moga"] * 2))
    assert painter.adapters.embeddings == ("moga",)


def test_of_two_threads_one_takes_a_name(painter, lora, monkeypatch):
    both = threading.Barrier(2)

    def slow(*args):
        found = read_lora(*args)
        with suppress(threading.BrokenBarrierError):
            both.wait(timeout=0.5)
        return found

    def add(weight):
        try:
            return painter.add_lora(lora, weight)
        except UsageError as error:
            return str(error)

    monkeypatch.setattr("limner.pipeline.adapters.read_lora", slow)
    with ThreadPoolExecutor(2) as threads:
        said = list(threads.map(add, [0.5, 1.0]))
    assert sorted("on the model already" in each for each in said) == [False, True]
    assert len(painter.adapters.loras) == 1


def test_what_there_is_can_be_looked_at_while_it_is_changed(painter):
    adapters, nothing = painter.adapters, Adapter({})

    class Looked(PlacedLora):
        """One that another is put beside while it is looked at."""

        @property
        def warning(self):
            adapters.put("b", PlacedLora(nothing, nothing))

        @warning.setter
        def warning(self, said):
            assert said is None

    adapters.put("a", Looked(nothing, nothing))
    assert adapters.warnings == ()
    assert adapters.loras == (("a", 1.0), ("b", 1.0))


def test_the_parts_of_a_collage_have_on_what_the_whole_had(painter, lora):
    regions = [
        Region(text="a red apple", box=(0.0, 0.0, 0.5, 1.0)),
        Region(text="a cat", box=(0.5, 0.0, 0.5, 1.0)),
    ]
    asked = Request(prompt="x", seed=7, layout="collage", regions=regions)
    bare = painter.paint(asked)
    planned = plan(asked, painter.model)
    painter.add_lora(lora)
    found = finish(steps(painting(planned), painter.engine))
    assert torch.equal(found.latents, bare.latents)
    assert not torch.equal(painter.paint(asked).latents, bare.latents)


def test_a_painting_has_its_loras_to_its_end(tiny_model, tiny_upscaler, lora):
    painter = limner.load(tiny_model, device="cpu", upscaler=tiny_upscaler)
    painter.add_lora(lora)
    asked = Request(prompt="a red apple", seed=7, upscale=2, refine=0.7)
    whole = painter.paint(asked)
    steps = painter.steps(asked)
    next(steps)
    painter.remove_lora("style")
    assert finish(steps).images[0].tobytes() == whole.images[0].tobytes()


def test_names_are_taken_once_and_removed_by_name(painter, lora):
    painter.add_lora(lora)
    with pytest.raises(UsageError, match="'style' is on the model already"):
        painter.add_lora(lora)
    with pytest.raises(UsageError, match="no LoRA 'stile' is on the model; there: style"):
        painter.remove_lora("stile")


def test_a_learned_word_is_painted_and_forgotten(painter, embedding):
    plain, other = paint(painter, "a <moga>"), paint(painter)
    assert painter.add_embedding(embedding) == "<moga>"
    assert not torch.allclose(paint(painter, "a <moga>"), plain, atol=1e-3)
    assert torch.equal(paint(painter), other)
    with pytest.raises(UsageError, match="is taken"):
        painter.add_embedding(embedding, "<MOGA>")
    painter.add_embedding(embedding, "second")
    painter.remove_embedding("<moga>")
    assert torch.equal(paint(painter, "a <moga>"), plain)
    with pytest.raises(UsageError, match="not learned; learned: second"):
        painter.remove_embedding("<moga>")


def test_the_picture_says_what_was_on_the_model_and_asks_for_it(painter, lora, embedding, tmp_path):
    painter.add_lora(lora, 0.5)
    painter.add_embedding(embedding)
    result = painter.generate("a <Moga>", seed=1)
    path = tmp_path / "one.png"
    result.images[0].save(path, pnginfo=png_info(texts(result, 0)))
    request = read_request(path)
    assert (request.loras, request.embeddings) == ((("style", 0.5),), ("<moga>",))
    assert torch.equal(painter.paint(request).latents, result.latents)
    assert painter.generate("a cat", seed=1).request.embeddings == ()

    painter.adapters.set_weight("style", 1.0)
    with pytest.raises(RequestError, match=r"takes LoRAs style:0\.5, the model has style:1"):
        painter.paint(request)
    painter.remove_lora("style")
    with pytest.raises(RequestError, match="the model has none"):
        painter.paint(request)
    painter.remove_embedding("<moga>")
    with pytest.raises(RequestError, match="takes embeddings <moga>: add them first"):
        painter.paint(replace(request, loras=()))


def test_keys_that_match_nothing_are_a_warning(painter, tmp_path):
    name = "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q"
    pair = {"lora_A.weight": torch.ones(1, 32), "lora_B.weight": torch.ones(32, 1)}
    tensors = {f"{base}.{key}": t.clone() for base in (name, "x.y") for key, t in pair.items()}
    save_file(tensors, tmp_path / "part.safetensors")
    painter.add_lora(tmp_path / "part.safetensors")
    (warning,) = painter.generate("a red apple", seed=0).warnings
    assert "LoRA 'part': 2 keys match no module" in warning
    painter.remove_lora("part")
    assert painter.generate("a red apple", seed=0).warnings == ()


def test_the_command_line_takes_both(tiny_model, lora, embedding, tmp_path):
    words = ["a <moga>", "--model", str(tiny_model), "--seed", "7", "-o", str(tmp_path / "a.png")]
    options = ["--lora", f"{lora}:0.5", "--embedding", str(embedding)]
    assert main([*words, *options, "--device", "cpu"]) == 0
    request = read_request(tmp_path / "a.png")
    assert (request.loras, request.embeddings) == ((("style", 0.5),), ("<moga>",))


def test_two_files_of_one_name_are_told_apart_by_a_name(tiny_model, lora, tmp_path, capsys):
    other = tmp_path / "other" / lora.name
    other.parent.mkdir()
    other.write_bytes(lora.read_bytes())
    words = ["a cat", "--model", str(tiny_model), "--seed", "7", "-o", str(tmp_path / "a.png")]
    both = [*words, "--lora", f"{lora}:0.5", "--device", "cpu"]
    assert main([*both, "--lora", str(other)]) == 2
    assert f"one of that name is on: write NAME={other}" in capsys.readouterr().err
    assert main([*both, "--lora", f"second={other}:0.25"]) == 0
    assert read_request(tmp_path / "a.png").loras == (("style", 0.5), ("second", 0.25))


@pytest.mark.parametrize(
    ("text", "file", "weight", "name"),
    [
        ("a.safetensors", "a.safetensors", 1.0, None),
        ("a.safetensors:0.8", "a.safetensors", 0.8, None),
        ("b:c.safetensors:-1", "b:c.safetensors", -1.0, None),
        ("C:style.safetensors", "C:style.safetensors", 1.0, None),
        ("ink=a/style.safetensors:0.8", "a/style.safetensors", 0.8, "ink"),
        ("old ink=style.safetensors", "style.safetensors", 1.0, "old ink"),
        ("x=y=z", "y=z", 1.0, "x"),
        ("e=mc2.safetensors:0.5", "e=mc2.safetensors", 0.5, None),  # a file that is there
    ],
)
def test_a_lora_option(text, file, weight, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "e=mc2.safetensors").touch()
    path, number, given = parse_lora(text)
    assert (str(path), number, given) == (file, weight, name)


@pytest.mark.parametrize("text", ["a:nan", ":0.5", "a:inf", "0.5", "=a", "a=", "a:b=c", "a<=c"])
def test_a_lora_option_that_is_none(text):
    with pytest.raises(UsageError, match=r"FILE\[:WEIGHT\]"):
        parse_lora(text)


@pytest.fixture
def folders(tiny_model, lora, embedding):
    """A painter that knows where LoRAs and embeddings lie."""
    return limner.load(
        tiny_model, device="cpu", lora_folder=lora.parent, embedding_folder=embedding.parent
    )


def test_a_tag_puts_its_lora_on_for_one_picture(painter, folders, lora):
    plain = paint(folders)
    tagged = paint(folders, "a red apple<lora:style:0.5>")
    assert folders.adapters.loras == ()
    assert torch.equal(paint(folders), plain)
    painter.add_lora(lora, 0.5)
    torch.testing.assert_close(tagged, paint(painter), atol=1e-5, rtol=1e-5)


def test_a_tag_weighs_the_text_encoder_and_the_denoiser_each(folders):
    both, text, picture = (
        paint(folders, f"a red apple<lora:style:{weights}>") for weights in ("1", "1:0", "0:1")
    )
    assert not torch.allclose(text, picture, atol=1e-2)
    assert not torch.allclose(text, both, atol=1e-2)
    assert torch.equal(paint(folders, "a red apple<lora:style:0>"), paint(folders))
    again = paint(folders, "a red apple<lora:style:0.25:0.5><lora:style:0.75:0.5>")
    torch.testing.assert_close(again, both, atol=1e-5, rtol=1e-5)


def test_a_tag_sets_the_weight_of_a_lora_that_is_on(painter, lora):
    painter.add_lora(lora, 0.5)
    half = paint(painter)
    full = paint(painter, "a red apple<lora:style:1>")
    assert not torch.allclose(full, half, atol=1e-2)
    assert painter.adapters.loras == (("style", 0.5),)
    assert torch.equal(paint(painter), half)


def test_a_painting_that_is_cancelled_takes_its_lora_off(folders):
    plain = paint(folders)
    steps = folders.steps(limner.Request(prompt="a red apple<lora:style:1>", seed=7))
    next(steps)
    assert folders.adapters.loras == ()
    assert torch.equal(paint(folders), plain)
    steps.close()
    assert torch.equal(paint(folders), plain)


def test_compels_tag_is_the_same(folders):
    tagged = paint(folders, "a red apple withLora(style, 0.5)", dialect="compel")
    assert torch.equal(tagged, paint(folders, "a red apple<lora:style:0.5>"))


def test_words_of_the_folder_are_learned_where_a_prompt_has_them(painter, folders, embedding):
    painter.add_embedding(embedding, "moga")
    said = paint(painter, "a (moga:1.2)", dialect="comfy")
    assert folders.adapters.embeddings == ()
    assert torch.equal(paint(folders, "a (moga:1.2)", dialect="comfy"), said)
    assert folders.adapters.embeddings == ("moga",)
    named = paint(folders, "a (embedding:moga:1.2)", dialect="comfy")
    assert torch.equal(named, said)


def test_what_a_prompt_names_and_nobody_has_is_said(folders):
    said = folders.generate("a <lora:stile:1>", seed=7).warnings
    assert "LoRA 'stile' of the prompt is missing: --lora or --lora-folder" in said
    said = folders.generate("a embedding:nothing", seed=7, dialect="comfy").warnings
    assert "embedding 'nothing' is missing: --embedding or --embedding-folder" in said


def test_a_name_that_two_files_have_is_refused(folders, lora):
    (lora.parent / "more").mkdir()
    (lora.parent / "more" / lora.name).write_bytes(lora.read_bytes())
    with pytest.raises(UsageError, match="several files for 'style'"):
        folders.generate("a <lora:style:1>", seed=7)


def test_a_folder_that_is_missing_is_named(tiny_model, tmp_path):
    with pytest.raises(UsageError, match="nowhere is missing"):
        limner.load(tiny_model, lora_folder=tmp_path / "nowhere")


@pytest.fixture
def bundle(lora, tmp_path):
    """The LoRA with a learned word in its file, as A1111 and LyCORIS bundle one."""
    folder = tmp_path / "bundles"
    folder.mkdir()
    vectors = 3 * torch.randn(2, 24)
    word = {"bundle_emb.moga.string_to_param.*": vectors}
    save_file({**load_file(lora), **word}, folder / "pack.safetensors")
    save_file({"moga": vectors}, folder / "moga.safetensors")
    return folder / "pack.safetensors"


def test_a_lora_brings_the_words_in_its_file(painter, bundle, lora):
    plain = paint(painter, "a red moga")
    painter.add_lora(bundle)
    brought = paint(painter, "a red moga")
    assert painter.adapters.embeddings == ("moga",)
    assert painter.generate("a red moga", seed=0, steps=1).request.embeddings == ("moga",)
    assert painter.generate("a red apple", seed=0, steps=1).request.embeddings == ()
    assert painter.generate("a red moga", seed=0, steps=1).warnings == ()
    painter.remove_lora("pack")
    assert painter.adapters.embeddings == ()
    assert torch.equal(paint(painter, "a red moga"), plain)
    painter.add_lora(lora)
    assert not torch.allclose(paint(painter, "a red moga"), brought, atol=1e-3)
    painter.add_embedding(bundle.with_name("moga.safetensors"))
    assert torch.equal(paint(painter, "a red moga"), brought)


def test_a_tagged_lora_brings_its_words_for_that_picture_alone(tiny_model, bundle, painter):
    tagging = limner.load(tiny_model, device="cpu", lora_folder=bundle.parent)
    plain = paint(tagging, "a red moga")
    tagged = paint(tagging, "a red moga<lora:pack:1>")
    assert torch.equal(paint(tagging, "a red moga"), plain)
    painter.add_lora(bundle)
    torch.testing.assert_close(tagged, paint(painter, "a red moga"), atol=1e-5, rtol=1e-5)


def test_a_bundle_for_another_text_encoder_is_refused(painter, bundle):
    word = {"bundle_emb.moga.string_to_param.*": torch.ones(2, 25)}
    save_file({**load_file(bundle), **word}, bundle)
    with pytest.raises(CheckpointError, match=r"pack\.safetensors: an embedding for another model"):
        painter.add_lora(bundle)
