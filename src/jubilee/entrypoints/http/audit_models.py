"""Queries and replies of the audit log."""

from datetime import datetime
from typing import Any, Literal, Self, TypeAlias
from uuid import UUID

from pydantic import Field

from jubilee.domain.audit.entry import AuditEntry, AuditEvent, AuditFilter
from jubilee.domain.identity import OPERATOR, UserId
from jubilee.entrypoints.http.fields import UUID_PATTERN, Instant
from jubilee.entrypoints.http.framework.endpoint import ReplyModel
from jubilee.entrypoints.http.framework.paging import PageQuery, PageReply

OPERATOR_NAME = "operator"
EVENTS = ", ".join(f"`{event}`" for event in AuditEvent)
OWN_ENTRY_EXAMPLE = {
    "id": "019aa0c1-7d4e-7c35-9d0f-3a4b5c6d7e8f",
    "event": "sign_in",
    "actor": "self",
    "occurred_at": "2026-11-20T09:00:00Z",
    "address": "192.0.2.7",
    "user_agent": "curl/8.5",
    "details": {"session_id": "019aa0c1-7d4e-7c35-9d0f-3a4b5c6d7e90"},
}
ENTRY_EXAMPLE = {
    **OWN_ENTRY_EXAMPLE,
    "actor": "account",
    "actor_id": "019aa0c0-11aa-7b02-8c5e-5f6a7b8c9d0e",
    "subject_id": "019aa0c0-11aa-7b02-8c5e-5f6a7b8c9d0e",
    "request_id": "0af7651916cd43dd8448eb211c80319c",
}

Actor: TypeAlias = Literal["account", "operator", "none"]
OwnActor: TypeAlias = Literal["self", "administrator", "none"]


class OwnAuditQuery(PageQuery):
    """Filters of the entries that concern one account."""

    event: AuditEvent | None = Field(None, description="only entries of this event")
    since: Instant | None = Field(None, description="only entries from this time on")
    until: Instant | None = Field(None, description="only entries before this time")

    def to_domain(self) -> AuditFilter:
        """Return the filter for the audit service."""
        return AuditFilter(event=self.event, since=self.since, until=self.until)


class AuditQuery(OwnAuditQuery):
    """Filters of the entries of all accounts."""

    actor: str | None = Field(
        None,
        pattern=f"^({OPERATOR_NAME}|{UUID_PATTERN})$",
        examples=[OPERATOR_NAME],
        description="id of the account that acted; `operator` for commands",
    )
    subject: UUID | None = Field(None, description="id of the account concerned")

    def to_domain(self) -> AuditFilter:
        """Return the filter for the audit service."""
        return AuditFilter(
            event=self.event,
            actor_id=_actor_id(self.actor),
            subject_id=None if self.subject is None else UserId(self.subject),
            since=self.since,
            until=self.until,
        )


class AuditEntryBase(ReplyModel):
    """What all see of an entry."""

    id: UUID
    event: str = Field(description=f"one of {EVENTS}, or one that a later release adds")
    occurred_at: datetime
    address: str | None = Field(description="address of the client; null once it is erased")
    user_agent: str | None
    details: dict[str, str] = Field(
        description="further facts, such as `session_id`, `reason`, `role`, `resource`; "
        "`impersonator` is the account that acted as the actor"
    )


class AuditReply(AuditEntryBase):
    """An entry of the audit log."""

    actor: Actor = Field(description="`none`: an unknown caller, or the service itself")
    actor_id: UUID | None = Field(description="account that acted")
    subject_id: UUID | None = Field(description="account concerned; it may have been deleted")
    request_id: str | None

    @classmethod
    def of(cls, entry: AuditEntry) -> Self:
        """Make the reply for an entry."""
        actor, actor_id = _actor(entry)
        return cls(
            **_common(entry),
            actor=actor,
            actor_id=actor_id,
            subject_id=entry.subject_id,
            request_id=entry.origin.request_id,
        )


class OwnAuditReply(AuditEntryBase):
    """An entry of the audit log that concerns the caller."""

    actor: OwnActor = Field(
        description="`administrator`: an admin, support or operator, whose address is not shown; "
        "`none`: an unknown caller, or the service itself"
    )

    @classmethod
    def of(cls, entry: AuditEntry) -> Self:
        """Make the reply for an entry."""
        is_own = entry.actor_id == entry.subject_id and "impersonator" not in entry.details
        actor: OwnActor = "self" if is_own else "administrator"
        return cls(**_common(entry), actor="none" if entry.actor_id is None else actor)


class AuditPage(PageReply):
    """One page of the audit log."""

    items: list[AuditReply]


class OwnAuditPage(PageReply):
    """One page of the entries that concern the caller."""

    items: list[OwnAuditReply]


def _actor_id(named: str | None) -> UserId | None:
    if named is None:
        return None
    return OPERATOR.user_id if named == OPERATOR_NAME else UserId(UUID(named))


def _actor(entry: AuditEntry) -> tuple[Actor, UUID | None]:
    if entry.actor_id is None:
        return "none", None
    is_operator = entry.actor_id == OPERATOR.user_id
    return ("operator", None) if is_operator else ("account", entry.actor_id)


def _common(entry: AuditEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "event": entry.event,
        "occurred_at": entry.occurred_at,
        "address": entry.origin.address,
        "user_agent": entry.origin.user_agent,
        "details": dict(entry.details),
    }
