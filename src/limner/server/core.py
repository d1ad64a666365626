"""Many people's paintings on one engine, an evaluation of a denoiser at a time.

No threads, no HTTP, any clock: `tick` does one turn, and whoever calls it again and again is the
engine's thread (`limner.server.worker`). Works come and go between turns. In a turn the work of
whoever has had least of the engine's time makes its call, and takes along the asks of others that
the same call can answer, in the same order, up to the width that pays. So a picture waits for at
most one call of others before each of its own, whatever their number, and what is painted beside it
changes nothing but the rounding of its sums.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from limner.engine.asks import Ask, Denoise, Step
from limner.engine.driver import Engine, Painting, Returned, advanced, failed, shown
from limner.engine.scheduler import shared
from limner.server.accounts import Accounts
from limner.server.models import Models
from limner.server.widths import Widths
from limner.server.work import Interrupted, Painter, Work, ending

log = logging.getLogger("limner.server")
MOST_ROWS = 128  # of all works under way; one that is larger is painted alone
RESERVE = 64  # beyond them, for flows that have nothing under way
Place = tuple[str, tuple[str, object]]
"""An owner, and the flow of a work: its model and its shape."""


@dataclass(eq=False)
class Seat:
    """A work under way. ask: what it waits for; key: equal where one call answers.

    turn: in which it was answered last. ends: it was told to end with what it has.
    """

    work: Work
    engine: Engine
    painting: Painting[Any]
    ask: Ask | None = None
    key: Hashable = None
    turn: int = 0
    step: Step | None = None
    ends: bool = False

    @property
    def rows(self) -> int:
        """That its ask brings into a call."""
        return _rows(self.ask)


@dataclass
class Turn:
    """What one call did, for whoever measures. works: how many shared it."""

    kind: str
    works: int
    rows: int
    seconds: float


@dataclass(eq=False)
class Core:
    """Works that wait, and those under way.

    clock: seconds. watch: told of every call. Not for several threads at once.
    """

    models: Models[Any]
    clock: Callable[[], float] = time.perf_counter
    most_rows: int = MOST_ROWS
    reserve: int = RESERVE
    widths: Widths = field(default_factory=Widths)
    watch: Callable[[Turn], None] | None = None

    def __post_init__(self) -> None:
        self.accounts = Accounts()
        self._waiting: dict[Place, deque[tuple[int, Work]]] = {}
        self._seats: dict[str, Seat] = {}
        self._sessions: dict[str, ExitStack] = {}
        self._dropped: dict[str, bool] = {}
        self._awaited: set[str] = set()  # models on their way
        self._arrived: set[str] = set()  # for works that wait: these come first
        self._arrivals = 0
        self._turns = 0

    @property
    def rows(self) -> int:
        """Of all works under way."""
        return sum(seat.work.rows for seat in self._seats.values())

    @property
    def under_way(self) -> tuple[str, ...]:
        return tuple(self._seats)

    @property
    def waiting(self) -> tuple[str, ...]:
        """The works that are not under way, as they came."""
        entries = (entry for queue in self._waiting.values() for entry in queue)
        return tuple(work.id for _, work in sorted(entries, key=lambda entry: entry[0]))

    def submit(self, work: Work) -> None:
        """Take a work up; it begins in a later turn."""
        self._arrivals += 1
        self.accounts.enter(work.owner, work.flow)
        queue = self._waiting.setdefault((work.owner, work.flow), deque())
        queue.append((self._arrivals, work))

    def cancel(self, id: str, *, keep: bool = False) -> None:
        """End a work before the next call. keep: with the pictures of its last step, if any."""
        self._dropped[id] = keep

    def tick(self) -> bool:
        """One turn; False where there was nothing to do."""
        self._drop()
        self._admit()
        if not self._seats:
            return False
        seats = self._chosen()
        self._turns += 1
        began = self.clock()
        asks = [seat.ask for seat in seats if seat.ask is not None]
        rows = sum(seat.rows for seat in seats)
        answers = shared(asks, seats[0].engine, partial(self._seen, seats[0].key))
        seconds = self.clock() - began
        if isinstance(asks[0], Denoise):
            self.widths.took(seats[0].key, rows, seconds)
        if self.watch is not None:
            self.watch(Turn(type(asks[0]).__name__.lower(), len(seats), rows, seconds))
        for seat, answer in zip(seats, answers, strict=True):
            began, share = self.clock(), seconds * seat.rows / rows
            self._lead(seat, answer)
            self._charge(seat, share + self.clock() - began)
        return True

    def _chosen(self) -> list[Seat]:
        """Whose turn it is, and who goes along."""
        seats = sorted(self._seats.values(), key=self._order)
        first = seats[0]
        most = self.widths.width(first.key) if isinstance(first.ask, Denoise) else 1
        chosen, rows = [first], first.rows
        for seat in seats[1:]:
            if seat.key == first.key and rows + seat.rows <= most:
                chosen.append(seat)
                rows += seat.rows
        return chosen

    def _order(self, seat: Seat) -> tuple[float, float, int]:
        return *self.accounts.order(seat.work.owner, seat.work.flow), seat.turn

    def _charge(self, seat: Seat, seconds: float) -> None:
        seat.turn = self._turns
        self.accounts.charge(seat.work.owner, seat.work.flow, seconds)
        if seat.ask is None:
            self._leave(seat)

    def _seen(self, key: Hashable, error: Exception, asks: Sequence[Any]) -> None:
        """Have narrower calls where one did not fit into memory."""
        if short_of_memory(error):
            self.widths.short(key, sum(map(_rows, asks)))

    def _lead(self, seat: Seat, answer: Any) -> None:
        """Lead a painting to its next ask; `ask` is None where it ended, and its end is told."""
        seat.ask = None
        try:
            said = failed(seat.painting, answer) if isinstance(answer, Exception) else None
            said = advanced(seat.painting, answer) if said is None else said
            while isinstance(said, Step):
                seat.step = said
                seat.work.watcher.stepped(shown(said, seat.engine))
                said = advanced(seat.painting, None)
            if isinstance(said, Returned):
                self._ended(seat.work, said.value)
            else:
                seat.ask, seat.key = said, (seat.work.model, seat.engine.key(said))
        except Exception as error:
            seat.ask = None
            seat.painting.close()
            _told(seat.work.watcher.failed, error)

    def _ended(self, work: Work, result: Any) -> None:
        if isinstance(result, Interrupted):
            work.watcher.interrupted(result.images, result.step)
        else:
            work.watcher.finished(result)

    def _drop(self) -> None:
        """End what was cancelled since the last turn."""
        if not self._dropped:
            return
        dropped, self._dropped = self._dropped, {}
        for id, keep in dropped.items():
            seat = self._seats.get(id)
            if seat is None:
                self._forget_waiting(id)
            elif keep and seat.step is not None and not seat.ends:
                seat.painting.close()
                seat.painting, seat.ends = ending(seat.step), True
                self._lead(seat, None)
                if seat.ask is None:  # not even that could be asked
                    self._leave(seat)
            elif not keep or seat.step is None:
                seat.painting.close()
                self._leave(seat)
                _told(seat.work.watcher.cancelled)

    def _forget_waiting(self, id: str) -> None:
        for place, queue in list(self._waiting.items()):
            for entry in [entry for entry in queue if entry[1].id == id]:
                queue.remove(entry)
                work = entry[1]
                self.accounts.leave(work.owner, work.flow)
                _told(work.watcher.cancelled)
            if not queue:
                del self._waiting[place]

    def _admit(self) -> None:
        """Begin what there is room for: first who has least under way, of these the oldest.

        Works whose model is being loaded wait, and others go before them; once it is there they
        are the first.
        """
        while places := [each for each in self._waiting if each[1][0] not in self._awaited]:
            place = min(places, key=self._admission)
            _, work = self._waiting[place][0]
            if not self._fits(work):
                return
            painter = self.models.loaded(work.model)
            if painter is not None:
                self._take(place)
                self._begin(work, painter)
            elif not self._await(work.model):  # there is room when those under way are done
                return

    def _await(self, model: str) -> bool:
        """Have a model loaded, while others are painted with; False: there is no room for it."""
        self._awaited.add(model)
        try:
            room = self.models.fetch(model, partial(self._came, model))
        except Exception as error:
            self._came(model, error)
            return True
        if not room:
            self._awaited.remove(model)
        return room

    def _came(self, model: str, found: Any) -> None:
        """A model is there, or cannot be loaded, which fails all that wait for it."""
        self._awaited.remove(model)
        places = [place for place in self._waiting if place[1][0] == model]
        if not isinstance(found, Exception):
            self._arrived |= {model} if places else set()
            return
        for _, work in [entry for place in places for entry in self._waiting.pop(place)]:
            self.accounts.leave(work.owner, work.flow)
            _told(work.watcher.failed, found)

    def _take(self, place: Place) -> None:
        self._waiting[place].popleft()
        if not self._waiting[place]:
            del self._waiting[place]

    def _admission(self, place: Place) -> tuple[bool, int, int, int]:
        owner, flow = place
        works = [seat.work for seat in self._seats.values() if seat.work.owner == owner]
        mine = (work.rows for work in works if work.flow == flow)
        late = flow[0] not in self._arrived
        return late, sum(work.rows for work in works), sum(mine), self._waiting[place][0][0]

    def _fits(self, work: Work) -> bool:
        if not self._seats:
            return True
        new = all(
            (seat.work.owner, seat.work.flow) != (work.owner, work.flow)
            for seat in self._seats.values()
        )
        most = self.most_rows + (self.reserve if new else 0)
        return self.rows + work.rows <= most

    def _begin(self, work: Work, painter: Painter) -> None:
        """Give a work its seat, and lead it to its first ask."""
        model = work.model
        self._arrived.discard(model)
        self.models.hold(model)
        try:
            if model not in self._sessions:
                with ExitStack() as stack:
                    stack.enter_context(painter.engine.session())
                    self._sessions[model] = stack.pop_all()
            painting = work.begin(painter)
            work.watcher.started()
        except Exception as error:
            self._give_back(model)
            self.accounts.leave(work.owner, work.flow)
            _told(work.watcher.failed, error)
            return
        seat = Seat(work=work, engine=painter.engine, painting=painting, turn=self._turns)
        self._seats[work.id] = seat
        began = self.clock()
        self._lead(seat, None)
        self._charge(seat, self.clock() - began)

    def _leave(self, seat: Seat) -> None:
        """Free a seat."""
        del self._seats[seat.work.id]
        self.accounts.leave(seat.work.owner, seat.work.flow)
        self._give_back(seat.work.model)

    def _give_back(self, model: str) -> None:
        self.models.release(model)
        if all(seat.work.model != model for seat in self._seats.values()):
            session = self._sessions.pop(model, None)
            if session is not None:
                session.close()


def _told(tell: Callable[..., None], *what: Any) -> None:
    """Tell how a work ended; a watcher that fails at that stops nobody's painting."""
    try:
        tell(*what)
    except Exception:
        log.exception("the end of a work could not be told")


def short_of_memory(error: Exception) -> bool:
    """Whether a call failed as it did not fit into memory; torch has no class for it on the CPU."""
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, RuntimeError) and "memory" in str(error).lower()


def _rows(ask: Ask | None) -> int:
    """That an ask brings into a call."""
    return len(ask) if isinstance(ask, Denoise) else 1
