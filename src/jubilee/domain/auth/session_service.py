"""Use cases of the sessions of one's own account: list and end them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from jubilee.domain.audit.entry import AuditEvent, AuditTransaction, record_own
from jubilee.domain.auth.address_places import AddressPlaceReader
from jubilee.domain.auth.sessions import (
    AccountSessions,
    Session,
    SessionNotFound,
    SessionReader,
)
from jubilee.domain.identity import Principal, SessionId
from jubilee.domain.transaction import Begin

# Ports


class SessionView(Protocol):
    """The repository that is read from."""

    @property
    def sessions(self) -> SessionReader:
        """The sessions of accounts."""


class SessionTransaction(AuditTransaction, Protocol):
    """The repositories that are needed in one transaction."""

    @property
    def sessions(self) -> AccountSessions:
        """The sessions of accounts."""


@dataclass(frozen=True, slots=True)
class SessionService:
    """Use cases of sessions."""

    write: Begin[SessionTransaction]
    read: Begin[SessionView]
    places: AddressPlaceReader | None = None

    async def list(self, principal: Principal) -> Sequence[Session]:
        """List the caller's sessions, newest first."""
        async with self.read() as view:
            return await view.sessions.list_for(principal.user_id)

    async def places_of(self, sessions: Sequence[Session]) -> Mapping[str, str]:
        """Return where the addresses of the sessions are, as far as a database knows them."""
        if self.places is None:
            return {}
        return await self.places.places_of({one.client.ip for one in sessions if one.client.ip})

    async def end(self, session_id: SessionId, *, by: Principal) -> None:
        """End a session of the caller; raise SessionNotFound."""
        async with self.write() as tx:
            if not await tx.sessions.end(session_id, user_id=by.user_id):
                raise SessionNotFound
            await record_own(
                tx.audit, AuditEvent.SESSION_ENDED, by.user_id, session_id=str(session_id)
            )

    async def end_all(self, *, by: Principal, keep_current: bool) -> None:
        """Sign the caller out everywhere; `keep_current` spares the session of the request."""
        async with self.write() as tx:
            await tx.sessions.end_all(by.user_id, but=by.session_id if keep_current else None)
            await record_own(tx.audit, AuditEvent.SESSIONS_ENDED, by.user_id)
