"""The recipe of a style namer: what is changed, what is learned, and what it is saved as."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from limner.checkpoints import ModelFolder
from limner.data.records import PictureSet, Record
from limner.errors import TrainingError
from limner.generators import finish
from limner.training.draws import Draws
from limner.training.loop import LoopConfig
from limner.training.objectives.styles import StyleChanges, recoloured
from limner.training.recipes import RECIPES
from limner.training.run import train

LOOP = LoopConfig(steps=120, batch=16, learning_rate=3e-3, precision="fp32", ema=(6.94,))
RECIPE = replace(RECIPES["emoji-styles"], loop=LOOP)
NOTHING = StyleChanges(shift=0.0, scale=0.0, rotation=0.0, gain=0.0, opaque=0.0)


def striped_and_plain() -> PictureSet:
    """Two styles, stripes and plain, in several colours; the last of each is held out."""
    generator = torch.Generator().manual_seed(0)
    made, records = [], []
    for number in range(12):
        colour = torch.randint(80, 200, (3, 1, 1), generator=generator)
        picture = torch.cat([colour.expand(3, 16, 16), torch.full((1, 16, 16), 255)]).clone()
        if number % 2:
            picture[:3, :, ::2] //= 3
        made.append(picture)
        style = ("plain", "striped")[number % 2]
        records.append(
            Record(picture=number, concept=f"c{number}", style=style, held_out=number >= 10)
        )
    return PictureSet(pictures=torch.stack(made).to(torch.uint8), records=tuple(records))


def objective(changes: StyleChanges | None = None):
    row = RECIPE if changes is None else replace(RECIPE, changes=changes)
    return row.objective(row.choose(striped_and_plain()), ModelFolder(Path("none")))


def test_held_out_pictures_are_named_after_training(tmp_path):
    data = striped_and_plain()
    finish(train(RECIPE, data, tmp_path), lambda progress: None)
    namer = ModelFolder(tmp_path / "model").load("style_namer")
    assert namer.config.styles == ("plain", "striped")
    named = namer.name(data.held_out.to_float(range(2)))
    assert named == tuple(record.style for record in data.held_out.records)


def test_no_changes_are_the_pictures_or_their_mirror_image():
    made = objective(NOTHING)
    pixels = made.pictures.to_float(range(8))
    changed = made.changed(pixels, Draws(0, range(8)))
    for before, after in zip(pixels, changed, strict=True):
        nearer = min((after - each).abs().max() for each in (before, before.flip(-1)))
        assert nearer < 1e-4


def test_pictures_change_each_in_its_own_way_and_may_become_opaque():
    made = objective()
    pixels = made.pictures.to_float([0] * 400)
    pixels[:, :, :4] = -1  # transparent above
    changed = made.changed(pixels, Draws(0, range(400)))
    assert not torch.equal(changed[0], changed[1])
    opaque = (changed[:, 3] > 0.999).flatten(1).all(1).float().mean()
    assert opaque == pytest.approx(0.15, abs=0.05)
    assert (changed[:, :3] <= changed[:, 3:] + 1e-5).all(), "premultiplied"


def test_recoloured_pixels_stay_below_their_opacity():
    pixels = torch.tensor([-0.5, 0.0, 0.5, 0.5]).reshape(1, 4, 1, 1)
    found = recoloured(pixels, torch.tensor([2.0, 1.0, 3.0]).reshape(1, 3, 1, 1))
    torch.testing.assert_close(found.flatten(), torch.tensor([0.0, 0.0, 0.5, 0.5]))


def test_a_batch_that_is_cut_has_the_loss_of_the_whole():
    made, rows = objective(), torch.arange(8)
    whole = made.loss(rows, Draws(3, range(8)))["total"]
    halves = [made.loss(rows[part.start : part.stop], Draws(3, part))["total"]
              for part in (range(4), range(4, 8))]  # fmt: skip
    torch.testing.assert_close(torch.stack(halves).mean(), whole)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (striped_and_plain().select(lambda record: record.style == "plain"), "in two styles"),
        (
            PictureSet(
                pictures=striped_and_plain().pictures[:, :3], records=striped_and_plain().records
            ),
            "RGBA",
        ),
    ],
)
def test_what_cannot_be_learned_from(data, said):
    with pytest.raises(TrainingError, match=said):
        RECIPE.choose(data)
