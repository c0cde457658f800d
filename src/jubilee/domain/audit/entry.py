"""Entries of the audit log: who did what to whom, when and from where."""

import hmac
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypedDict, Unpack
from uuid import UUID

from jubilee.domain.identity import Principal, UserId, name_key
from jubilee.domain.paging import Page, Position
from jubilee.domain.transaction import Begin

LOGIN_HASH_BYTES = 16


class AuditEvent(StrEnum):
    """What happened."""

    SIGN_IN = "sign_in"
    SIGN_IN_FAILED = "sign_in_failed"
    REAUTHENTICATION_FAILED = "reauthentication_failed"
    """The current password, sent as proof or with a change of one's own account, was wrong."""
    REAUTHENTICATED = "reauthenticated"
    """The user proved who they are again, within a session."""
    SIGN_OUT = "sign_out"
    SESSION_ENDED = "session_ended"
    SESSIONS_ENDED = "sessions_ended"
    """All sessions of the account, or all but that of the request."""
    REFRESH_REUSED = "refresh_reused"
    """A refresh token was used again, so that its session ended."""
    ACCOUNT_LOCKED = "account_locked"
    ACCOUNT_UNLOCKED = "account_unlocked"
    ACCOUNT_REGISTERED = "account_registered"
    ACCOUNT_DISABLED = "account_disabled"
    ACCOUNT_ENABLED = "account_enabled"
    ACCOUNT_DELETED = "account_deleted"
    DELETION_REQUESTED = "deletion_requested"
    """The account cannot be used, and is deleted at the end of the grace."""
    DELETION_UNDONE = "deletion_undone"
    EXPORT_REQUESTED = "export_requested"
    EXPORT_DOWNLOADED = "export_downloaded"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105  # an event, not a password
    EMAIL_CHANGED = "email_changed"
    EMAIL_VERIFIED = "email_verified"
    MAIL_CODE_REFUSED = "mail_code_refused"
    """A code of a mail was wrong, or there was no such mail."""
    ROLE_CHANGED = "role_changed"
    IDENTITY_LINKED = "identity_linked"
    """An identity at another provider became a way to sign in."""
    IDENTITY_UNLINKED = "identity_unlinked"
    SIGNING_KEY_ADDED = "signing_key_added"
    SIGNING_KEY_RETIRED = "signing_key_retired"
    """An operator stopped signing with it."""
    SIGNING_KEY_REVOKED = "signing_key_revoked"
    """The same, and its tokens are refused."""
    API_TOKEN_CREATED = "api_token_created"  # noqa: S105  # an event, not a token
    API_TOKEN_DELETED = "api_token_deleted"  # noqa: S105  # an event, not a token
    API_TOKENS_DELETED = "api_tokens_deleted"
    """All of the account, with a new password or because it was disabled."""
    IMPERSONATION_STARTED = "impersonation_started"
    """An account got a token by which it acts as another one for a few minutes."""
    ACCOUNTS_MERGED = "accounts_merged"
    INVITE_SENT = "invite_sent"
    INVITE_REVOKED = "invite_revoked"
    """An admin revoked it, or its address has got an account."""
    INVITE_ACCEPTED = "invite_accepted"
    SERVICE_ACCOUNT_CREATED = "service_account_created"
    CLIENT_SECRET_REPLACED = "client_secret_replaced"  # noqa: S105  # an event, not a secret
    FACTOR_ADDED = "factor_added"
    FACTOR_REMOVED = "factor_removed"
    FACTORS_RESET = "factors_reset"
    """An admin or operator removed all second factors of an account."""
    RECOVERY_CODES_RENEWED = "recovery_codes_renewed"
    RECOVERY_CODE_USED = "recovery_code_used"
    ADMIN_READ = "admin_read"
    """An admin or operator read what belongs to another account, or a list of it."""
    ADMIN_WRITE = "admin_write"
    """An admin or operator changed or deleted what belongs to another account."""


