"""`limner finetune MODEL --data FOLDER -o FOLDER`: a LoRA, a new word, or the whole model."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from limner.cli import streams
from limner.cli.options import Strict, flattened
from limner.cli.progress import progress_bar, stop_signals
from limner.cli.train import PRECISION, read, warn_of_slow_precision
from limner.cli.watching import Watch
from limner.errors import UsageError
from limner.generators import finish

if TYPE_CHECKING:
    from limner.checkpoints import Parts
    from limner.training.loop import LoopConfig
    from limner.training.tunings import Tuning


class Kind(StrEnum):
    LORA = "lora"
    EMBEDDING = "embedding"
    FULL = "full"


class Spelling(StrEnum):
    PEFT = "peft"
    KOHYA = "kohya"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What comes out of a tuning, and of which form."""

    kind: Annotated[Kind, typer.Option(help="What comes out.")] = Kind.LORA
    rank: Annotated[int, typer.Option(help="Of a LoRA.")] = 16
    alpha: Annotated[float | None, typer.Option(help="Of a LoRA. Default: its rank.")] = None
    targets: Annotated[
        str, typer.Option(help="Of a LoRA: attention, linear, all, or parts of modules' names.")
    ] = "attention"
    spelling: Annotated[Spelling, typer.Option(help="Of a LoRA's file: diffusers reads both.")] = (
        Spelling.PEFT
    )
    word: Annotated[
        str | None, typer.Option(help="Of an embedding: the new word, as the captions have it.")
    ] = None
    start: Annotated[
        str | None, typer.Option(help="Of an embedding: the known words it begins as.")
    ] = None
    vectors: Annotated[int, typer.Option(help="Of an embedding: how many tokens it takes.")] = 1
    text: Annotated[
        bool, typer.Option("--text", help="Train the text encoder too (lora, full).")
    ] = False

    def tuning(self) -> Tuning:
        """What the options ask for; UsageError where one is missing."""
        from limner.training.tunings import EmbeddingTuning, FullTuning, LoraTuning

        if self.kind is Kind.FULL:
            return FullTuning(text=self.text)
        if self.kind is Kind.EMBEDDING:
            if self.word is None or self.start is None:
                raise UsageError("an embedding needs --word '<my-cat>' and --start cat")
            return EmbeddingTuning(word=self.word, start=self.start, vectors=self.vectors)
        return LoraTuning(
            rank=self.rank,
            alpha=self.alpha,
            targets=tuple(filter(None, (each.strip() for each in self.targets.split(",")))),
            text=self.text,
            spelling=self.spelling.value,
        )


@dataclass(frozen=True, kw_only=True)
class Length:
    """How long and how fast it trains."""

    steps: Annotated[int, typer.Option(help="How many batches to see.")] = 600
    batch: Annotated[int, typer.Option(help="Pictures a step.")] = 10
    learning_rate: Annotated[
        float | None, typer.Option(help="Default: 1e-3; of the whole model 1e-5.")
    ] = None
    precision: Annotated[str, typer.Option(help=PRECISION)] = "auto"
    seed: Annotated[int, typer.Option(help="Of every random choice.")] = 0

    def loop(self, kind: Kind) -> LoopConfig:
        """The loop of a tuning of this kind."""
        from limner.training.loop import LoopConfig

        usual = 1e-5 if kind is Kind.FULL else 1e-3
        return LoopConfig(
            steps=self.steps,
            batch=self.batch,
            learning_rate=usual if self.learning_rate is None else self.learning_rate,
            weight_decay=0.0,
            ema=(16.97,),
            precision=self.precision,
            seed=self.seed,
        )


@flattened
def command(
    model: Annotated[
        Path | None, typer.Argument(help="A model's folder or file. Default: the shipped one.")
    ] = None,
    *,
    data: Annotated[Path, typer.Option(help="A folder of captioned pictures, or a built set.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the training.")],
    asked: Asked,
    length: Length,
    dropout: Annotated[float, typer.Option(help="The part of captions left out.")] = 0.1,
    mirror: Annotated[
        bool, typer.Option("--mirror", help="See every picture mirrored too.")
    ] = False,
    size: Annotated[
        int | None, typer.Option(help="Pixels along a side. Default: what the model paints.")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda or mps.")] = "cpu",
    resume: Annotated[bool, typer.Option("--resume", help="Go on where it stopped.")] = False,
    strict: Strict = False,
) -> None:
    """Teach a model your own pictures. Ctrl-C saves; --resume goes on as if nothing had happened.

    A LoRA is painted with by `limner paint --lora FILE`, a word by `--embedding FILE`.
    """
    from limner.training.finetune import FineTuning, channels_of, finetune
    from limner.training.launch import first_process, own_device

    config = FineTuning(
        tuning=asked.tuning(), loop=length.loop(asked.kind), text_dropout=dropout, mirror=mirror
    )
    parts = opened(model, own_device(device), strict=strict)
    side = min(parts.sampling.size) if size is None else size
    pictures, quiet = read(data, size=side, channels=channels_of(parts)), not first_process()
    for note in () if quiet else parts.notes:
        streams.warn(note)
    warn_of_slow_precision(length.precision, device)
    bar = progress_bar(str(asked.kind), quiet=quiet, lines=False)
    with bar as report, stop_signals() as stopped:
        watch = Watch(report, quiet=quiet)
        made = finish(finetune(parts, pictures, output, config, resume=resume, stop=stopped), watch)
    watch.check_done(stopped)
    if made is not None and not quiet:
        streams.tell(made)


def opened(model: Path | None, device: str, *, strict: bool = False) -> Parts:
    """The parts of a model, to be trained: in fp32."""
    import torch

    from limner.checkpoints import load_folder, load_single_file
    from limner.emoji.shipped import shipped_model
    from limner.engine.devices import usable

    source = shipped_model() if model is None else model
    load = load_folder if source.is_dir() else load_single_file
    return load(source, dtype=torch.float32, device=usable(device), strict=strict)
