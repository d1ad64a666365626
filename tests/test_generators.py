import pytest

from limner.generators import answered, finish


def work():
    yield "a"
    yield "b"
    return 3


def test_it_hands_on_every_step_and_returns_the_outcome():
    seen = []
    assert finish(work(), seen.append) == 3
    assert seen == ["a", "b"]
    assert finish(work()) == 3


def test_a_stop_iteration_of_the_report_is_not_taken_for_the_end():
    def report(step):
        raise StopIteration

    try:
        outcome = finish(work(), report)
    except StopIteration:
        outcome = "raised"
    assert outcome == "raised"


def test_work_whose_report_fails_is_closed_though_the_error_is_kept():
    closed = []

    def held():
        try:
            yield "a"
        finally:
            closed.append(True)

    def report(step):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as kept:
        finish(held(), report)
    assert kept.tb is not None  # it holds what it went through
    assert closed


def asking(log):
    try:
        log.append((yield "a"))
        try:
            yield "b"
        except ValueError as error:
            log.append(str(error))
        return (yield "c")
    finally:
        log.append("closed")


def test_each_ask_is_told_once_it_has_its_answer():
    log, told = [], []
    work = answered(asking(log), told.append)
    assert next(work) == "a"
    assert told == []
    assert work.send(1) == "b"
    assert told == ["a"]
    assert work.throw(ValueError("no answer")) == "c"
    assert told == ["a"]
    with pytest.raises(StopIteration) as end:
        work.send(3)
    assert (end.value.value, told) == (3, ["a", "c"])
    assert log == [1, "no answer", "closed"]


def test_what_is_given_up_is_closed():
    log = []
    work = answered(asking(log), lambda said: None)
    next(work)
    work.close()
    assert log == ["closed"]
