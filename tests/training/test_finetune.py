"""Fine-tuning of tiny models: what is trained, what is not, and that other programs read it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from asking import told
from safetensors.torch import load_file
from side_by_side import NEGATIVE, ours, relative, theirs
from tiny_pipelines import KINDS, SIZE, saved, tiny_pipeline
from torch import Tensor

import limner
from limner.checkpoints import Parts, load_folder
from limner.checkpoints.lora import read_lora
from limner.data.records import PictureSet, Record
from limner.diffusion.prediction import V
from limner.errors import TrainingError, UsageError
from limner.generators import finish
from limner.training.distributed import Processes
from limner.training.finetune import CaptionEncoder, FineTuning, finetune, mirrored
from limner.training.loop import LoopConfig, Progress
from limner.training.objectives.conditions import Remembered
from limner.training.tunings import EmbeddingTuning, FullTuning, LoraTuning, Tuning
from limner.types import Conditioning

LOOP = LoopConfig(
    steps=3, batch=4, learning_rate=0.05, weight_decay=0.0, precision="fp32", warmup=0.0,
    decay=0.0, ema=(16.97,),
)  # fmt: skip
LORA = LoraTuning(rank=2, text=True)


def pictures(channels: int = 3, word: str = "cat", size: int = SIZE) -> PictureSet:
    draw = torch.Generator().manual_seed(0)
    shape = (5, channels, size, size)
    records = [Record(picture=i, concept="", captions=(f"a {word} of ink {i}",)) for i in range(5)]
    return PictureSet(
        pictures=torch.randint(0, 256, shape, generator=draw).to(torch.uint8),
        records=tuple(records),
    )


def tuned(
    parts: Parts, folder: Path, tuning: Tuning, data: PictureSet | None = None, **fields: Any
) -> Path:
    """The file or folder that a training of three steps writes."""
    config = FineTuning(tuning=tuning, loop=LOOP, **fields)
    return finish(finetune(parts, pictures() if data is None else data, folder, config))


def weights(parts: Parts) -> dict[str, Tensor]:
    modules = {
        "denoiser": parts.denoiser, "text": parts.text_encoder, "text 2": parts.text_encoder_2,
        "autoencoder": parts.autoencoder,
    }  # fmt: skip
    return {
        f"{part}.{name}": weight.clone()
        for part, module in modules.items()
        if module is not None
        for name, weight in module.state_dict().items()
    }


@pytest.mark.filterwarnings("ignore:.*does not.*adapter:UserWarning")
@pytest.mark.parametrize(
    ("kind", "spelling"),
    [
        ("sd1", "peft"),
        ("sd2-v", "kohya"),
        ("sdxl", "kohya"),
        pytest.param("sdxl", "peft", marks=pytest.mark.slow),
        pytest.param("sd1", "kohya", marks=pytest.mark.slow),
    ],
)
def test_a_lora_gives_the_same_picture_in_diffusers(
    tmp_path: Path, kind: str, spelling: Any
) -> None:
    path = saved(kind, tmp_path / "model")
    parts = load_folder(path)
    before = weights(parts)
    file = tuned(parts, tmp_path / "ink", replace(LORA, spelling=spelling))
    assert file == tmp_path / "ink" / "ink.safetensors"
    assert all(torch.equal(weight, before[name]) for name, weight in weights(parts).items())

    painter, plain = limner.load(path, device="cpu"), ours(path, negative=NEGATIVE).latents
    assert painter.add_lora(file) == "ink"
    assert painter.adapters.warnings == ()
    latents = ours(painter, negative=NEGATIVE).latents
    pipeline = tiny_pipeline(kind)
    pipeline.load_lora_weights(tmp_path / "ink", weight_name=file.name)
    try:
        expected = theirs(pipeline, negative_prompt=NEGATIVE)
    finally:
        pipeline.unload_lora_weights()
    assert relative(latents, expected) < 1e-3
    assert relative(latents, plain) > 1e-2


@pytest.mark.parametrize("kind", ["sd1", "sd2", "sdxl"])
def test_a_word_is_learned_and_nothing_else_changes(tmp_path: Path, kind: str) -> None:
    path = saved(kind, tmp_path / "model")
    parts = load_folder(path)
    before = weights(parts)
    word = EmbeddingTuning(word="<moga>", start="cat", vectors=2)
    file = tuned(parts, tmp_path / "run", word, pictures(word="<moga>"))
    assert file.name == "<moga>.safetensors"
    assert all(torch.equal(weight, before[name]) for name, weight in weights(parts).items())

    painter = limner.load(path, device="cpu")
    tables = {tower: words.table for tower, words in painter.adapters._places.words.items()}
    assert painter.add_embedding(file) == "<moga>"
    first = painter.parts.tokenizer.encode("cat")[0]
    learned = painter.adapters._embeddings["<moga>"].vectors
    assert learned.keys() == tables.keys()
    for tower, rows in learned.items():
        change = (rows - tables[tower][first]).abs().max()
        assert rows.shape[0] == 2
        assert 0.01 < change < 0.2  # three steps of 0.05 from where "cat" is
    if kind != "sdxl":
        assert load_file(file).keys() == {"<moga>"}
    else:
        assert load_file(file).keys() == {"clip_l", "clip_g"}


def test_full_fine_tuning_keeps_the_process_and_what_is_predicted(tmp_path: Path) -> None:
    parts = load_folder(saved("sd2-v", tmp_path / "model"))
    before = weights(parts)
    folder = tuned(parts, tmp_path / "run", FullTuning())
    assert folder == tmp_path / "run" / "model"
    again = load_folder(folder)
    assert isinstance(again.prediction, V)
    assert again.process == parts.process
    assert again.sampling == parts.sampling
    changed = {n for n, weight in weights(again).items() if not torch.equal(weight, before[n])}
    assert changed == {name for name in before if name.startswith("denoiser.")}


def test_the_text_towers_are_trained_along_if_asked(tmp_path: Path) -> None:
    parts = load_folder(saved("sdxl", tmp_path / "model"))
    before = weights(parts)
    again = load_folder(tuned(parts, tmp_path / "run", FullTuning(text=True)))
    changed = {n for n, weight in weights(again).items() if not torch.equal(weight, before[n])}
    assert {name.split(".")[0] for name in changed} == {"denoiser", "text", "text 2"}


def first_loss(parts: Parts, folder: Path) -> float:
    loop = replace(LOOP, steps=1)
    config = FineTuning(tuning=LoraTuning(rank=2), loop=loop)
    (step,) = finetune(parts, pictures(4), folder, config)
    return step.losses["total"]


def test_a_model_is_trained_with_the_lora_that_it_has(
    model_with_lora: Path, tmp_path: Path
) -> None:
    """The oracle is the same LoRA added into the weights."""
    merged = load_folder(model_with_lora)
    models = merged.adaptable
    read_lora(merged.loras[0], models).adapter(models).merge()
    expected = first_loss(replace(merged, loras=()), tmp_path / "merged")
    with_it = first_loss(load_folder(model_with_lora), tmp_path / "with")
    without = first_loss(replace(load_folder(model_with_lora), loras=()), tmp_path / "without")
    assert with_it == pytest.approx(expected, rel=1e-4)
    assert with_it != pytest.approx(without, rel=1e-3)


def test_a_fine_tuned_model_keeps_its_lora(model_with_lora: Path, tmp_path: Path) -> None:
    folder = tuned(load_folder(model_with_lora), tmp_path / "run", FullTuning(), pictures(4))
    again = load_folder(folder)
    assert [file.name for file in again.loras] == ["own.safetensors"]
    assert again.loras[0].read_bytes() == (model_with_lora / "own.safetensors").read_bytes()


def test_the_loss_falls_on_the_shipped_kind_of_model(tiny_model: Path, tmp_path: Path) -> None:
    """A flow on transparent pictures, PAD masked; every target."""
    loop = replace(LOOP, steps=40, batch=4, learning_rate=3e-2)
    config = FineTuning(tuning=LoraTuning(rank=4, targets=("all",)), loop=loop, mirror=True)
    run = finetune(load_folder(tiny_model), pictures(4), tmp_path / "run", config)
    losses = [progress.losses["total"] for progress in run]
    assert sum(losses[-8:]) < 0.8 * sum(losses[:8])


def test_resuming_gives_what_an_unbroken_training_gives(tiny_model: Path, tmp_path: Path) -> None:
    whole = tuned(load_folder(tiny_model), tmp_path / "a" / "ink", LORA, pictures(4))
    config, folder = FineTuning(tuning=LORA, loop=LOOP), tmp_path / "b" / "ink"
    run = finetune(load_folder(tiny_model), pictures(4), folder, config)
    next(run)
    run.close()
    with pytest.raises(TrainingError, match="already holds a training"):
        list(finetune(load_folder(tiny_model), pictures(4), folder, config))
    other = replace(config, tuning=replace(LORA, rank=3))
    with pytest.raises(TrainingError, match="holds another fine-tuning"):
        list(finetune(load_folder(tiny_model), pictures(4), folder, other, resume=True))
    torch.manual_seed(5)
    steps: list[Progress] = list(
        finetune(load_folder(tiny_model), pictures(4), folder, config, resume=True)
    )
    assert [progress.step for progress in steps] == [2, 3]
    ours, theirs = load_file(folder / "ink.safetensors"), load_file(whole)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_stop_saves_and_makes_nothing_yet(tiny_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "ink"
    config = FineTuning(tuning=LORA, loop=LOOP)
    run = finetune(load_folder(tiny_model), pictures(4), folder, config, stop=lambda: True)
    assert [progress.step for progress in run] == [1]
    assert (folder / "state.pt").exists()
    assert not (folder / "ink.safetensors").exists()


def test_sharding_is_refused_before_any_work(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Sharded(Processes):
        sharded = True

    monkeypatch.setattr("limner.training.finetune.find_processes", Sharded)
    config = FineTuning(tuning=LORA, loop=LOOP)
    with pytest.raises(UsageError, match="does not shard weights: launch it without FSDP"):
        next(finetune(load_folder(tiny_model), pictures(4), tmp_path / "ink", config))
    assert not (tmp_path / "ink").exists()


def test_what_is_there_is_not_written_over(tiny_model: Path, tmp_path: Path) -> None:
    file = tmp_path / "ink" / "ink.safetensors"
    file.parent.mkdir()
    file.write_bytes(b"mine")
    with pytest.raises(TrainingError, match=r"ink\.safetensors exists already: name another"):
        tuned(load_folder(tiny_model), file.parent, LORA, pictures(4))
    assert file.read_bytes() == b"mine"
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize(
    ("tuning", "data", "message"),
    [
        (
            LoraTuning(targets=("attn9",)),
            pictures(4),
            "no module of this model is meant by 'attn9'",
        ),
        (EmbeddingTuning(word="red", start="cat"), pictures(4), "'red' is in the model's vocab"),
        (EmbeddingTuning(word="<m>", start="cat"), pictures(4), "'a cat of ink 0' does not have"),
        (EmbeddingTuning(word="<m>", start=" "), pictures(4, "<m>"), "begin as known words"),
        (LORA, pictures(4, size=15), "multiple of 4 is right, such as 16"),
        (LORA, pictures(3), "of 3 channels do not fit this model: 4 are right"),
    ],
)
def test_what_does_not_go_together_is_said_before_any_work(
    tiny_model: Path, tmp_path: Path, tuning: Tuning, data: PictureSet, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        tuned(load_folder(tiny_model), tmp_path / "run", tuning, data)
    assert not (tmp_path / "run").exists()


def test_an_inpainting_model_is_refused(tmp_path: Path) -> None:
    parts = load_folder(saved("sd1-inpainting", tmp_path / "model"))
    with pytest.raises(UsageError, match="an inpainting model, which is not fine-tuned"):
        tuned(parts, tmp_path / "run", LORA)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LoraTuning(rank=0), "rank 0 of a LoRA: at least 1"),
        (lambda: LoraTuning(alpha=float("nan")), "alpha nan of a LoRA"),
        (lambda: LoraTuning(targets=()), "needs targets: attention, linear, all"),
        (lambda: EmbeddingTuning(word="my cat", start="cat"), "must be one word"),
        (lambda: EmbeddingTuning(word="../x", start="cat"), "must be one word"),
        (lambda: EmbeddingTuning(word="<x>", start="cat", vectors=0), "1 to 75 are right"),
        (lambda: FineTuning(tuning=LORA, loop=LOOP, text_dropout=1.0), "from 0 to below 1"),
    ],
)
def test_numbers_that_cannot_be(make: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()


def test_targets_choose_modules(tiny_model: Path) -> None:
    parts = load_folder(tiny_model)

    def chosen(*targets: str) -> set[str]:
        names = LoraTuning(targets=targets).attach(parts)["lora"].targets
        assert isinstance(names, dict)
        return set(names)

    attention, linear, everything = chosen("attention"), chosen("linear"), chosen("all")
    assert attention < linear < everything
    assert "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0" in attention
    assert all(".attn" in name for name in attention)
    assert chosen("conv_in", "to_q") == {n for n in everything if "conv_in" in n or "to_q" in n}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "inpainting" not in kind])
def test_captions_are_told_to_the_denoiser_as_the_painter_tells_them(
    tmp_path: Path, kind: str
) -> None:
    path = saved(kind, tmp_path)
    painter, parts = limner.load(path, device="cpu"), load_folder(path)
    request = limner.Request(prompt="a blue cat", size=(SIZE, SIZE), seed=0)
    (scene,) = set(told(painter, request).values())
    expected = Conditioning.joined([scene.negative, *scene.members])
    encode = CaptionEncoder(parts, (SIZE, SIZE))
    for encoder in (encode, Remembered(encode)):
        with torch.no_grad():
            text = encoder(["", "a blue cat"])
        torch.testing.assert_close(text.context, expected.context)
        if parts.denoiser.config.pooled_width is not None:
            torch.testing.assert_close(text.pooled, expected.pooled)


def test_mirrored_pictures_have_the_captions_of_their_originals() -> None:
    data, both = pictures(), mirrored(pictures())
    assert torch.equal(both.to_float([7])[0], data.to_float([2])[0].flip(-1))
    assert [record.captions for record in both.records] == [r.captions for r in data.records] * 2
