"""Request and response bodies of service accounts."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import Field

from jubilee.domain.service_accounts.account import ServiceAccount
from jubilee.domain.service_accounts.service import ClientSecret
from jubilee.entrypoints.http.api_token_models import SCOPE_NAMES, TokenName, TokenScope
from jubilee.entrypoints.http.framework.endpoint import Model, ReplyModel
from jubilee.entrypoints.http.framework.paging import PageReply

NEW_ACCOUNT_EXAMPLE = {"name": "nightly import", "scopes": ["items:read", "tasks:write"]}
ACCOUNT_EXAMPLE = {
    "id": "019aa0c1-7d4e-7c35-9d0f-3a4b5c6d7e8f",
    "name": "nightly import",
    "scopes": ["items:read", "tasks:write"],
    "owner_id": "019aa0c0-11aa-7b02-8c5e-5f6a7b8c9d0e",
    "is_active": True,
    "created_at": "2026-11-20T09:00:00Z",
}


class NewServiceAccountBody(Model):
    """A service account to create."""

    name: TokenName
    scopes: list[TokenScope] = Field(
        min_length=1,
        max_length=len(SCOPE_NAMES),
        description="the most that its tokens may have; not `admin`",
    )


class ServiceAccountReply(ReplyModel):
    """A service account."""

    id: UUID = Field(description="also its client id")
    name: str
    scopes: list[str]
    owner_id: UUID | None = Field(description="admin responsible for it; null if deleted")
    is_active: bool
    created_at: datetime

    @classmethod
    def of(cls, account: ServiceAccount) -> Self:
        """Make the reply for a service account."""
        return cls(**_members(account))


class ClientSecretReply(ServiceAccountReply):
    """A service account with its new client secret, which is not shown again."""

    client_secret: str

    @classmethod
    def issued(cls, issued: ClientSecret) -> Self:
        """Make the reply for a new secret."""
        return cls(**_members(issued.account), client_secret=issued.secret)


class ServiceAccountPage(PageReply):
    """One page of service accounts."""

    items: list[ServiceAccountReply]


def _members(account: ServiceAccount) -> dict[str, Any]:
    return {
        "id": account.id,
        "name": account.name,
        "scopes": [scope.value for scope in sorted(account.scopes)],
        "owner_id": account.owner_id,
        "is_active": account.is_active,
        "created_at": account.created_at,
    }
