import pytest

from limner.generators import finish


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
