"""`limner text`: what the text encoder holds to be alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from limner.cli import files, streams
from limner.cli.options import Strict
from limner.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from limner.checkpoints.clip import WholeClip
    from limner.pipeline import Painter

    Reader = Painter | WholeClip

command = typer.Typer(add_completion=False)

AT_ONCE = 64  # texts in one call of the encoder

Model = Annotated[
    Path | None,
    typer.Option(help="A model's folder or file, or a CLIP's. Default: the shipped one."),
]
Among = Annotated[
    str | None,
    typer.Option(help="Words to look among, with commas. Default: those that the model knows."),
]
Count = Annotated[int, typer.Option("--count", "-n", min=1, help="How many to show.")]
AsJson = Annotated[bool, typer.Option("--json", help="Write it as JSON.")]


@command.callback()
def text() -> None:
    """Ask the text encoder what is alike, by the cosine of its pooled (projected) states.

    limner prompt show has the tokens of a text.
    """


@command.command("nearest")
def nearest_words(
    text: Annotated[str, typer.Argument(help="A word or a prompt.")],
    among: Among = None,
    count: Count = 10,
    model: Model = None,
    strict: Strict = False,
    as_json: AsJson = False,
) -> None:
    """List the words that are most like a text."""
    painter, names = words_of(model, among, strict=strict)
    tell(painter, vectors(painter, [text])[0], names, {text}, count, as_json)


@command.command("analogy")
def analogous_words(
    a: Annotated[str, typer.Argument(help="As king, ...")],
    b: Annotated[str, typer.Argument(help="... which is to man ...")],
    c: Annotated[str, typer.Argument(help="... what the answer is to woman.")],
    among: Among = None,
    count: Count = 10,
    model: Model = None,
    strict: Strict = False,
    as_json: AsJson = False,
) -> None:
    """List what is to C as A is to B: king, man, woman asks for A - B + C."""
    from limner.explain.similarity import analogy

    painter, names = words_of(model, among, strict=strict)
    query = analogy(*vectors(painter, [a, b, c]))
    tell(painter, query, names, {a, b, c}, count, as_json)


@command.command("similarity")
def matrix(
    texts: Annotated[list[str], typer.Argument(help="Prompts, each in quotes.")],
    pictures: Annotated[
        list[Path] | None, typer.Option("--picture", help="A picture file to compare with, too.")
    ] = None,
    output: Annotated[
        str | None, typer.Option("--output", "-o", help="A picture of the matrix, too.")
    ] = None,
    model: Model = None,
    strict: Strict = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what stands there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show how alike prompts, and pictures, are to one another: a matrix of cosines."""
    path = None if output is None else files.target_path(output, "similarity")
    if path == streams.STANDARD:
        raise UsageError("-o - : the cosines go to standard output, so the picture needs a name")
    if path is not None:
        files.check_writable(path)

    import torch

    from limner.checkpoints.clip import WholeClip
    from limner.emoji.shipped import shipped_model
    from limner.explain.similarity import cosines
    from limner.pipeline.picture_vectors import picture_vectors, vectors_of

    reader = opened(model, strict=strict)
    found = [vectors(reader, texts)]
    if pictures and isinstance(reader, WholeClip):
        found.append(vectors_of(reader.clip.vision, pictures, reader.normalisation))
    elif pictures and not isinstance(reader, WholeClip):
        found.append(picture_vectors(model or shipped_model(), pictures, device=reader.device))
        check_one_space(reader, found[1])
    every = torch.cat(found)
    names = [*texts, *(picture.name for picture in pictures or ())]
    alike = cosines(every, every).cpu()
    if as_json:
        streams.tell(json.dumps({"names": names, "cosines": alike.tolist()}, ensure_ascii=False))
    else:
        streams.tell(table(names, alike.tolist()))
    if path is not None:
        from limner.evaluate.sheet import table_sheet
        from limner.explain.tiles import tiles

        sheet = table_sheet(tiles(alike), heads=names, labels=names)
        (streams.say if as_json else streams.tell)(files.save_picture(sheet, path, force=force))


