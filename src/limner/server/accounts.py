"""Who has had how much of the engine's time: owners share it evenly, and so do an owner's flows.

Start-time fair queueing (Goyal, Vin and Cheng 1996) on two levels. A flow is the work of one owner
that can share calls: one model, one size.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

LEAST = 1e-6  # seconds that anything costs, so that a clock that stands still starves nobody


@dataclass
class Account:
    """spent: seconds, from where the others were at its beginning. users: its works."""

    spent: float
    users: int = 0


class Accounts:
    """The accounts of all who have work waiting or under way; others are forgotten."""

    def __init__(self) -> None:
        self._owners: dict[Hashable, Account] = {}
        self._flows: dict[tuple[Hashable, Hashable], Account] = {}

    def enter(self, owner: Hashable, flow: Hashable) -> None:
        """One more work. Who comes new begins where the one who had least is, without credit."""
        if owner not in self._owners:
            self._owners[owner] = Account(_least(self._owners.values()))
        if (owner, flow) not in self._flows:
            siblings = (a for (of, _), a in self._flows.items() if of == owner)
            self._flows[owner, flow] = Account(_least(siblings))
        self._owners[owner].users += 1
        self._flows[owner, flow].users += 1

    def leave(self, owner: Hashable, flow: Hashable) -> None:
        """One work less."""
        own, mine = self._owners[owner], self._flows[owner, flow]
        own.users -= 1
        mine.users -= 1
        if not mine.users:
            del self._flows[owner, flow]
        if not own.users:
            del self._owners[owner]

    def charge(self, owner: Hashable, flow: Hashable, seconds: float) -> None:
        """Write down what was spent on one's work."""
        for account in (self._owners[owner], self._flows[owner, flow]):
            account.spent += max(LEAST, seconds)

    def order(self, owner: Hashable, flow: Hashable) -> tuple[float, float]:
        """The least comes first."""
        return self._owners[owner].spent, self._flows[owner, flow].spent

    def __len__(self) -> int:
        """How many owners have work."""
        return len(self._owners)


def _least(accounts: Iterable[Account]) -> float:
    return min((account.spent for account in accounts), default=0.0)
