"""`limner evaluate MODEL`: the table, and the contact sheet, by an independent judge."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from limner.cli import streams
from limner.cli.options import Strict
from limner.cli.progress import progress_bar
from limner.cli.understanding import everyday_lines, scene_lines, task_lines, word_lines
from limner.errors import UsageError
from limner.generators import finish

if TYPE_CHECKING:
    from torch import Tensor

    from limner.data.records import PictureSet
    from limner.evaluate.judge import Judge
    from limner.evaluate.report import Cell, Report
    from limner.pipeline import Painter

JUDGE_SEED = 20_011  # no training of a painter uses it
SHOWN = 128  # pixels of a picture on the sheet, at the least


def command(
    model: Annotated[Path | None, typer.Argument(help="Model folder. Default: shipped.")] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for report.json and sheet.png.")
    ] = Path("evaluation"),
    judge: Annotated[
        Path | None, typer.Option(help="Folder of the judge, trained if it is not there.")
    ] = None,
    prompts: Annotated[int, typer.Option(help="Seen cells to paint.")] = 1000,
    held_out: Annotated[int, typer.Option(help="Held-out cells to paint, at most.")] = 1000,
    seeds: Annotated[int, typer.Option(help="Pictures a cell.")] = 4,
    judge_steps: Annotated[int, typer.Option(help="Length of the judge's training.")] = 4800,
    data: Annotated[Path | None, typer.Option(help="A built set. Default: 64-pixel emoji.")] = None,
    tasks: Annotated[
        int, typer.Option(min=0, help="Prompts of each of the six tasks of composition.")
    ] = 100,
    scenes: Annotated[
        int, typer.Option(min=0, help="Scenes of two things to paint, of each kind of pair.")
    ] = 0,
    words: Annotated[
        Path | None, typer.Option(help="File of `limner data synonyms`: words to ask for.")
    ] = None,
    strict: Strict = False,
    nouns: Annotated[
        Path | None,
        typer.Option(help="List of everyday nouns to ask for: recipes/everyday-nouns.txt."),
    ] = None,
) -> None:
    """Paint many prompts and let a judge, trained on real pictures only, say what they show."""
    from limner.cli.train import read
    from limner.evaluate.report import check_enough, check_named, choose_cells

    painter, known = opened(model, strict=strict)
    everything = read(data)
    real = everything.select(lambda record: record.concept in known)
    own = in_own_size(painter, real) if data is None else real
    cells = choose_cells(real, seen=prompts, held_out=held_out, seed=0)
    check_enough(cells, range(seeds), real)
    place = judge_folder(everything, judge_steps, usual=data is None) if judge is None else judge
    the_judge = judge_in(place, everything, judge_steps)
    check_named(cells, the_judge, real)
    output.mkdir(parents=True, exist_ok=True)
    write_sheet(painter, cells, output / "sheet.png")
    report = measure(painter, the_judge, real, cells, seeds)
    (output / "report.json").write_text(report.to_json() + "\n", encoding="utf-8")
    streams.tell(report.table())
    if painter.parts.autoencoder is not None and len(own.held_out):
        streams.tell(autoencoder_line(painter, own.held_out))
    more = [
        task_lines(painter, the_judge, own, tasks, seeds) if tasks else (),
        scene_lines(painter, the_judge, real, scenes) if scenes else (),
        word_lines(painter, the_judge, real, words, prompts) if words is not None else (),
        everyday_lines(painter, the_judge, real, nouns, prompts) if nouns is not None else (),
    ]
    for line in chain.from_iterable(more):
        streams.tell(line)
    streams.tell(output / "sheet.png")


def opened(model: Path | None, *, strict: bool) -> tuple[Painter, frozenset[str]]:
    """A model, and the concepts that it says it knows; UsageError where it says none."""
    from limner.loading import load

    painter = load(model, strict=strict)
    for note in painter.parts.notes:
        streams.warn(note)
    if painter.words is None:
        raise UsageError("this model has no list of its concepts: there is nothing to ask it")
    return painter, frozenset(painter.words.concepts)


def judge_folder(real: PictureSet, steps: int, *, usual: bool) -> Path:
    """Where a set's judge is kept: by the size of the usual emoji, by the hash of another set."""
    from limner.data.cache import fingerprint
    from limner.data.latents import pictures_fingerprint, records_fingerprint
    from limner.files import cache_folder

    if usual:
        return cache_folder() / f"judge-all-{real.size}-{steps}"
    made_of = fingerprint([pictures_fingerprint(real), records_fingerprint(real)])
    return cache_folder() / f"judge-{made_of[:16]}-{steps}"


