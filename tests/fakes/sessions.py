"""Sessions in memory."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from jubilee.domain.auth.sessions import (
    MAX_SESSIONS_PER_USER,
    ActingRights,
    Session,
    SessionReader,
    SessionRepository,
)
from jubilee.domain.auth.tokens import TokenClaims
from jubilee.domain.identity import Principal, SessionId, UserId
from jubilee.domain.owned_rows import SessionProofStore, UserSessionStore
from tests.fakes.accounts import Tables
from tests.fakes.roles import FakeRoles

ROTATION = ("generation", "token_hash", "previous_hash", "rotated_at", "expires_at")


@dataclass(frozen=True, slots=True)
class FakeSessions(SessionReader, SessionRepository, UserSessionStore, SessionProofStore):
    """Sessions in a dict."""

    store: Tables

    async def check(self, claims: TokenClaims) -> Principal | None:
        session = self.store.sessions.get(claims.session_id)
        user = self.store.users.get(claims.user_id)
        now = self.store.clock()
        if session is None or user is None or session.user_id != user.id:
            return None
        if session.expires_at <= now or not user.may_sign_in(now):
            return None
        rights = await FakeRoles(self.store).rights(user.id)
        return Principal(
            user.id,
            session.id,
            is_admin=user.is_superuser,
            proved_at=session.proved_at,
            rights=rights,
            second_factor=session.second_factor,
        )

    async def acting_rights(self, claims: TokenClaims) -> ActingRights | None:
        assert claims.actor_id is not None
        actor = await self.check(TokenClaims(claims.actor_id, claims.session_id))
        user = self.store.users.get(claims.user_id)
        if actor is None or user is None or not user.may_sign_in(self.store.clock()):
            return None
        return ActingRights(actor.rights, await FakeRoles(self.store).rights(user.id))

    async def find(self, session_id: SessionId, *, lock: bool = False) -> Session | None:
        await self.store.unit.read("session", session_id, lock=lock)
        return self.store.sessions.get(session_id)

    async def list_for(self, user_id: UserId) -> Sequence[Session]:
        live = [s for s in self.store.sessions.values() if s.expires_at > self.store.clock()]
        own = [s for s in live if s.user_id == user_id]
        newest = sorted(own, key=lambda s: (s.created_at, s.id), reverse=True)
        return newest[:MAX_SESSIONS_PER_USER]

    async def add(self, session: Session) -> None:
        unit = self.store.unit
        unit.check(session)
        unit.require_lock("user", session.user_id)
        await unit.hold("owner", session.user_id, shared=True)
        unit.require_row(self.store.users, session.user_id, "fk_sessions_user_id")
        await unit.hold("session", session.id)
        self.store.sessions[session.id] = session

    async def save(self, session: Session) -> None:
        self.store.unit.require_lock("session", session.id)
        await self.store.unit.hold("session", session.id)
        known = self.store.sessions.get(session.id)
        if known is not None:
            values = {name: getattr(session, name) for name in ROTATION}
            self.store.sessions[session.id] = replace(known, **values)

    async def prove(
        self, session_id: SessionId, *, at: datetime, second_factor: bool = False
    ) -> None:
        await self.store.unit.hold("session", session_id)
        known = self.store.sessions.get(session_id)
        if known is not None:
            both = known.second_factor or second_factor
            self.store.sessions[session_id] = replace(known, proved_at=at, second_factor=both)

    async def end(self, session_id: SessionId, *, user_id: UserId) -> bool:
        await self.store.unit.hold("session", session_id)
        session = self.store.sessions.get(session_id)
        if session is None or session.user_id != user_id:
            return False
        del self.store.sessions[session_id]
        return True

    async def end_all(self, user_id: UserId, *, but: SessionId | None = None) -> None:
        await self._end({s.id for s in self._own(user_id)} - {but})

    async def prune(self, user_id: UserId, *, now: datetime) -> None:
        kept = {s.id for s in list(await self.list_for(user_id))[: MAX_SESSIONS_PER_USER - 1]}
        await self._end({s.id for s in self._own(user_id)} - kept)

    def _own(self, user_id: UserId) -> Sequence[Session]:
        return [s for s in self.store.sessions.values() if s.user_id == user_id]

    async def _end(self, ids: Collection[SessionId | None]) -> None:
        for key in ids:
            await self.store.unit.hold("session", key)
        for key in ids:
            if key is not None:
                self.store.sessions.pop(key, None)
