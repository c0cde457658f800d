"""Celebrations: birthdays by day, and the port that caches today's."""

from dataclasses import dataclass
from datetime import date
from typing import Protocol
from uuid import UUID

from jubilee.domain.identity import UserId
from jubilee.domain.paging import Page


@dataclass(frozen=True, slots=True, kw_only=True)
class Celebration:
    """A birthday celebrated on `day`, `days` after the local date of the person."""

    id: UUID
    name: str | None
    user_id: UserId | None
    born: date
    day: date
    days: int

    @property
    def turning(self) -> int:
        """The age in years on that day."""
        return self.day.year - self.born.year


# Ports


class LoadPage(Protocol):
    """Loads a page for all callers."""

    async def __call__(self, *, recent: bool) -> Page[Celebration]:
        """`recent`: a view that lags may lack the last change."""


class TodayCache(Protocol):
    """Caches pages of today's birthdays; bounded in time, never raises, may lose entries."""

    async def page(self, key: str, load: LoadPage, *, seconds: int) -> Page[Celebration]:
        """Return the cached page, or else load it and cache it for `seconds`."""

    async def forget(self) -> None:
        """Invalidate all pages that were read before this call."""
