"""Ranks: whose account a caller may act on, by comparing what both may do."""

from typing import Protocol

from jubilee.domain.errors import NotAllowed
from jubilee.domain.identity import Principal, UserId
from jubilee.domain.roles.role import RankTooHigh, RoleReader
from jubilee.domain.scopes import Scope


class OwnAccountRefused(NotAllowed):
    """You cannot do this to your own account."""

    code = "own_account"


class RankView(Protocol):
    """A view or transaction that knows what accounts may do."""

    @property
    def roles(self) -> RoleReader:
        """The roles and their grants."""


def outranks(rights: frozenset[Scope], other: frozenset[Scope]) -> bool:
    """Return whether the first has all scopes of the other, and more."""
    return rights > other


async def require_rank(view: RankView, user_id: UserId, *, by: Principal) -> None:
    """Require that the caller has all scopes of the account; raise RankTooHigh."""
    if not await view.roles.rights(user_id) <= by.allowed:
        raise RankTooHigh


def require_other(user_id: UserId, *, by: Principal) -> None:
    """Raise OwnAccountRefused if the account is the caller's own."""
    if user_id == by.user_id:
        raise OwnAccountRefused
