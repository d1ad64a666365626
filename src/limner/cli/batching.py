"""Lines of requests painted one after another or together, and what becomes of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limner.cli import files, streams
from limner.cli.choosing import fitting
from limner.cli.naming import Names
from limner.cli.options import ModelOptions
from limner.errors import LimnerError, RequestError, UsageError
from limner.pipeline.lines import Line, read_lines
from limner.pipeline.statement import STORED

if TYPE_CHECKING:
    from limner.pipeline import Painter, Request, Result

DRAWN = ("seed", "variation_seed")  # fields that are drawn where a line does not say them


@dataclass(frozen=True, kw_only=True)
class Job:
    """A line that can be painted: its request, what paints it, and a path a picture."""

    line: Line
    request: Request
    painted_by: ModelOptions
    paths: list[Path]


@dataclass(kw_only=True)
class Batch:
    """A run over some lines, and what has become of them so far.

    common: fields of the lines that do not give them. report: called with how many lines are
    behind us. painted, kept, failed: how many lines; kept are those whose pictures were there.
    """

    names: Names
    common: Mapping[str, Any]
    painted_by: ModelOptions
    report: Callable[[int], None]
    force: bool = False
    quiet: bool = False
    painted: int = 0
    kept: int = 0
    failed: int = 0

    def paint(self, lines: Iterable[bytes]) -> Iterator[Path]:
        """Paint the lines; the path of each picture as soon as it is written.

        Lines for another model than the first, where none was named, come last, a model at a time.
        """
        later: dict[Path | None, list[Job]] = {}
        yield from self._by_one_model(self.painted_by, self._jobs(lines, later))
        for jobs in later.values():
            yield from self._by_one_model(jobs[0].painted_by, iter(jobs))

    def summary(self) -> str:
        """What became of the lines."""
        counts = {"painted": self.painted, "painted before": self.kept, "failed": self.failed}
        return ", ".join(f"{count} {what}" for what, count in counts.items() if count) or "no line"

    def _jobs(self, lines: Iterable[bytes], later: dict[Path | None, list[Job]]) -> Iterator[Job]:
        """The jobs of the model that paints most; those of others are kept for later."""
        for index, found in enumerate(read_lines(lines, self.common), 1):
            if isinstance(found, RequestError):
                self._fail(found)
                continue
            try:
                job = self._job(index, found)
            except UsageError as error:
                self._fail(error, found)
                continue
            if job.painted_by.model == self.painted_by.model:
                yield job
            else:
                later.setdefault(job.painted_by.model, []).append(job)

    def _job(self, index: int, line: Line) -> Job:
        paths = self.names.paths(index, line)
        painted_by = fitting(line.request, self.painted_by)
        return Job(line=line, request=line.request, painted_by=painted_by, paths=paths)

    def _by_one_model(self, painted_by: ModelOptions, jobs: Iterator[Job]) -> Iterator[Path]:
        """The pictures of one model, which is loaded where there is a job for it."""
        first = next(jobs, None)
        if first is None:
            return
        painter, origin = painted_by.load(), painted_by.origin
        of_model = (*painter.parts.notes, *painter.adapters.warnings)  # told once, not by lines
        for note in () if self.quiet else of_model:
            streams.warn(note)
        waiting: dict[int, tuple[Job, list[Path]]] = {}
        requests = self._requests(chain([first], jobs), painter, origin, waiting)
        for index, outcome in painter.outcomes(requests):
            job, missing = waiting.pop(index)
            if isinstance(outcome, Exception):
                self._fail(outcome, job.line)
                continue
            for warning in outcome.warnings:
                if warning not in of_model:
                    self._warner(job.line)(warning)
            yield from self._write(job, missing, outcome, origin)
            self.painted += 1
            self._behind()

    def _requests(
        self,
        jobs: Iterable[Job],
        painter: Painter,
        origin: Path,
        waiting: dict[int, tuple[Job, list[Path]]],
    ) -> Iterator[Request]:
        """What is still to be painted; `waiting` holds each one's job and paths, by its index."""
        index = 0
        for job in jobs:
            try:
                missing = job.paths if self.force else missing_of(job, painter, origin)
            except LimnerError as error:
                self._fail(error, job.line)
                continue
            if missing:
                waiting[index] = job, missing
                index += 1
                yield job.request
            else:
                self.kept += 1
                self._behind()

    def _write(self, job: Job, missing: list[Path], result: Result, origin: Path) -> Iterator[Path]:
        from limner.pipeline.metadata import texts

        for index, (image, path) in enumerate(zip(result.images, job.paths, strict=True)):
            if path in missing:
                yield files.save_picture(image, path, texts(result, index, origin), force=True)

    def _fail(self, error: Exception, line: Line | None = None) -> None:
        """Tell what is wrong with a line, and go on."""
        self.failed += 1
        place = "" if line is None else f"line {line.number}: "
        what = error if isinstance(error, LimnerError) else f"{type(error).__name__}: {error}"
        streams.say(f"limner: {place}{what}")
        self._behind()

    def _behind(self) -> None:
        self.report(self.painted + self.kept + self.failed)

    def _warner(self, line: Line) -> Callable[[str], None]:
        """What tells a warning of a line."""
        return lambda text: None if self.quiet else streams.warn(f"line {line.number}: {text}")


def missing_of(job: Job, painter: Painter, origin: Path) -> list[Path]:
    """The paths where the job's pictures are not yet.

    Raises RequestError where another picture stands in the place of one, or what is none.
    """
    there = {index: path for index, path in enumerate(job.paths) if path.exists()}
    if there:
        wanted = painter.complete(job.request)
        drawn = [name for name in DRAWN if getattr(job.request, name) is None]
        for index, path in there.items():
            if other := difference(path, wanted.alone(index), drawn, origin):
                raise RequestError(
                    f"{path} is there already, {other}: --force paints it again, --out names "
                    "another folder"
                )
    return [path for path in job.paths if path not in there.values()]


def difference(path: Path, wanted: Request, drawn: Iterable[str], origin: Path) -> str | None:
    """What a painted picture differs in from what is wanted; None: in nothing.

    drawn: fields that may have any value.
    """
    from limner.pipeline.metadata import model_name, read_record

    try:
        record = read_record(path)
    except RequestError:
        return "and says of no painting"
    if record.model not in (None, model_name(origin)):
        return f"painted by {record.model}"
    for name in STORED:
        painted, asked = getattr(record.request, name), getattr(wanted, name)
        if name not in drawn and painted != asked:
            return f"painted with {name} {painted!r}, not {asked!r}"
    return None
