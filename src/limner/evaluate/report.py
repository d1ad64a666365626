"""Evaluation of a painter of (concept, style) cells: paint, judge, compare with real pictures."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import NamedTuple

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from limner.data.captions import canonical
from limner.data.records import PictureSet, Record
from limner.errors import UsageError
from limner.evaluate.judge import Judge, Verdict
from limner.evaluate.metrics import frechet_distance, kernel_distance, nearest, top_k_hits

Paint = Callable[[Sequence[str], Sequence[int]], UInt8[Tensor, "B 4 S S"]]


class Cell(NamedTuple):
    """A concept in a style. held_out: the painter was not trained on this pair."""

    concept: str
    style: str
    held_out: bool = False

    @property
    def prompt(self) -> str:
        """The plain caption: "a red apple, 3d"."""
        return canonical(Record(picture=0, concept=self.concept, style=self.style))


@dataclass(frozen=True, kw_only=True)
class Nearness:
    """The nearest training picture in the judge's features, on average.

    distance: cosine distance, 0 to 2. concept, style: part whose nearest has the one asked for.
    """

    distance: float
    concept: float
    style: float


@dataclass(frozen=True, kw_only=True)
class Scores:
    """How a group of pictures was judged; parts of 1.

    pictures: how many. concept_top1, concept_top5, style: the judge named what was asked for.
    both: concept (first guess) and style at once. nearest: None for the training pictures.
    """

    pictures: int
    concept_top1: float
    concept_top5: float
    style: float
    both: float
    nearest: Nearness | None = None


@dataclass(frozen=True, kw_only=True)
class Distance:
    """Between painted and real pictures, and the floor: between as many real and the same real."""

    painted: float
    floor: float


@dataclass(frozen=True, kw_only=True)
class Report:
    """What `evaluate` found.

    groups: scores by name: "painted seen", "painted held out", "real seen", "real held out"; a
        group without pictures is left out.
    frechet, kernel: in the judge's features, so neither FID nor KID.
    compared: pictures on the painted side of a distance, and on its real side.
    cells, seeds: each cell was painted once with each seed.
    """

    groups: Mapping[str, Scores]
    frechet: Distance
    kernel: Distance
    compared: tuple[int, int]
    cells: int
    seeds: tuple[int, ...]

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1)

    def table(self) -> str:
        """Plain text, one column a group."""
        groups = self.groups.values()
        near = [scores.nearest for scores in groups]
        rows = [
            ("", list(self.groups)),
            ("pictures", [str(scores.pictures) for scores in groups]),
            ("concept, first guess", [_percent(scores.concept_top1) for scores in groups]),
            ("concept, first five", [_percent(scores.concept_top5) for scores in groups]),
            ("style", [_percent(scores.style) for scores in groups]),
            ("concept and style", [_percent(scores.both) for scores in groups]),
            ("nearest: same concept", ["-" if n is None else _percent(n.concept) for n in near]),
            ("nearest: same style", ["-" if n is None else _percent(n.style) for n in near]),
            ("nearest: distance", ["-" if n is None else f"{n.distance:.3f}" for n in near]),
        ]
        lines = [f"{name:<22}" + "".join(f"{value:>18}" for value in row) for name, row in rows]
        painted, real = self.compared
        lines += [
            "",
            _distance_line("Frechet distance", self.frechet),
            _distance_line("kernel distance", self.kernel),
            f"(in the judge's features, {painted} pictures against {real} real ones)",
            f"{self.cells} cells, seeds {', '.join(map(str, self.seeds))}",
        ]
        return "\n".join(lines)


@dataclass(frozen=True, kw_only=True)
class EvaluationProgress:
    """A batch was painted: done of total pictures, and the batch itself."""

    done: int
    total: int
    cells: tuple[Cell, ...]
    seeds: tuple[int, ...]
    pictures: UInt8[Tensor, "B 4 S S"]


def choose_cells(real: PictureSet, *, seen: int, held_out: int, seed: int) -> list[Cell]:
    """At most so many seen and held-out cells of a set, drawn without replacement by the seed."""
    chance = random.Random(seed)
    chosen = []
    for part, count in ((real.seen, seen), (real.held_out, held_out)):
        cells = list(dict.fromkeys(_cells_of(part)))
        chosen += chance.sample(cells, min(count, len(cells)))
    return chosen


def check_enough(cells: Sequence[Cell], seeds: Sequence[int], real: PictureSet) -> None:
    """UsageError where there is too little to ask for, or to compare with."""
    if not cells or not seeds or len(real.seen) < 4:
        raise UsageError(
            f"{len(cells)} cells, {len(seeds)} seeds, {len(real.seen)} real seen pictures: "
            "an evaluation needs a cell, a seed and 4 real pictures at least"
        )


def check_named(cells: Sequence[Cell], judge: Judge, real: PictureSet) -> None:
    """UsageError where a judge cannot name what is asked for, or what is compared with."""
    every = [*cells, *_cells_of(real)]
    judge.labels([cell.concept for cell in every], [cell.style for cell in every])


def evaluate(
    paint: Paint,
    cells: Sequence[Cell],
    judge: Judge,
    real: PictureSet,
    *,
    seeds: Sequence[int] = (0, 1, 2, 3),
    batch: int = 32,
    split_seed: int = 0,
) -> Generator[EvaluationProgress, None, Report]:
    """Paints every cell with every seed and judges; yields progress, returns the report.

    paint: prompts and as many seeds -> premultiplied RGBA bytes.
    real: the pictures of the concepts asked for, those that the painter was trained on (`seen`)
        and those held out from it.
    split_seed: which real pictures serve as the floor of the distances.
    UsageError, before anything is painted, as the two checks raise it.
    """
    check_enough(cells, seeds, real)
    check_named(cells, judge, real)
    jobs = [(cell, seed) for seed, cell in product(seeds, cells)]
    verdicts: list[Verdict] = []
    for start in range(0, len(jobs), batch):
        asked, numbers = zip(*jobs[start : start + batch], strict=True)
        pictures = paint([cell.prompt for cell in asked], numbers)
        verdicts.append(judge.see(pictures))
        yield EvaluationProgress(
            done=start + len(asked), total=len(jobs), cells=asked, seeds=numbers, pictures=pictures
        )
    painted = Verdict(*(torch.cat(field) for field in zip(*verdicts, strict=True)))
    return _report([cell for cell, _ in jobs], painted, judge, real, len(cells), seeds, split_seed)


def _report(
    asked: list[Cell],
    painted: Verdict,
    judge: Judge,
    real: PictureSet,
    cells: int,
    seeds: Sequence[int],
    split_seed: int,
) -> Report:
    bank_cells, bank = _see(judge, real.seen)
    rest_cells, rest = _see(judge, real.held_out)
    groups = {}
    for name, held_out in (("painted seen", False), ("painted held out", True)):
        chosen = [index for index, cell in enumerate(asked) if cell.held_out == held_out]
        verdict = Verdict(*(field[chosen] for field in painted))
        groups[name] = _scores([asked[i] for i in chosen], verdict, judge, (bank_cells, bank))
    groups["real seen"] = _scores(bank_cells, bank, judge)
    groups["real held out"] = _scores(rest_cells, rest, judge, (bank_cells, bank))

    everything = torch.cat([bank.features, rest.features])
    ours, floor, others = _split(painted.features, everything, split_seed)
    return Report(
        groups={name: scores for name, scores in groups.items() if scores is not None},
        frechet=Distance(
            painted=frechet_distance(ours, others), floor=frechet_distance(floor, others)
        ),
        kernel=Distance(
            painted=kernel_distance(ours, others), floor=kernel_distance(floor, others)
        ),
        compared=(len(ours), len(others)),
        cells=cells,
        seeds=tuple(seeds),
    )


def _scores(
    cells: Sequence[Cell],
    verdict: Verdict,
    judge: Judge,
    bank: tuple[list[Cell], Verdict] | None = None,
) -> Scores | None:
    """bank: the training pictures to look for the nearest in; None: leave that out."""
    if not cells:
        return None
    concepts, styles = judge.labels(
        [cell.concept for cell in cells], [cell.style for cell in cells]
    )
    concept, style = top_k_hits(verdict.concepts, concepts), top_k_hits(verdict.styles, styles)
    return Scores(
        pictures=len(cells),
        concept_top1=_part(concept),
        concept_top5=_part(top_k_hits(verdict.concepts, concepts, 5)),
        style=_part(style),
        both=_part(concept & style),
        nearest=None if bank is None else _nearness(cells, verdict, *bank),
    )


def _nearness(
    cells: Sequence[Cell], verdict: Verdict, bank_cells: list[Cell], bank: Verdict
) -> Nearness:
    found = nearest(verdict.features, bank.features)
    pairs = [(cell, bank_cells[i]) for cell, i in zip(cells, found.indices.tolist(), strict=True)]
    return Nearness(
        distance=found.distances.mean().item(),
        concept=sum(asked.concept == other.concept for asked, other in pairs) / len(pairs),
        style=sum(asked.style == other.style for asked, other in pairs) / len(pairs),
    )


def _split(
    painted: Float[Tensor, "N F"], real: Float[Tensor, "M F"], seed: int
) -> tuple[Float[Tensor, "K F"], Float[Tensor, "K F"], Float[Tensor, "R F"]]:
    """As many painted as real pictures, and the other real ones that both are compared with."""
    generator = torch.Generator().manual_seed(seed)
    real = real[torch.randperm(len(real), generator=generator)]
    painted = painted[torch.randperm(len(painted), generator=generator)]
    count = min(len(painted), len(real) // 2)
    return painted[:count], real[:count], real[count:]


def _see(judge: Judge, real: PictureSet) -> tuple[list[Cell], Verdict]:
    """The cells of a set, and the judge's verdict on their pictures."""
    return _cells_of(real), judge.see(real.pictures[real.picture_indices()])


def _cells_of(real: PictureSet) -> list[Cell]:
    return [Cell(record.concept, record.style, record.held_out) for record in real.records]


def _part(hits: Tensor) -> float:
    return hits.float().mean().item()


def _percent(part: float) -> str:
    return f"{100 * part:.1f} %"


def _distance_line(name: str, distance: Distance) -> str:
    return f"{name:<22}{distance.painted:>18.4f}   (real against real {distance.floor:.4f})"