def judge_in(folder: Path, real: PictureSet, steps: int) -> Judge:
    """The judge saved in a folder; else one trained on all real pictures, and saved there.

    All, and not only those of the concepts asked for: the more drawings a judge has seen, the
    better it tells their styles apart. Those held out from the painter too: a judge that never saw
    them names only half of their concepts, and would measure itself.
    """
    from limner.evaluate.judge import DESCRIPTION, Judge
    from limner.evaluate.judge_training import train_judge
    from limner.evaluate.judged import in_colours_too

    if (folder / DESCRIPTION).exists():
        return Judge.load(folder)
    shown = in_colours_too(real, JUDGE_SEED)
    training = train_judge(
        shown.pictures[shown.picture_indices()],
        [record.concept for record in shown.records],
        [record.style for record in shown.records],
        steps=steps,
        seed=JUDGE_SEED,
    )
    with progress_bar("judge") as report:
        judge = finish(training, lambda p: report(p.step, p.steps))
    judge.save(folder)
    return judge


def measure(
    painter: Painter, judge: Judge, real: PictureSet, cells: list[Cell], seeds: int
) -> Report:
    """Paint every cell with so many seeds, and judge."""
    from limner.data.pixels import to_bytes
    from limner.evaluate.report import evaluate

    def paint(prompts: Sequence[str], numbers: Sequence[int]) -> Tensor:
        return to_bytes(painter.paint_batch(prompts, numbers))

    run = evaluate(paint, cells, judge, real, seeds=range(seeds))
    with progress_bar("evaluating") as report:
        return finish(run, lambda p: report(p.done, p.total))


def in_own_size(painter: Painter, emoji: PictureSet) -> PictureSet:
    """The same of the emoji as large as the model paints. DataError where they are not built."""
    from limner.data.emoji import load_emoji

    size = painter.parts.sampling.size[0]
    if size == emoji.size:
        return emoji
    asked = {(record.concept, record.style) for record in emoji.records}
    return load_emoji(size).select(lambda record: (record.concept, record.style) in asked)


def autoencoder_line(painter: Painter, unseen: PictureSet) -> str:
    """What the autoencoder leaves of held-out pictures, as it is told."""
    told = f"{len(unseen)} held-out pictures of {unseen.size} pixels"
    return f"autoencoder, {told}: PSNR {reconstruction(painter, unseen):.1f} dB"


def reconstruction(painter: Painter, pictures: PictureSet) -> float:
    """PSNR in dB of pictures that went through the autoencoder and back."""
    import torch

    from limner.evaluate.metrics import psnr

    autoencoder = painter.parts.autoencoder
    assert autoencoder is not None
    with torch.inference_mode():
        pixels = pictures.to_float(range(len(pictures)))
        back = [autoencoder.decode(autoencoder.encode(p).mean) for p in pixels.split(64)]
    return psnr(torch.cat(back).clamp(-1, 1), pixels)


def write_sheet(painter: Painter, cells: list[Cell], path: Path, count: int = 96) -> None:
    """Pictures of cells taken evenly from the list, seen and held out, failures as they come."""
    from limner.data.pixels import to_picture
    from limner.evaluate.sheet import contact_sheet, evenly

    shown = evenly(cells, count)
    pixels = painter.paint_batch([cell.prompt for cell in shown], [0] * len(shown))
    labels = [cell.prompt + (" (held out)" if cell.held_out else "") for cell in shown]
    pictures, scale = [to_picture(p) for p in pixels], max(1, SHOWN // pixels.shape[-1])
    contact_sheet(pictures, labels, columns=8, scale=scale).save(path)
