"""`limner rebuild RECIPE`: a trained model with an average of another length."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from limner.cli import streams
from limner.cli.train import draw, pictures_to_learn


def command(
    recipe: Annotated[str, typer.Argument(help="The recipe's name, such as emoji-unet.")],
    folder: Annotated[Path, typer.Argument(help="Folder of its training, with snapshots.")],
    width: Annotated[
        float,
        typer.Option(help="How long: 0.05 is a twentieth of the training (EDM2's sigma_rel)."),
    ],
    step: Annotated[
        int | None, typer.Option(help="As the training stood at this step. Default: at its end.")
    ] = None,
    base: Annotated[
        Path | None, typer.Option("--from", help="Model folder that the training began with.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="What it was trained on, as there.")] = None,
    concepts: Annotated[int | None, typer.Option(help="How many concepts, as there.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Default: FOLDER/model-WIDTH.")
    ] = None,
) -> None:
    """Write the model that a training would have made with another average of its weights.

    The training must have had --snapshot-every. EDM2 (Karras et al. 2024) shows what is gained.
    """
    from limner.training.rebuilding import rebuild_model
    from limner.training.recipes import adjusted, recipe_named

    chosen = adjusted(recipe_named(recipe), concepts=concepts)
    pictures = pictures_to_learn(chosen, base, data)
    target = folder / f"model-{width:g}" if output is None else output
    sheet = rebuild_model(chosen, pictures, folder, target, width=width, step=step, base=base)
    if sheet is not None:
        draw(sheet, target.with_name(target.name + ".png"))
    streams.tell(target)
