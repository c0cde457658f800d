"""The service account, what use cases refuse, and its storage."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from jubilee.domain.api_tokens.token import ApiTokenTransaction, ApiTokenView
from jubilee.domain.errors import Invalid, NotAuthenticated, NotFound
from jubilee.domain.identity import UserId
from jubilee.domain.paging import Page, Position
from jubilee.domain.scopes import Scope

SECRET_PREFIX = "jbs_"  # noqa: S105  # the beginning of secrets, not a secret
MAX_NAME_CHARS = 100  # code points


class ServiceAccountNotFound(NotFound):
    """The service account does not exist."""

    code = "service_account_not_found"


class InvalidServiceAccountName(Invalid):
    """A service account's name must be a line of 1 to 100 characters, not all of them blank."""

    code = "invalid_service_account_name"


class InvalidServiceAccountScope(Invalid):
    """A service account needs at least one scope, and cannot have `admin`."""

    code = "invalid_service_account_scope"


class InvalidClient(NotAuthenticated):
    """The client id or the client secret is wrong."""

    code = "invalid_client"


class InvalidScope(Invalid):
    """The client may not have a scope that it asks for."""

    code = "invalid_scope"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccount:
    """An account of a machine; its id is its client id."""

    id: UserId
    name: str
    owner_id: UserId | None
    """The admin who is responsible for it; None once that account is deleted."""
    scopes: frozenset[Scope]
    """The most that its tokens may have."""
    secret_hash: bytes = field(repr=False)
    is_active: bool = True
    """Whether it is neither disabled nor locked."""
    created_at: datetime


# Ports


class ServiceAccountReader(Protocol):
    """Reads service accounts."""

    async def find(self, account_id: UserId) -> ServiceAccount | None:
        """Return the service account, or None if there is none of this id."""

    async def page(self, *, after: Position | None, limit: int) -> Page[ServiceAccount]:
        """List service accounts, newest first."""


class ServiceAccountRepository(ServiceAccountReader, Protocol):
    """The service accounts; each has a row of an account as well."""

    async def add(self, account: ServiceAccount) -> None:
        """Insert it beside its account."""

    async def replace_secret(self, account_id: UserId, secret_hash: bytes) -> None:
        """Store the hash of a new secret."""


class ServiceAccountView(ApiTokenView, Protocol):
    """The repository that service accounts are read from."""

    @property
    def service_accounts(self) -> ServiceAccountReader:
        """The service accounts."""


class ServiceAccountTransaction(ApiTokenTransaction, Protocol):
    """The repositories that use cases of service accounts need in one transaction."""

    @property
    def service_accounts(self) -> ServiceAccountRepository:
        """The service accounts."""
