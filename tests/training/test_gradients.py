"""A step in parts, and over processes, against the same step at once."""

import pytest
import torch
from small_trainings import (
    OBJECTIVES,
    SHARDED,
    trained_over_processes,
    trainer,
    training,
    weights,
)

from limner.errors import TrainingError

STEPS = 4


@pytest.fixture(scope="module", params=OBJECTIVES)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def whole(name, tmp_path_factory):
    return training(name, tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("two")


@pytest.fixture(scope="module")
def two_processes(folder):
    """The losses and weights of all trainings of the list, by two real processes."""
    return trained_over_processes(2, folder)


def assert_same(ours, theirs):
    torch.testing.assert_close(ours["losses"], theirs["losses"], rtol=1e-5, atol=1e-6)
    apart = (ours["weights"] - theirs["weights"]).norm()
    assert apart <= 1e-6 * theirs["weights"].norm()
    assert apart <= 1e-4 * theirs["moved"]


def test_four_parts_make_the_same_training(name, whole, tmp_path):
    assert_same(training(name, tmp_path, accumulate=4), whole)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_two_processes_make_the_same_training(name, whole, two_processes, accumulate):
    assert_same(two_processes[name, accumulate], whole)


@pytest.mark.parametrize("name", SHARDED, indirect=True)
def test_processes_that_share_the_weights_make_the_same_training(
    name, whole, two_processes, folder
):
    """Stopped and resumed halfway; what they saved is a state that one process can take up."""
    losses = two_processes[name, "sharded"]["losses"]
    torch.testing.assert_close(losses, whole["losses"], rtol=1e-5, atol=1e-6)
    taken_up = trainer(name, folder / name)
    assert taken_up.resume()
    apart = (weights(taken_up) - whole["weights"]).norm()
    assert apart <= 1e-4 * whole["moved"]


def test_the_training_went_somewhere(whole):
    assert len(whole["losses"]) == STEPS
    assert whole["moved"] > 1e-3 * whole["weights"].norm()


def test_without_shared_gradients_two_processes_learn_otherwise(two_processes, tmp_path):
    alone = training("softmax", tmp_path)
    apart = two_processes["softmax apart", 1]
    torch.testing.assert_close(apart["losses"][0], alone["losses"][0], rtol=1e-5, atol=1e-6)
    assert not torch.allclose(apart["losses"][1:], alone["losses"][1:], rtol=1e-5)


def test_a_batch_that_does_not_divide_is_refused(tmp_path):
    with pytest.raises(TrainingError, match=r"batch of 6 cannot be cut .* multiple of 4"):
        training("line", tmp_path, batch=6, accumulate=4)
