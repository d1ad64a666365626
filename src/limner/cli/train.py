"""`limner train RECIPE`: train a part of a model, with progress, and resume where it stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from limner.cli import streams
from limner.cli.options import flattened
from limner.cli.progress import progress_bar, stop_signals
from limner.cli.watching import Watch
from limner.errors import UsageError
from limner.generators import finish

if TYPE_CHECKING:
    from limner.data.records import PictureSet
    from limner.training.loop import Progress
    from limner.training.recipes import Recipe
    from limner.training.sheet import Sheet

SHEET = "samples.png"
SHEETS = "sheets"
PRECISION = "bf16, fp32, or auto: bf16 where the device has it. Default: auto."


@dataclass(frozen=True, kw_only=True)
class Adjustments:
    """What is done otherwise than the recipe says; None: as it says."""

    steps: Annotated[int | None, typer.Option(help="Instead of the recipe's.")] = None
    batch: Annotated[int | None, typer.Option(help="Instead of the recipe's.")] = None
    concepts: Annotated[int | None, typer.Option(help="How many concepts to learn.")] = None
    seed: Annotated[int | None, typer.Option(help="Instead of the recipe's.")] = None
    accumulate: Annotated[
        int | None, typer.Option(help="Parts of a batch, one after another: less memory.")
    ] = None
    precision: Annotated[str | None, typer.Option(help=PRECISION)] = None
    snapshot_every: Annotated[
        int | None, typer.Option(help="Steps between snapshots of the weights' averages.")
    ] = None


@dataclass(frozen=True, kw_only=True)
class Running:
    """How a training runs, whatever it trains."""

    resume: Annotated[bool, typer.Option("--resume", help="Go on where it stopped.")] = False
    sheet_every: Annotated[
        int, typer.Option(help="Steps between sheets of samples in OUTPUT/sheets; 0: none.")
    ] = 0
    shard: Annotated[
        bool, typer.Option("--shard", help="Over processes: each keeps a part of each weight.")
    ] = False
    device: Annotated[str, typer.Option(help="cpu, cuda or mps.")] = "cpu"


@flattened
def command(
    recipe: Annotated[str, typer.Argument(help="A recipe's name, such as emoji-unet.")],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the training.")],
    base: Annotated[
        Path | None,
        typer.Option("--from", help="Folder with the parts needed, or a CLIP file."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="A built set, or a folder of captioned pictures.")
    ] = None,
    adjustments: Adjustments,
    running: Running,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write TensorBoard events too.")
    ] = False,
) -> None:
    """Train by a recipe. Ctrl-C saves; --resume goes on as if nothing had happened.

    Under `accelerate launch -m limner train ...` or torchrun, one training over all processes.
    """
    from limner.training.launch import first_process
    from limner.training.recipes import adjusted, recipe_named
    from limner.training.run import check_begins

    chosen = adjusted(recipe_named(recipe), **asdict(adjustments))
    check_begins(output, resume=running.resume)
    goes_on = output / "model" if base is None else base
    pictures = pictures_to_learn(chosen, goes_on, data)
    write = event_writer(output) if tensorboard and first_process() else None
    warn_of_slow_precision(chosen.loop.precision, running.device)
    sheet = trained(recipe, chosen, pictures, output, base, running, write)
    if sheet is not None:
        draw(sheet, output / SHEET)
        streams.tell(output / SHEET)
    if first_process():
        streams.tell(output / "model")


def trained(
    label: str,
    recipe: Recipe,
    pictures: PictureSet,
    output: Path,
    base: Path | None,
    running: Running,
    write: Callable[[Progress], None] | None,
) -> Sheet | None:
    """Train with progress, and return what the recipe shows at the end; write: told every step."""
    from limner.training.launch import first_process
    from limner.training.run import train

    quiet = not first_process()
    bar = progress_bar(label, quiet=quiet, lines=False)
    with bar as report, stop_signals() as stopped:
        watch = Watch(report, quiet=quiet)

        def after_step(progress: Progress) -> None:
            watch(progress)
            if progress.sheet is not None:
                draw(progress.sheet, output / SHEETS / f"{progress.step:06d}.png")
            if write is not None:
                write(progress)

        run = train(recipe, pictures, output, base=base, **asdict(running), stop=stopped)
        sheet = finish(run, after_step)
    watch.check_done(stopped)
    return sheet


def warn_of_slow_precision(precision: str, device: str) -> None:
    """Say it where a training was asked for in bf16 on a processor that has none."""
    import torch

    from limner.engine.devices import emulates_bf16
    from limner.training.launch import first_process
    from limner.training.precision import BF16

    if precision == BF16 and first_process() and emulates_bf16(torch.device(device)):
        streams.warn(
            "this processor has no bf16 of its own, which is slower on it than fp32, up to some "
            "hundred times: --precision fp32, or none, is right"
        )


def pictures_to_learn(recipe: Recipe, base: Path | None, data: Path | None) -> PictureSet:
    """Those of a folder as the recipe takes them from there on; those that it names by default."""
    from limner.training.recipes.pictures import form_for, pictures_for

    if data is None:
        return pictures_for(recipe, base)
    size, channels = form_for(recipe, base)
    return read(data, size=size, channels=channels)


def read(data: Path | None, *, size: int = 64, channels: int = 4) -> PictureSet:
    """The set in a folder: built, or captioned pictures in this form; by default the emoji."""
    from limner.data.emoji import load_emoji
    from limner.data.folder import load_folder
    from limner.data.records import RECORDS_FILE, PictureSet

    if data is None:
        return load_emoji(size)
    if (data / RECORDS_FILE).exists():
        return PictureSet.load(data)
    found = load_folder(data, size=size, channels=channels)
    for reason in found.skipped:
        streams.say(f"limner: skipped {reason}")
    streams.say(f"{len(found)} pictures, {len(found.skipped)} skipped")
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
