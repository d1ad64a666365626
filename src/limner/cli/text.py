"""`limner text`: what the text encoder holds to be alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from limner.cli import files, streams
from limner.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from limner.pipeline import Painter

command = typer.Typer(add_completion=False)

AT_ONCE = 64  # texts in one call of the encoder

Model = Annotated[
    Path | None, typer.Option(help="A model's folder or file. Default: the shipped one.")
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
    as_json: AsJson = False,
) -> None:
    """List the words that are most like a text."""
    painter, names = words_of(model, among)
    tell(painter, vectors(painter, [text])[0], names, {text}, count, as_json)


@command.command("analogy")
def analogous_words(
    a: Annotated[str, typer.Argument(help="As king, ...")],
    b: Annotated[str, typer.Argument(help="... which is to man ...")],
    c: Annotated[str, typer.Argument(help="... what the answer is to woman.")],
    among: Among = None,
    count: Count = 10,
    model: Model = None,
    as_json: AsJson = False,
) -> None:
    """List what is to C as A is to B: king, man, woman asks for A - B + C."""
    from limner.explain.similarity import analogy

    painter, names = words_of(model, among)
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

    from limner.emoji.shipped import shipped_model
    from limner.explain.similarity import cosines
    from limner.loading import load
    from limner.pipeline.picture_vectors import picture_vectors

    painter = load(model)
    found = [vectors(painter, texts)]
    if pictures:
        found.append(picture_vectors(model or shipped_model(), pictures, device=painter.device))
        check_one_space(painter, found[1])
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


def words_of(model: Path | None, among: str | None) -> tuple[Painter, list[str]]:
    """The painter, and the words to look among: those given, else all that it was taught."""
    from limner.loading import load

    painter = load(model)
    if among is not None:
        names = [word.strip() for word in among.split(",") if word.strip()]
    elif painter.words is not None:
        known = painter.words
        names = [*known.concepts, *known.styles, *known.others]
    else:
        raise UsageError("this model carries no list of its words: --among cat,dog,... gives some")
    if not names:
        raise UsageError("--among has no words: write them with commas between, as cat,dog")
    return painter, list(dict.fromkeys(names))


def vectors(painter: Painter, texts: list[str]) -> Tensor:
    """(T, P), the pooled states: projected, where the text encoder has a projection.

    A word of the model's lexicon is read as what it means, as in painting.
    """
    import torch

    from limner.checkpoints.conditions import encoder_of
    from limner.pipeline.words import meant

    if painter.words is not None:
        texts = [meant(text, painter.words.lexicon)[0] for text in texts]
    encoder, states = encoder_of(painter.parts), list["Tensor"]()
    for first in range(0, len(texts), AT_ONCE):
        pooled = encoder(texts[first : first + AT_ONCE]).pooled
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
    painter: Painter, query: Tensor, names: list[str], asked: set[str], count: int, as_json: bool
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
