"""Request and response bodies of API tokens."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from jubilee.domain.api_tokens.service import IssuedApiToken, NewApiToken
from jubilee.domain.api_tokens.token import MAX_NAME_CHARS, ApiToken
from jubilee.domain.scopes import TOKEN_SCOPES, Scope
from jubilee.entrypoints.http.fields import Instant
from jubilee.entrypoints.http.framework.endpoint import Model, ReplyModel
from jubilee.entrypoints.http.framework.paging import PageReply
from jubilee.entrypoints.http.text_patterns import LINE_PATTERN, LINE_TEXT, DocumentedPattern

SCOPE_NAMES = [scope.value for scope in sorted(TOKEN_SCOPES)]
TOKEN_EXAMPLE = {
    "id": "019aa0c1-7d4e-7c35-9d0f-3a4b5c6d7e8f",
    "name": "backup of the wiki",
    "scopes": ["items:read", "tasks:write"],
    "created_at": "2026-11-20T09:00:00Z",
    "expires_at": "2027-02-18T09:00:00Z",
    "last_used_at": None,
}
NEW_TOKEN_EXAMPLE = {
    "name": "backup of the wiki",
    "scopes": ["items:read", "tasks:write"],
    "expires_at": "2027-02-18T09:00:00Z",
}


def _scope(value: object) -> Scope:
    if isinstance(value, str) and value in SCOPE_NAMES:
        return Scope(value)
    raise PydanticCustomError("unknown_scope", "Input should be a scope that a token can have")


TokenScope = Annotated[
    Scope,
    BeforeValidator(_scope),
    WithJsonSchema({"type": "string", "enum": SCOPE_NAMES}),
]
TokenName = Annotated[
    str,
    Field(min_length=1, max_length=MAX_NAME_CHARS, description=LINE_TEXT),
    DocumentedPattern(LINE_PATTERN),
]


class NewApiTokenBody(Model):
    """A token to create."""

    name: TokenName
    scopes: list[TokenScope] = Field(min_length=1, max_length=len(SCOPE_NAMES))
    expires_at: Instant | None = Field(
        None, description="by default after API_TOKEN_DEFAULT_DAYS, at most API_TOKEN_MAX_DAYS"
    )

    def to_domain(self) -> NewApiToken:
        """Return the token for the token service."""
        return NewApiToken(
            name=self.name, scopes=frozenset(self.scopes), expires_at=self.expires_at
        )


class ApiTokenReply(ReplyModel):
    """A token without its text."""

    id: UUID
    name: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime = Field(description="when it stops working")
    last_used_at: datetime | None = Field(description="to within a few minutes; null if never")

    @classmethod
    def of(cls, token: ApiToken) -> Self:
        """Make the reply for a token."""
        return cls(**_members(token))


class NewApiTokenReply(ApiTokenReply):
    """A new token with its text, which is not shown again."""

    token: str = Field(description="the credential, to send as `Authorization: Bearer …`")

    @classmethod
    def issued(cls, issued: IssuedApiToken) -> Self:
        """Make the reply for a new token."""
        return cls(**_members(issued.token), token=issued.text)


class ApiTokenPage(PageReply):
    """One page of tokens."""

    items: list[ApiTokenReply]


def _members(token: ApiToken) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "scopes": [scope.value for scope in sorted(token.scopes)],
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "last_used_at": token.last_used_at,
    }
