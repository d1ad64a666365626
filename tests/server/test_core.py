"""Works of many owners on one engine: nothing lost, nobody starved, each what it is alone."""

from __future__ import annotations

import gc
import random
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from traces import Asking, Clock, Ends, Loads, SumEngine, Sums, core, run, until

from limner.errors import CheckpointError, NumericsError, UsageError
from limner.server.core import Core, Turn
from limner.server.models import Models, Shelf
from limner.server.widths import Widths

TRACES = 40


def asking(id: int, chance: random.Random, **fixed: Any) -> Asking:
    steps = chance.randint(1, 6)
    fields: dict[str, Any] = {
        "owner": chance.choice(("ann", "bob", "cy")),
        "model": chance.choice(("a", "a", "b", "c")),
        "rows": chance.choice((1, 2, 2, 2, 4, 16)),
        "steps": steps,
        "poisoned": chance.randint(1, steps) if chance.random() < 0.05 else None,
    }
    return Asking(id=str(id), **{**fields, **fixed})


def submitted(core: Core, works: list[Asking], clock: Clock) -> dict[str, Ends]:
    found = {work.id: Ends(clock) for work in works}
    for work in works:
        core.submit(work.work(found[work.id]))
    return found


def traced(seed: int) -> None:
    """Works come and go at random times; some are cancelled, some are spoilt, memory runs short."""
    chance, clock = random.Random(seed), Clock()
    engines = {name: SumEngine(clock, room=chance.choice((16, 64))) for name in "abc"}
    one = core(clock, "a", "b", "c", budget=2, engines=engines, most_rows=24, reserve=16)
    loads = Loads()
    if chance.random() < 0.5:  # others are painted with while a model is loaded
        one.models.loader = loads
    ends: dict[str, Ends] = {}
    works: dict[str, Asking] = {}
    cancelled: dict[str, int] = {}
    waits = 0
    for id in range(chance.randint(3, 12)):
        work = works[str(id)] = asking(id, chance)
        ends[work.id] = Ends(clock)
        one.submit(work.work(ends[work.id]))
        if chance.random() < 0.2:
            other = chance.choice(list(works))
            one.cancel(other, keep=chance.random() < 0.5)
            cancelled[other] = sum(len(engine.calls) for engine in engines.values())
        for _ in range(chance.randint(0, 8)):
            one.tick()
            assert one.rows <= 24 + 16
            assert one.models.bytes <= 2
            if chance.random() < 0.3:
                loads.end_one()
    while one.tick() or loads.end_one():
        waits += 1
        assert waits < 10_000
    assert not one.under_way
    assert not one.waiting
    assert len(one.accounts) == 0
    assert all(engine.open == 0 for engine in engines.values())
    calls = [call for engine in engines.values() for call in engine.calls]
    for id, work in works.items():
        (how,) = ends[id].ended
        match how:
            case "finished":
                assert ends[id].result == work.alone
                assert ends[id].steps == work.steps
            case "failed":
                assert work.poisoned is not None or work.rows > 16, repr(ends[id].result)
                assert isinstance(ends[id].result, (NumericsError, RuntimeError))
            case _:
                assert id in cancelled
    assert all(id in works for ids, _ in calls for id in ids)


def test_nothing_is_lost_or_starved_or_changed_in_random_traces() -> None:
    for seed in range(TRACES):
        traced(seed)


@pytest.mark.slow
def test_ten_thousand_more_traces() -> None:
    for seed in range(TRACES, 10_000 + TRACES):
        traced(seed)


def test_works_that_can_share_a_call_do() -> None:
    clock = Clock()
    engine = SumEngine(clock, fixed=10.0, each=0.1)  # where wide calls pay, as on a GPU
    one = core(clock, "a", engines={"a": engine})
    works = [Asking(id=str(n), owner="ann", model="a", rows=2, steps=12) for n in range(8)]
    ends = submitted(one, works, clock)
    run(one)
    assert all(end.ended == ["finished"] for end in ends.values())
    assert max(rows for _, rows in engine.calls) == 16
    assert len(engine.calls) < 8 * 12 / 2


