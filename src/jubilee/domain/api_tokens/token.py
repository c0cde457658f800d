"""API tokens: personal access tokens, and those of service accounts."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NewType, Protocol
from uuid import UUID

from jubilee.domain.audit.entry import AuditTransaction
from jubilee.domain.errors import Invalid, LimitReached, NotAllowed, NotFound
from jubilee.domain.idempotency.answers import AnswerTransaction
from jubilee.domain.identity import Principal, UserId
from jubilee.domain.jobs.queue import JobQueue
from jubilee.domain.owned_rows import UserApiTokenStore
from jubilee.domain.paging import Page, Position
from jubilee.domain.scopes import Scope
from jubilee.domain.users.ports import UserRepository

PREFIX = "jbl_"
MAX_NAME_CHARS = 100  # code points
MAX_GRANTED_TOKENS = 100  # of an account; a new one replaces the oldest
LAST_USE_PRECISION = timedelta(minutes=5)
"""A use within it after the stored one is not stored."""

ApiTokenId = NewType("ApiTokenId", UUID)


class ApiTokenNotFound(NotFound):
    """The token does not exist or is not yours."""

    code = "api_token_not_found"


class TooManyApiTokens(LimitReached):
    """The account has the maximum number of tokens; delete one that is not used."""

    code = "too_many_api_tokens"


class InvalidTokenName(Invalid):
    """A token's name must be a line of 1 to 100 characters, not all of them blank."""

    code = "invalid_token_name"


class InvalidTokenExpiry(Invalid):
    """A token must expire in the future, within the longest allowed lifetime."""

    code = "invalid_token_expiry"


class InvalidTokenScope(Invalid):
    """A token needs at least one scope, and only an admin's may have `admin`."""

    code = "invalid_token_scope"


class AccountDisabled(NotAllowed):
    """The account is disabled."""

    code = "account_disabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """A token without its text, which is shown once."""

    id: ApiTokenId
    user_id: UserId
    name: str
    token_hash: bytes = field(repr=False)
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = None
    """With a precision of LAST_USE_PRECISION."""
    is_granted: bool = False
    """Whether it is a short one of a client credentials grant, which lists leave out."""


@dataclass(frozen=True, slots=True)
class ApiTokenUse:
    """A valid token in a request: its caller, and whether this use is to be stored."""

    principal: Principal
    token_id: ApiTokenId
    is_stale: bool


# Ports


class ApiTokenReader(Protocol):
    """Reads tokens."""

    async def check(self, token_hash: bytes) -> ApiTokenUse | None:
        """Return the use if token and account are valid now; one statement."""

    async def page(self, user_id: UserId, *, after: Position | None, limit: int) -> Page[ApiToken]:
        """List the tokens of an account that were not granted, newest first."""


class ApiTokenRepository(UserApiTokenStore, Protocol):
    """The tokens of accounts."""

    async def add(self, token: ApiToken) -> None:
        """Insert the token."""

    async def count(self, user_id: UserId) -> int:
        """Return the number of the account's tokens that were not granted."""

    async def drop_expired(self, user_id: UserId, *, now: datetime) -> None:
        """Delete the account's tokens that have expired."""

    async def prune_granted(self, user_id: UserId) -> None:
        """Delete the account's oldest granted tokens, so that there is room for one more."""

    async def delete(self, token_id: ApiTokenId, *, user_id: UserId) -> bool:
        """Delete a token of the account; return whether it existed."""


class ApiTokenView(Protocol):
    """The repository that tokens are read from."""

    @property
    def api_tokens(self) -> ApiTokenReader:
        """The tokens."""


class ApiTokenTransaction(AnswerTransaction, AuditTransaction, Protocol):
    """The repositories that use cases of tokens need in one transaction."""

    @property
    def users(self) -> UserRepository:
        """The accounts."""

    @property
    def api_tokens(self) -> ApiTokenRepository:
        """The tokens."""

    @property
    def jobs(self) -> JobQueue:
        """The jobs to enqueue."""


def scope_text(scopes: Collection[Scope]) -> str:
    """Return the scopes as a sorted list between spaces."""
    return " ".join(sorted(scopes))
