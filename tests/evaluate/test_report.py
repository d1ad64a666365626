from __future__ import annotations

import json
from dataclasses import replace
from itertools import product

import pytest
import torch

from limner.data.records import PictureSet, Record
from limner.errors import UsageError
from limner.evaluate.judge import Judge
from limner.evaluate.judge_training import train_judge
from limner.evaluate.report import Cell, Report, choose_cells, evaluate

COLOURS = {"cherry": (220, 20, 20), "lime": (20, 200, 20), "berry": (20, 40, 240)}
STYLES = {"full": 32, "half": 16, "thin": 8}
HELD_OUT = {("lime", "half"), ("berry", "thin")}
CELLS = [Cell(c, s, (c, s) in HELD_OUT) for c, s in product(COLOURS, STYLES)]


def draw(cell: Cell, brightness: float = 1.0) -> torch.Tensor:
    picture = torch.zeros(4, 32, 32)
    colour = torch.tensor([*COLOURS[cell.concept], 255.0])
    picture[:, :, : STYLES[cell.style]] = colour[:, None, None]
    picture[:3] *= brightness
    return picture.round().byte()


@pytest.fixture(scope="module")
def real() -> PictureSet:
    drawn = [(cell, draw(cell, brightness)) for cell in CELLS for brightness in (1.0, 0.95, 0.9)]
    records = tuple(
        Record(picture=index, concept=cell.concept, style=cell.style, held_out=cell.held_out)
        for index, (cell, _) in enumerate(drawn)
    )
    return PictureSet(pictures=torch.stack([p for _, p in drawn]), records=records)


@pytest.fixture(scope="module")
def judge(real) -> Judge:
    run = train_judge(
        real.pictures,
        [record.concept for record in real.records],
        [record.style for record in real.records],
        steps=60,
        seed=0,
        batch=18,
        bf16=False,
        channels=(8, 12, 16),
    )
    while True:
        try:
            next(run)
        except StopIteration as stop:
            return stop.value


def run(paint, judge, real, cells=CELLS, **options) -> tuple[list, Report]:
    going, told = evaluate(paint, cells, judge, real, **options), []
    while True:
        try:
            told.append(next(going))
        except StopIteration as stop:
            return told, stop.value


def by_prompt(wanted):
    """A painter that draws the cell `wanted` makes of the cell asked for."""
    cells = {cell.prompt: cell for cell in CELLS}

    def paint(prompts, seeds):
        return torch.stack(
            [draw(wanted(cells[p]), 1 - 0.02 * s) for p, s in zip(prompts, seeds, strict=True)]
        )

    return paint


def test_a_perfect_painter_scores_everything(judge, real):
    told, report = run(by_prompt(lambda cell: cell), judge, real, seeds=(0, 1), batch=5)
    assert [progress.done for progress in told] == [5, 10, 15, 18]
    assert {progress.total for progress in told} == {18}
    assert told[0].cells == tuple(CELLS[:5])
    assert told[-1].seeds == (1, 1, 1)
    assert told[0].pictures.shape == (5, 4, 32, 32)
    seen, held_out = report.groups["painted seen"], report.groups["painted held out"]
    assert (seen.pictures, held_out.pictures) == (14, 4)
    for scores in (seen, held_out):
        assert scores.concept_top1 == scores.concept_top5 == scores.style == scores.both == 1.0
    assert seen.nearest.concept == seen.nearest.style == 1.0
    assert seen.nearest.distance < 0.01
    # The cell itself is not among the training pictures, so at most one of the two can agree.
    assert held_out.nearest.concept + held_out.nearest.style <= 1.0
    assert held_out.nearest.distance > seen.nearest.distance


def test_the_wrong_concept_in_the_right_style_is_told_apart(judge, real):
    following = dict(zip(COLOURS, [*list(COLOURS)[1:], "cherry"], strict=True))
    wrong = by_prompt(lambda cell: cell._replace(concept=following[cell.concept]))
    _, report = run(wrong, judge, real, seeds=(0,))
    seen = report.groups["painted seen"]
    assert (seen.concept_top1, seen.style, seen.both) == (0.0, 1.0, 0.0)
    assert seen.concept_top5 == 1.0  # of three concepts


def test_a_painter_of_one_picture_is_far_from_the_real_set(judge, real):
    _, faithful = run(by_prompt(lambda cell: cell), judge, real)
    _, stuck = run(by_prompt(lambda cell: CELLS[0]), judge, real)
    assert stuck.groups["painted seen"].both == pytest.approx(1 / 7)
    assert stuck.frechet.painted > 3 * faithful.frechet.painted
    assert stuck.kernel.painted > faithful.kernel.painted
    assert stuck.frechet.floor == faithful.frechet.floor
    assert stuck.compared == (13, 14)  # 27 real pictures in two halves


def test_prompts_are_plain_captions_and_seeds_go_along(judge, real):
    asked = []

    def paint(prompts, seeds):
        asked.extend(zip(prompts, seeds, strict=True))
        return torch.zeros(len(prompts), 4, 32, 32, dtype=torch.uint8)

    run(paint, judge, real, cells=[Cell("cherry", "full"), Cell("lime", "half")], seeds=(3, 7))
    assert asked == [
        ("a cherry, full", 3),
        ("a lime, half", 3),
        ("a cherry, full", 7),
        ("a lime, half", 7),
    ]


def test_table_and_json_say_what_was_found(judge, real):
    _, report = run(by_prompt(lambda cell: cell), judge, real, seeds=(5,))
    table = report.table()
    heads = table.splitlines()[0]
    for name in ("painted seen", "painted held out", "real seen", "real held out"):
        assert name in heads
    assert "100.0 %" in table
    assert f"{report.frechet.painted:.4f}" in table
    assert f"real against real {report.frechet.floor:.4f}" in table
    assert "9 cells, seeds 5" in table
    assert max(map(len, table.splitlines())) <= 100
    read = json.loads(report.to_json())
    assert read["groups"]["painted seen"]["pictures"] == 7
    assert read["groups"]["real seen"]["nearest"] is None
    assert read["seeds"] == [5]


def test_groups_without_pictures_are_left_out(judge, real):
    only_seen = real.seen
    _, report = run(
        by_prompt(lambda cell: cell), judge, only_seen, cells=[c for c in CELLS if not c.held_out]
    )
    assert list(report.groups) == ["painted seen", "real seen"]


def test_cells_are_drawn_by_the_seed_without_repeats(real):
    chosen = choose_cells(real, seen=4, held_out=9, seed=1)
    assert [cell.held_out for cell in chosen] == [False] * 4 + [True] * 2
    assert len(set(chosen)) == 6
    assert set(chosen) <= set(CELLS)
    assert choose_cells(real, seen=4, held_out=9, seed=1) == chosen
    assert choose_cells(real, seen=4, held_out=9, seed=2) != chosen


def test_nothing_to_do_is_refused(judge, real):
    with pytest.raises(UsageError, match="0 cells"):
        run(by_prompt(lambda cell: cell), judge, real, cells=[])


@pytest.mark.parametrize("change", [{"concept": "plum"}, {"style": "dotted"}])
def test_what_the_judge_cannot_name_is_told_before_anything_is_painted(judge, real, change):
    def paint(prompts, seeds):
        raise AssertionError("something was painted")

    with pytest.raises(UsageError, match="the judge was not trained on"):
        run(paint, judge, real, cells=[CELLS[0]._replace(**change)])
    *rest, last = real.records
    other = replace(real, records=(*rest, replace(last, **change)))
    with pytest.raises(UsageError, match="the judge was not trained on"):
        run(paint, judge, other)