def words_of(
    model: Path | None, among: str | None, *, strict: bool = False
) -> tuple[Reader, list[str]]:
    """What reads texts, and the words to look among: those given, else all that it was taught."""
    reader = opened(model, strict=strict)
    known = getattr(reader, "words", None)
    if among is not None:
        names = [word.strip() for word in among.split(",") if word.strip()]
    elif known is not None:
        names = [*known.concepts, *known.styles, *known.others]
    else:
        raise UsageError("this model carries no list of its words: --among cat,dog,... gives some")
    if not names:
        raise UsageError("--among has no words: write them with commas between, as cat,dog")
    return reader, list(dict.fromkeys(names))


def opened(model: Path | None, *, strict: bool = False) -> Reader:
    """A painter, or a CLIP of its own."""
    from limner.checkpoints.clip import holds_clip, load_clip
    from limner.engine.devices import usable
    from limner.loading import load

    if model is None or not model.exists() or not holds_clip(model):
        return load(model, strict=strict)
    whole = load_clip(model, device=usable(None), strict=strict)
    for note in whole.notes:
        streams.warn(note)
    return whole


def vectors(reader: Reader, texts: list[str]) -> Tensor:
    """(T, P), the pooled states: projected, where the text encoder has a projection.

    A word of the model's lexicon is read as what it means, as in painting.
    """
    import torch

    from limner.checkpoints.clip import WholeClip
    from limner.checkpoints.conditions import encoder_of
    from limner.pipeline.words import meant

    parts = [texts[first : first + AT_ONCE] for first in range(0, len(texts), AT_ONCE)]
    if isinstance(reader, WholeClip):
        return torch.cat([reader.texts(some) for some in parts])
    lexicon = {} if reader.words is None else reader.words.lexicon
    encoder, states = encoder_of(reader.parts), list["Tensor"]()
    for some in parts:
        pooled = encoder([meant(text, lexicon)[0] for text in some]).pooled
        assert pooled is not None  # of every text tower
        states.append(pooled)
    return torch.cat(states)


def check_one_space(painter: Painter, pictures: Tensor) -> None:
    """UsageError where the text encoder does not project to the space of these pictures."""
    tower = painter.parts.text_encoder_2 or painter.parts.text_encoder  # whose state is pooled
    width = tower.config.projection_width
    if width != pictures.shape[-1]:
        raise UsageError(
            f"this model's texts are not in the space of its pictures ({width or 'no projection'} "
            f"and {pictures.shape[-1]} numbers): towers that were trained together are right"
        )


def tell(
    painter: Reader, query: Tensor, names: list[str], asked: set[str], count: int, as_json: bool
) -> None:
    """Write the names that are most like a vector, but for those asked with, and their cosines."""
    from limner.explain.similarity import nearest

    own = {row for row, name in enumerate(names) if name in asked}
    found = nearest(query, vectors(painter, names), count=count, without=own)
    if as_json:
        shown: list[Any] = [{"text": names[row], "cosine": cosine} for row, cosine in found]
        streams.tell(json.dumps(shown, indent=1, ensure_ascii=False))
        return
    for row, cosine in found:
        streams.tell(f"{cosine:6.3f}  {names[row]}")


def table(names: list[str], rows: list[list[float]]) -> str:
    """A numbered row a name, and the numbers of the columns above."""
    wide = max(map(len, names))
    numbers = "".join(f"{n:>7}" for n in range(1, len(names) + 1))
    lines = [f"{'':4}{'':{wide}}{numbers}"]
    for n, (name, row) in enumerate(zip(names, rows, strict=True), start=1):
        lines.append(f"{n:>3} {name:{wide}}" + "".join(f"{value:7.3f}" for value in row))
    return "\n".join(lines)
