"""A student learns in one step what its guided teacher does in several."""

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from limner.diffusion.prediction import Flow, V
from limner.diffusion.process import DiscreteDiffusion, RectifiedFlow
from limner.diffusion.sample import denoise_with, drive, last
from limner.diffusion.schedules import levels
from limner.diffusion.solvers import solver_named
from limner.errors import TrainingError
from limner.training.draws import Draws
from limner.training.objectives.conditions import ClassCondition
from limner.training.objectives.distillation import DistillationObjective, joined

CLASSES = 3


class Small(nn.Module):
    """x, t, class -> x, of a few hundred weights."""

    def __init__(self) -> None:
        super().__init__()
        self.classes = nn.Embedding(CLASSES + 1, 8)
        self.into = nn.Linear(4 + 1 + 8, 64)
        self.out = nn.Linear(64, 4)

    def forward(self, x: Tensor, t: Tensor, pooled: Tensor) -> Tensor:
        known = torch.cat([x.flatten(1), t[:, None] / 1000, self.classes(pooled[:, 0].long())], 1)
        return self.out(torch.tanh(self.into(known))).reshape(x.shape)


def objective(process, prediction, schedule, *, steps=2, substeps=3, guidance=2.0):
    torch.manual_seed(0)
    teacher = Small()
    condition = ClassCondition(labels=torch.arange(12) % CLASSES, classes=CLASSES, dropout=0.0)
    return DistillationObjective(
        deepcopy(teacher),
        teacher,
        torch.randn(12, 1, 2, 2),
        condition,
        lambda count: ClassCondition.of(torch.full((count,), CLASSES)),
        process=process,
        prediction=prediction,
        visited=levels(process, steps * substeps, schedule),
        substeps=substeps,
        guidance=guidance,
    )


FLOW = (RectifiedFlow(), Flow(), "shifted")
CHAIN = (DiscreteDiffusion(zero_terminal_snr=False), V(), "trailing")


def no_noise(*given: object) -> Tensor:
    raise AssertionError("Euler draws no noise")


def drawn(count=12):
    return torch.arange(count), Draws(5, range(count))


@pytest.mark.parametrize("kind", [FLOW, CHAIN], ids=["flow", "chain"])
def test_one_substep_without_guidance_is_the_teacher_itself(kind):
    made = objective(*kind, substeps=1, guidance=1.0)
    assert made.loss(*drawn())["total"].item() < 1e-8


@pytest.mark.parametrize("kind", [FLOW, CHAIN], ids=["flow", "chain"])
def test_the_target_leads_where_the_guided_teacher_goes(kind):
    """One step of Euler with the target ends where the solver's steps with guidance end."""
    process, prediction, schedule = kind
    made = objective(*kind, steps=1)
    x = torch.randn(4, 1, 2, 2)
    told = ClassCondition.of(torch.tensor([0, 1, 2, 0]))
    start = torch.zeros(4, dtype=torch.long)
    target = made._output_to(made._taught(x, start, told), x, start, start + 3)

    visited = levels(process, 3, schedule)
    scale = process.native_scale(visited[0])

    def call(said):
        return denoise_with(lambda x, t: made.teacher(x, t, **said), process, prediction)

    with_class, without = call(told), call(made.untold(4))
    taught = drive(
        solver_named("euler")(x / scale, visited, no_noise),
        lambda x, level: torch.lerp(without(x, level), with_class(x, level), 2.0),
    )
    one = drive(
        solver_named("euler")(x / scale, (visited[0], visited[-1]), no_noise),
        denoise_with(lambda x, t: target, process, prediction),
    )
    torch.testing.assert_close(last(one), last(taught), atol=1e-4, rtol=1e-4)


def test_the_student_learns_it():
    made = objective(*FLOW)
    optimiser = torch.optim.AdamW(made.modules.parameters(), lr=3e-3)
    before = made.loss(*drawn())["total"].item()
    for step in range(300):
        optimiser.zero_grad()
        made.loss(torch.arange(12), Draws(step, range(12)))["total"].backward()
        optimiser.step()
    assert made.loss(*drawn())["total"].item() < 0.2 * before
    assert all(parameter.grad is None for parameter in made.teacher.parameters())


def test_parts_of_a_batch_are_the_whole():
    made = objective(*FLOW)
    whole = made.loss(*drawn())["total"]
    parts = [made.loss(torch.arange(a, a + 6), Draws(5, range(a, a + 6)))["total"] for a in (0, 6)]
    torch.testing.assert_close(sum(parts) / 2, whole)


def test_steps_that_do_not_fit_are_refused():
    made = objective(*FLOW)
    with pytest.raises(TrainingError, match="no multiple of 4"):
        DistillationObjective(
            made.student, made.teacher, made.latents, made.condition, made.untold,
            process=made.process, prediction=made.prediction,
            visited=levels(made.process, 6, "shifted"), substeps=4, guidance=1.0,
        )  # fmt: skip


def test_what_is_told_of_two_batches():
    both = joined({"a": torch.zeros(1, 2), "b": None}, {"a": torch.ones(1, 2), "b": None})
    assert both["b"] is None
    assert both["a"].tolist() == [[0, 0], [1, 1]]
