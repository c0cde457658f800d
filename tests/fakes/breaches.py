"""Leaked passwords in memory."""

import asyncio
from dataclasses import dataclass, field

from jubilee.domain.breaches import (
    BreachCheckOutcome,
    BreachesUnreadable,
    BreachObserver,
    BreachReader,
)


@dataclass(slots=True)
class FakeBreachReader(BreachReader):
    """The digests of leaked passwords; records what it was asked."""

    leaked: frozenset[str] = frozenset()
    cause: str = ""
    hangs: bool = False
    asked: list[str] = field(default_factory=list)

    async def contains(self, digest: str) -> bool:
        self.asked.append(digest)
        if self.hangs:
            await asyncio.Event().wait()
        if self.cause:
            raise BreachesUnreadable(self.cause)
        return digest in self.leaked


@dataclass(slots=True)
class FakeBreachObserver(BreachObserver):
    """Has the outcomes and the causes."""

    outcomes: list[BreachCheckOutcome] = field(default_factory=list)
    causes: list[str] = field(default_factory=list)

    def breach_check_ended(self, outcome: BreachCheckOutcome) -> None:
        self.outcomes.append(outcome)

    def breaches_unreadable(self, cause: str) -> None:
        self.causes.append(cause)
