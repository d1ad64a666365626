"""Solvers of the reverse process, each one flat generator.

A solver yields (x, level), is sent the denoised picture D(x, level), and returns the last x:

    denoised = yield x, level          once for each evaluation of the model

x and `levels` (falling, the last of them usually sigma = 0) are in straight coordinates, where
dx/dsigma = (x - D) / sigma both for alpha = 1 and for alpha = 1 - sigma
(`limner.diffusion.process`). `noise(x)` gives fresh Gaussian noise like x, `noise(x, interval)`
that of a Brownian path; deterministic solvers leave it alone. All of a solver's state lives in its
frame.

    deterministic   euler, heun, plms, ipndm, lms, deis, dpmpp_2m, singlestep, unipc
    stochastic      ddim, dpm2_ancestral, dpmpp_2s_ancestral, dpmpp_sde, dpmpp_2m_sde, ..., lcm
    ways            dpm_fast, dpm_adaptive, restart: those that choose levels of their own
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Any

import torch
from torch import Tensor

from limner.diffusion.brownian import Interval
from limner.diffusion.names import solver_name
from limner.diffusion.process import Level
from limner.diffusion.solvers.deterministic import (
    deis,
    dpmpp_2m,
    euler,
    heun,
    ipndm,
    lms,
    plms,
    singlestep,
    unipc,
)
from limner.diffusion.solvers.step import Evaluations, FreshNoise, Pair, Solver
from limner.diffusion.solvers.stochastic import (
    ddim,
    dpm2_ancestral,
    dpmpp_2m_sde,
    dpmpp_2s_ancestral,
    dpmpp_3m_sde,
    dpmpp_sde,
    lcm,
)
from limner.diffusion.solvers.ways import dpm_adaptive, dpm_fast, restart
from limner.errors import RequestError

__all__ = [
    "SOLVERS",
    "Against",
    "Evaluations",
    "FreshNoise",
    "Pair",
    "Solver",
    "SolverEntry",
    "ddim",
    "euler",
    "solver_named",
]


class Against(StrEnum):
    """The picture that a solver measures the noise in x against, in place of the denoised one.

    unguided: without the prompt. unheld: before it was held to a range, as diffusers' DDIM has it.
    """

    UNGUIDED = "unguided"
    UNHELD = "unheld"


@dataclass(frozen=True, kw_only=True)
class SolverEntry:
    """A solver under its name.

    evaluations: model calls of a step in the middle of the way; `calls` has them exactly.
    stochastic: whether it draws noise at its steps. takes_eta, takes_churn, multistep: whether
    `eta`, `churn` and `last_orders` are options of it. adaptive: whether it chooses its steps by
    the picture, so that nobody knows how many there will be. against: what it is sent beside the
    denoised picture, as a `Pair`, where there is such.
    """

    solve: Solver
    evaluations: int = 1
    stochastic: bool = False
    takes_eta: bool = False
    takes_churn: bool = False
    multistep: bool = False
    adaptive: bool = False
    against: Against | None = None

    def calls(self, levels: Sequence[Level]) -> int | None:
        """Model calls on the way through these levels, counted by going it with nothing at all.

        None: the pictures will tell.
        """
        if self.adaptive:
            return None
        run, calls = self.solve(torch.zeros(1, 1, 1, 1), levels, _nothing), 0
        try:
            x, _ = next(run)
            while True:
                calls += 1
                x, _ = run.send(x)
        except StopIteration:
            return calls


def _nothing(x: Tensor, interval: Interval | None = None) -> Tensor:
    return torch.zeros_like(x)


def _ode(solve: Solver, evaluations: int = 1, **more: Any) -> SolverEntry:
    return SolverEntry(solve=solve, evaluations=evaluations, **more)


def _sde(solve: Solver, evaluations: int = 1, **more: Any) -> SolverEntry:
    own = SolverEntry(solve=solve, evaluations=evaluations, stochastic=True, takes_eta=True)
    return replace(own, **more)


SOLVERS: dict[str, SolverEntry] = {
    "euler": _ode(euler, takes_churn=True),
    "heun": _ode(heun, 2, takes_churn=True),
    "ddim": SolverEntry(solve=ddim, takes_eta=True, against=Against.UNHELD),
    "ddpm": SolverEntry(solve=partial(ddim, eta=1.0), stochastic=True),
    "euler_ancestral": _sde(partial(ddim, eta=1.0)),
    "euler_cfgpp": _ode(ddim, against=Against.UNGUIDED),
    "euler_ancestral_cfgpp": _sde(partial(ddim, eta=1.0), against=Against.UNGUIDED),
    "plms": _ode(plms),
    "ipndm": _ode(ipndm),
    "lms": _ode(lms),
    "dpm2": _ode(partial(dpm2_ancestral, eta=0.0), 2, takes_churn=True),
    "dpm2_ancestral": _sde(dpm2_ancestral, 2),
    "dpm_fast": _ode(dpm_fast),
    "dpm_adaptive": _ode(dpm_adaptive, 3, adaptive=True),
    "restart": SolverEntry(solve=restart, evaluations=2, stochastic=True),
    "dpmpp_2s": _ode(partial(dpmpp_2s_ancestral, eta=0.0), 2),
    "dpmpp_2s_single": _ode(singlestep, multistep=True),
    "dpmpp_2s_ancestral": _sde(dpmpp_2s_ancestral, 2),
    "dpmpp_sde": _sde(dpmpp_sde, 2),
    "dpmpp_2m": _ode(dpmpp_2m, multistep=True),
    "dpmpp_2m_sde": _sde(dpmpp_2m_sde, multistep=True),
    "dpmpp_2m_sde_heun": _sde(partial(dpmpp_2m_sde, heun=True), multistep=True),
    "dpmpp_3m": _ode(partial(dpmpp_3m_sde, eta=0.0), multistep=True),
    "dpmpp_3m_sde": _sde(dpmpp_3m_sde, multistep=True),
    "deis": _ode(deis, multistep=True),
    "deis_2": _ode(partial(deis, order=2), multistep=True),
    "unipc": _ode(unipc, multistep=True),
    "unipc_2": _ode(partial(unipc, order=2, bh2=True), multistep=True),
    "unipc_bh2": _ode(partial(unipc, bh2=True), multistep=True),
    "lcm": SolverEntry(solve=lcm, stochastic=True),
}


def solver_named(
    name: str,
    *,
    eta: float | None = None,
    churn: float | None = None,
    last_orders: Sequence[int] = (),
) -> Solver:
    """The solver of that name, with its eta or churn where it takes one (None: the solver's own).

    last_orders: the most orders of the last steps of a multistep solver, the last step's last;
    empty: its own. The name is any that `limner.diffusion.names.solver_name` knows. Raises
    RequestError for an unknown name, for an eta outside [0, 1], for a churn below 0, and for an
    option given to a solver that takes none.
    """
    name = solver_name(name)
    entry = SOLVERS[name]
    options: dict[str, Any] = {}
    if last_orders:
        _check_takes(entry.multistep, name, "last_orders")
        options["last_orders"] = tuple(last_orders)
    if eta is not None:
        _check_takes(entry.takes_eta, name, "eta")
        if not 0 <= eta <= 1:
            raise RequestError(f"eta is {eta}; it must lie between 0 and 1")
        options["eta"] = eta
    if churn is not None:
        _check_takes(entry.takes_churn, name, "churn")
        if not 0 <= churn < math.inf:
            raise RequestError(f"churn is {churn}; it must be 0 or more")
        options["churn"] = churn
    solve: Callable[..., Evaluations] = entry.solve
    return partial(solve, **options) if options else entry.solve


def _check_takes(takes: bool, name: str, option: str) -> None:
    if not takes:
        raise RequestError(f"solver {name!r} takes no {option}; leave it out")