def test_where_wide_calls_gain_nothing_they_stay_narrow() -> None:
    clock = Clock()
    engine = SumEngine(clock, fixed=0.0, each=1.0)  # as on two cores
    one = core(clock, "a", engines={"a": engine})
    works = [Asking(id=str(n), owner="ann", model="a", rows=2, steps=20) for n in range(8)]
    submitted(one, works, clock)
    run(one)
    assert sum(rows > 2 for _, rows in engine.calls) <= 6  # some, to have looked
    assert engine.calls[-1][1] == 2


def test_a_cancelled_work_asks_for_nothing_more_and_leaves_nothing_behind() -> None:
    class Held:
        pass

    for at in (1, 4, 6):
        clock = Clock()
        engine = SumEngine(clock)
        one = core(clock, "a", engines={"a": engine})
        first = Asking(id="1", owner="ann", model="a", rows=2, steps=5)
        other = Asking(id="2", owner="bob", model="a", rows=2, steps=5)
        held = Held()
        dead = weakref.ref(held)

        def painting(painter: Any, held: Held = held, work: Asking = first) -> Iterator[Any]:
            assert held is not None
            return (yield from work.painting(painter))

        watcher, beside = Ends(clock), Ends(clock)
        work = first.work(watcher)
        object.__setattr__(work, "begin", painting)
        one.submit(work)
        one.submit(other.work(beside))
        for _ in range(at):
            one.tick()
        before = len(engine.calls)
        one.cancel("1")
        one.tick()
        assert watcher.ended == ["cancelled"]
        assert all("1" not in ids for ids, _ in engine.calls[before:])
        del held, work, painting
        gc.collect()
        assert dead() is None
        run(one)
        assert beside.result == other.alone


def test_an_interrupted_work_ends_with_the_pictures_of_its_last_step() -> None:
    clock = Clock()
    one = core(clock, "a")
    ends = submitted(one, [Asking(id="1", owner="ann", model="a", rows=2, steps=50)], clock)
    until(one, lambda: ends["1"].steps == 3)
    one.cancel("1", keep=True)
    one.cancel("1", keep=True)
    run(one)
    assert ends["1"].told == ["started", "interrupted"]
    assert ends["1"].result == 3


def test_a_spoilt_row_is_its_own_works_failure() -> None:
    clock = Clock()
    engine = SumEngine(clock, fixed=10.0, each=0.1)
    one = core(clock, "a", engines={"a": engine})
    works = [
        Asking(id=str(n), owner="ann", model="a", rows=2, steps=9, poisoned=9 if n == 3 else None)
        for n in range(6)
    ]
    ends = submitted(one, works, clock)
    run(one)
    assert {id: end.ended[0] for id, end in ends.items()} == {
        str(n): "failed" if n == 3 else "finished" for n in range(6)
    }
    assert all(
        end.result == w.alone
        for w, end in zip(works, ends.values(), strict=True)
        if w.poisoned is None
    )


def test_calls_that_do_not_fit_into_memory_are_halved_from_then_on() -> None:
    clock = Clock()
    engine = SumEngine(clock, fixed=10.0, each=0.1, room=8)
    one = core(clock, "a", engines={"a": engine})
    works = [Asking(id=str(n), owner="ann", model="a", rows=2, steps=20) for n in range(16)]
    ends = submitted(one, works, clock)
    run(one)
    assert all(end.ended == ["finished"] for end in ends.values())
    assert sum(rows > 8 for _, rows in engine.calls) == 1


