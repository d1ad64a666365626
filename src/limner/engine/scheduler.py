"""Many paintings at once: in each round every one asks, and asks of one key share a call.

Nothing of a painting changes by what is painted beside it but the rounding of its rows' sums.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from limner.engine.asks import Ask, Denoise, Step
from limner.engine.driver import Engine, Painting, Returned, advanced, failed

R = TypeVar("R")
MOST_AT_ONCE = 32  # paintings that are under way together
MOST_ROWS = 128  # that they ask to denoise in a round; one painting alone may ask for more
Running = dict[int, tuple[Painting[R], Ask, int]]
"""Number of a painting under way -> itself, what it asks, and its rows."""


def outcomes(
    paintings: Iterable[tuple[int, Painting[R], int]],
    engine: Engine,
    *,
    most: int = MOST_AT_ONCE,
    most_rows: int = MOST_ROWS,
    ahead: int | None = None,
) -> Generator[tuple[int, R | Exception], None, None]:
    """Paint many: (its number, its result or why it has none) of each as it ends.

    Whatever one raises is its own: the others are painted.

    paintings: number, painting, and how many rows it will ask to denoise; taken as there is room
    for them, `most` at once, fewer where their rows are many. ahead: none is taken whose number is
    so far beyond the first under way; None: however far. Whoever stops iterating cancels those
    under way.
    """
    waiting, running = iter(paintings), Running[R]()
    more, last = True, -1
    with engine.session():
        try:
            while more or running:
                while more and len(running) < most and _rows(running) < most_rows:
                    if ahead is not None and last - min(running, default=last) >= ahead:
                        break
                    taken = next(waiting, None)
                    if taken is None:
                        more = False
                        break
                    last, painting, rows = taken
                    yield from _kept(last, painting, rows, None, running)
                for number, answer in _answered(running, engine):
                    painting, _, rows = running.pop(number)
                    yield from _kept(number, painting, rows, answer, running)
        finally:
            for painting, _, _ in running.values():
                painting.close()


def _kept(
    number: int, painting: Painting[R], rows: int, answer: Any, running: Running[R]
) -> Iterator[tuple[int, R | Exception]]:
    """Lead a painting to its next ask, and keep it; or yield what it ended with."""
    try:
        said = failed(painting, answer) if isinstance(answer, Exception) else None
        said = advanced(painting, answer) if said is None else said
        while isinstance(said, Step):  # nobody looks at the way there
            said = advanced(painting, None)
    except Exception as error:
        yield number, error
        return
    if isinstance(said, Returned):
        yield number, said.value
    else:
        running[number] = painting, said, len(said) if isinstance(said, Denoise) else rows


def _answered(running: Running[Any], engine: Engine) -> list[tuple[int, Any]]:
    """An answer, or an error, for every painting under way."""
    groups: dict[Hashable, list[int]] = {}
    for number, (_, ask, _) in running.items():
        groups.setdefault(engine.key(ask), []).append(number)
    found: list[tuple[int, Any]] = []
    for numbers in groups.values():
        answers = shared([running[number][1] for number in numbers], engine)
        found += zip(numbers, answers, strict=True)
    return found


def shared(
    asks: Sequence[Ask],
    engine: Engine,
    seen: Callable[[Exception, Sequence[Ask]], None] | None = None,
) -> list[Any]:
    """The answers of one call; where it fails, of each half, so that a failure is one ask's own.

    So what is too much together, for memory say, is done in smaller calls. seen: told of every
    call that failed.
    """
    try:
        return engine.answer(list(asks))
    except Exception as error:
        if seen is not None:
            seen(error, asks)
        if len(asks) == 1:
            return [error]
        half = len(asks) // 2
        return [*shared(asks[:half], engine, seen), *shared(asks[half:], engine, seen)]


def _rows(running: Running[Any]) -> int:
    return sum(rows for _, _, rows in running.values())
