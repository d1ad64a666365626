"""`limner train RECIPE`: train a part of a model, with progress, and resume where it stopped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from limner.cli.progress import progress_bar, stop_signals
from limner.cli.watching import Watch
from limner.errors import UsageError
from limner.generators import finish

if TYPE_CHECKING:
    from limner.data.records import PictureSet
    from limner.training.loop import Progress
    from limner.training.sheet import Sheet

SHEET = "samples.png"
SHEETS = "sheets"


def command(
    recipe: Annotated[str, typer.Argument(help="A recipe's name, such as emoji-unet.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the training.")],
    base: Annotated[
        Path | None,
        typer.Option("--from", help="Folder with the parts needed, or a CLIP file."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="A built set, or a folder of captioned pictures.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where it stopped.")] = False,
    steps: Annotated[int | None, typer.Option(help="Instead of the recipe's.")] = None,
    batch: Annotated[int | None, typer.Option(help="Instead of the recipe's.")] = None,
    concepts: Annotated[int | None, typer.Option(help="How many concepts to learn.")] = None,
    seed: Annotated[int | None, typer.Option(help="Instead of the recipe's.")] = None,
    accumulate: Annotated[
        int | None, typer.Option(help="Parts of a batch, one after another: less memory.")
    ] = None,
    precision: Annotated[str | None, typer.Option(help="bf16 or fp32.")] = None,
    snapshot_every: Annotated[
        int | None, typer.Option(help="Steps between snapshots of the weights' averages.")
    ] = None,
    sheet_every: Annotated[
        int, typer.Option(help="Steps between sheets of samples in OUTPUT/sheets; 0: none.")
    ] = 0,
    shard: Annotated[
        bool, typer.Option("--shard", help="Over processes: each keeps a part of each weight.")
    ] = False,
    device: Annotated[str, typer.Option(help="cpu, cuda or mps.")] = "cpu",
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write TensorBoard events too.")
    ] = False,
) -> None:
    """Train by a recipe. Ctrl-C saves; --resume goes on as if nothing had happened.

    Under `accelerate launch -m limner train ...` or torchrun, one training over all processes.
    """
    from limner.training.launch import first_process
    from limner.training.recipes import adjusted, recipe_named
    from limner.training.run import train

    chosen = adjusted(
        recipe_named(recipe),
        steps=steps,
        batch=batch,
        seed=seed,
        concepts=concepts,
        accumulate=accumulate,
        precision=precision,
        snapshot_every=snapshot_every,
    )
    pictures = chosen.source() if data is None else read(data)
    first = first_process()
    write = event_writer(output) if tensorboard and first else lambda progress: None
    with progress_bar(recipe, quiet=not first) as report, stop_signals() as stopped:
        watch = Watch(report, quiet=not first)

        def after_step(progress: Progress) -> None:
            watch(progress)
            if progress.sheet is not None:
                draw(progress.sheet, output / SHEETS / f"{progress.step:06d}.png")
            write(progress)

        run = train(
            chosen,
            pictures,
            output,
            base=base,
            resume=resume,
            device=device,
            shard=shard,
            sheet_every=sheet_every,
            stop=stopped,
        )
        sheet = finish(run, after_step)
    watch.check_done(stopped)
    if sheet is not None:
        draw(sheet, output / SHEET)
        typer.echo(output / SHEET)
    if first:
        typer.echo(output / "model")


def read(data: Path | None) -> PictureSet:
    """The set in a folder: built, or plain captioned pictures; the 64-pixel emoji by default."""
    from limner.data.emoji import load_emoji
    from limner.data.folder import load_folder
    from limner.data.records import RECORDS_FILE, PictureSet

    if data is None:
        return load_emoji(64)
    if (data / RECORDS_FILE).exists():
        return PictureSet.load(data)
    found = load_folder(data, size=64, channels=4)
    for reason in found.skipped:
        typer.echo(f"limner: skipped {reason}", err=True)
    typer.echo(f"{len(found)} pictures, {len(found.skipped)} skipped", err=True)
    return found


def draw(sheet: Sheet, path: Path) -> None:
    """Write what a trained part shows as one picture."""
    from limner.data.pixels import to_picture
    from limner.evaluate.sheet import contact_sheet

    pictures = [to_picture(pixels) for pixels in sheet.pictures]
    path.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet(pictures, sheet.labels, columns=sheet.columns, scale=sheet.scale).save(path)


def event_writer(folder: Path) -> Callable[[Progress], None]:
    """Writes the losses of a step as TensorBoard scalars; UsageError if that is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise UsageError("--tensorboard needs the train extra: pip install limner[train]") from None
    writer = SummaryWriter(str(folder))

    def write(progress: Progress) -> None:
        for name, value in progress.losses.items():
            writer.add_scalar(name, value, progress.step)

    return write