@pytest.mark.parametrize("same_owner", [True, False])
@pytest.mark.parametrize("fixed", [0.0, 10.0])
def test_a_flood_of_another_key_makes_no_work_wait_for_thrice_its_time(
    same_owner: bool, fixed: float
) -> None:
    def seconds(flood: int) -> float:
        clock = Clock()
        engines = {name: SumEngine(clock, fixed=fixed) for name in "ab"}
        one = core(clock, "a", "b", engines=engines)
        many = [Asking(id=str(n), owner="ann", model="a", rows=2, steps=20) for n in range(flood)]
        submitted(one, many, clock)
        for _ in range(min(100, 10 * flood)):
            one.tick()
        owner = "ann" if same_owner else "bob"
        (end,) = submitted(
            one, [Asking(id="9999", owner=owner, model="b", rows=2, steps=20)], clock
        ).values()
        came = clock.now
        until(one, lambda: bool(end.ended))
        assert end.ended == ["finished"]
        return end.at - came

    assert seconds(70) <= 3 * seconds(0)


def test_owners_share_the_time_evenly_whatever_they_ask_for() -> None:
    clock, spent = Clock(), {"ann": 0.0, "bob": 0.0}
    engine = SumEngine(clock, fixed=0.0)
    bobs = SumEngine(clock, fixed=0.0)
    one = core(clock, "a", "b", engines={"a": engine, "b": bobs})
    works = [Asking(id=str(n), owner="ann", model="a", rows=4, steps=9) for n in range(60)]
    works += [Asking(id=str(n), owner="bob", model="b", rows=2, steps=3) for n in range(60, 400)]
    submitted(one, works, clock)
    engines = {"ann": engine.calls, "bob": bobs.calls}
    until(one, lambda: clock.now >= 500)
    for owner, calls in engines.items():
        spent[owner] = sum(rows for _, rows in calls)
    assert spent["ann"] == pytest.approx(spent["bob"], rel=0.35)


def test_who_comes_new_has_no_credit_and_no_debt() -> None:
    clock = Clock()
    engine = SumEngine(clock, fixed=0.0)
    one = core(clock, "a", engines={"a": engine})
    submitted(
        one, [Asking(id=str(n), owner="ann", model="a", rows=2, steps=30) for n in range(9)], clock
    )
    for _ in range(200):
        one.tick()
    submitted(one, [Asking(id="99", owner="bob", model="a", rows=2, steps=1000)], clock)
    before = len(engine.calls)
    for _ in range(60):
        one.tick()
    mine = sum("99" in ids for ids, _ in engine.calls[before:])
    assert 20 <= mine <= 40


def test_models_that_do_not_fit_together_take_turns() -> None:
    clock = Clock()
    one = core(clock, "a", "b", budget=1)
    works = [
        Asking(id=str(n), owner="ann" if n % 2 else "bob", model="ab"[n % 2], rows=2, steps=3)
        for n in range(20)
    ]
    ends = submitted(one, works, clock)
    while one.tick():
        assert one.models.bytes <= 1
    assert all(end.ended == ["finished"] for end in ends.values())


def test_a_model_that_cannot_be_loaded_fails_its_works_alone() -> None:
    def broken() -> Sums:
        raise CheckpointError("broken")

    clock = Clock()
    shelves = {
        "a": Shelf(load=lambda: Sums(SumEngine(clock)), size=1),
        "b": Shelf(load=broken, size=1),
    }
    one = Core(models=Models(shelves), clock=clock)
    works = [Asking(id=str(n), owner="ann", model="ab"[n % 2], rows=2, steps=3) for n in range(4)]
    ends = submitted(one, works, clock)
    run(one)
    assert len(one.accounts) == 0
    assert [end.ended[0] for end in ends.values()] == ["finished", "failed"] * 2