class AuditDetails(TypedDict, total=False):
    """Further facts of an entry: ids and constants of the code; `note` alone is input."""

    session_id: str
    reason: str
    """Why a sign-in failed, a session ended, or a password or address changed."""
    login_hash: str
    """Keyed hash of the login of a sign-in that names no account; see `hashed_login`."""
    provider: str
    """Of an identity, by its name in the settings."""
    key_id: str
    """Of a signing key."""
    token_id: str
    """Id of an API token."""
    scopes: str
    """Those of a new token, between spaces."""
    role: str
    """The new one, or all of them between spaces, such as `support user`."""
    note: str
    """Why an account was locked or impersonated, in the words of the account that did it."""
    until: str
    """When a lock ends by itself."""
    impersonator: str
    """Id of the account that acted as the actor; `AuditLog.record` adds it."""
    factor: str
    """Kind of a second factor: `totp`, `recovery_code` or `passkey`."""
    factor_id: str
    resource: str
    """What an admin read or wrote, such as `account` or `tasks`."""
    resource_id: str
    members: str
    """Names of the members that an admin changed, between spaces."""


@dataclass(frozen=True, slots=True)
class RequestOrigin:
    """Where an act came from; each is None where it is not known, as for a command."""

    address: str | None = None
    user_agent: str | None = None
    request_id: str | None = None
    impersonator: str | None = None
    """Id of the account that acts as the actor; stored among the details."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One act; `actor_id` is None for an unknown caller and for the service itself."""

    id: UUID
    event: str
    """A value of AuditEvent; a newer release may have written others."""
    actor_id: UserId | None
    subject_id: UserId | None
    """The account concerned; None if there is none, or if it is not one account."""
    occurred_at: datetime
    origin: RequestOrigin = field(default_factory=RequestOrigin)
    details: AuditDetails = field(default_factory=AuditDetails)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Conditions of a list of entries; `since` is inclusive, `until` is not."""

    event: AuditEvent | None = None
    actor_id: UserId | None = None
    subject_id: UserId | None = None
    since: datetime | None = None
    until: datetime | None = None


def with_impersonator(details: AuditDetails, origin: RequestOrigin) -> AuditDetails:
    """Add to the details the account that acts as the actor, if there is one."""
    if origin.impersonator is None:
        return details
    return {**details, "impersonator": origin.impersonator}


# Ports


class AuditLog(Protocol):
    """Appends to the audit log in the transaction of the act; the adapter adds time and origin."""

    async def record(
        self,
        event: AuditEvent,
        *,
        actor: UserId | None,
        subject: UserId | None,
        **details: Unpack[AuditDetails],
    ) -> None:
        """Append an entry."""


class AuditReader(Protocol):
    """Reads the audit log."""

    async def page(
        self, chosen: AuditFilter, *, after: Position | None, limit: int
    ) -> Page[AuditEntry]:
        """List entries, newest first."""

    async def addresses(self, chosen: AuditFilter, *, limit: int) -> frozenset[str | None]:
        """Return the addresses of the newest `limit` entries; None is one that is not known."""


class AuditRows(AuditLog, AuditReader, Protocol):
    """The audit log, written and read in one transaction."""


class AuditTransaction(Protocol):
    """A transaction that can record."""

    @property
    def audit(self) -> AuditLog:
        """The audit log."""


async def record_own(
    log: AuditLog, event: AuditEvent, user_id: UserId, **details: Unpack[AuditDetails]
) -> None:
    """Record an act of a user on their own account."""
    await log.record(event, actor=user_id, subject=user_id, **details)


async def record_access(
    log: AuditLog,
    event: AuditEvent,
    *,
    by: Principal,
    owner: UserId | None,
    **details: Unpack[AuditDetails],
) -> None:
    """Record that an admin reads or writes what belongs to `owner`, unless it is their own."""
    if by.user_id != owner:
        await log.record(event, actor=by.user_id, subject=owner, **details)


async def record_read(
    write: Begin[AuditTransaction],
    *,
    by: Principal,
    owner: UserId | None = None,
    **details: Unpack[AuditDetails],
) -> None:
    """Record, before the answer, that an admin has read what belongs to another account."""
    if by.user_id != owner:
        async with write() as tx:
            await record_access(tx.audit, AuditEvent.ADMIN_READ, by=by, owner=owner, **details)


def hashed_login(key: bytes, login: str) -> str:
    """Return a pseudonym of a login that names no account: it may be a password typed there."""
    text = b"login" + name_key(login).encode(errors="surrogatepass")
    return hmac.digest(key, text, "sha256")[:LOGIN_HASH_BYTES].hex()