def test_others_are_painted_with_while_a_model_is_loaded() -> None:
    clock, loads = Clock(), Loads()
    one = core(clock, "a", "b")
    one.models.loader = loads
    first = Asking(id="1", owner="ann", model="a", rows=2, steps=9)
    ends = submitted(one, [first], clock)
    assert not one.tick()
    loads.end_one()
    one.tick()
    later = [Asking(id=str(n), owner="bob", model="b", rows=2, steps=3) for n in (2, 3)]
    ends |= submitted(one, later, clock)
    run(one)
    assert ends["1"].result == first.alone
    assert [ends[id].told for id in "23"] == [[], []]
    assert one.waiting == ("2", "3")
    assert loads.end_one()
    assert not loads.end_one()  # once, for both
    run(one)
    assert [ends[id].ended for id in "23"] == [["finished"]] * 2


def test_a_model_on_its_way_has_its_part_of_the_budget() -> None:
    clock, loads = Clock(), Loads()
    one = core(clock, "a", "b", "c", budget=2)
    one.models.loader = loads
    works = [Asking(id=str(n), owner="ann", model="abc"[n], rows=2, steps=3) for n in range(3)]
    ends = submitted(one, works, clock)
    assert not one.tick()
    assert one.models.bytes == 2  # of a and b, neither of which is there
    while one.tick() or loads.end_one():
        assert one.models.bytes <= 2
    assert all(end.ended == ["finished"] for end in ends.values())


def test_a_work_that_is_cancelled_while_its_model_is_loaded_ends_at_once() -> None:
    clock, loads = Clock(), Loads()
    one = core(clock, "a", "b", budget=1)
    one.models.loader = loads
    ends = submitted(
        one,
        [Asking(id=str(n), owner="ann", model="ab"[n], rows=2, steps=3) for n in range(2)],
        clock,
    )
    one.tick()
    one.cancel("0")
    one.tick()
    assert ends["0"].ended == ["cancelled"]
    loads.end_one()
    while one.tick() or loads.end_one():
        pass
    assert ends["1"].ended == ["finished"]


def test_a_watcher_that_fails_stops_nobody_else() -> None:
    class Broken(Ends):
        def stepped(self, step: Any) -> None:
            raise OSError("disk full")

        def failed(self, error: Exception) -> None:
            super().failed(error)
            raise OSError("disk full")

    clock = Clock()
    one = core(clock, "a")
    works = [Asking(id=str(n), owner="ann", model="a", rows=2, steps=3) for n in range(2)]
    watchers = [Broken(clock), Ends(clock)]
    for work, watcher in zip(works, watchers, strict=True):
        one.submit(work.work(watcher))
    run(one)
    assert watchers[0].ended == ["failed"]
    assert watchers[1].ended == ["finished"]


def test_calls_are_told_to_whoever_measures() -> None:
    clock, turns = Clock(), list[Turn]()
    one = core(clock, "a", watch=turns.append)
    submitted(one, [Asking(id="1", owner="ann", model="a", rows=2, steps=3)], clock)
    run(one)
    assert [turn.kind for turn in turns] == ["encode", *["asked"] * 3, "decode"]
    assert turns[1] == Turn("asked", 1, 2, 2.5)


def test_names_of_models_are_plain_and_sizes_within_the_budget() -> None:
    shelf = Shelf(load=object, size=5)
    for name in ("../a", "a b", "", "a" * 65, "ä", "a/b"):
        with pytest.raises(UsageError, match="model name"):
            Models({name: shelf})
    with pytest.raises(UsageError, match="takes 0 MB and the budget is"):
        Models({"a": shelf}, budget=4)
    with pytest.raises(UsageError, match="no model 'x': one of a is right"):
        Models({"a": shelf}).fetch("x", print)


def test_a_width_is_the_smallest_that_is_nearly_the_best() -> None:
    def settled(seconds: Any) -> int:
        widths = Widths()
        for _ in range(60):
            width = widths.width("key")
            widths.took("key", width, seconds(width))
        return widths.width("key")

    assert settled(lambda width: 1.0 * width) == 2
    assert settled(lambda width: 10 + 0.0 * width) == 64
    assert settled(lambda width: 1.0 * max(width, 16)) == 16
