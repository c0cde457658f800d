"""Sessions; ending a session deletes its row."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from asyncpg import Record
from sqlalchemy import Boolean, and_, bindparam, delete, func, insert, or_, select, update

from jubilee.adapters.postgres.core_statement import core_statement, keyed_statement
from jubilee.adapters.postgres.rights import may_sign_in, parse_rights, rights_of
from jubilee.adapters.postgres.statement import Executor
from jubilee.adapters.postgres.tables import sessions, users
from jubilee.domain.auth.sessions import (
    MAX_SESSIONS_PER_USER,
    ActingRights,
    ClientInfo,
    Session,
    SessionReader,
    SessionRepository,
)
from jubilee.domain.auth.tokens import TokenClaims
from jubilee.domain.identity import Principal, SessionId, UserId
from jubilee.domain.owned_rows import SessionProofStore, UserSessionStore

OWN = sessions.c.user_id == bindparam("user_id")
NEWEST = (sessions.c.created_at.desc(), sessions.c.id.desc())

IS_LIVE = sessions.c.expires_at > func.now()
CHECK = keyed_statement(
    select(
        sessions.c.id,
        sessions.c.user_id,
        users.c.is_superuser,
        sessions.c.proved_at,
        sessions.c.second_factor,
        rights_of(users).label("rights"),
    )
    .join(users, users.c.id == sessions.c.user_id)
    .where(IS_LIVE, may_sign_in(users)),
    key=sessions.c.id,
)
actors = users.alias("actors")
ACTING = core_statement(
    select(rights_of(actors).label("actor"), rights_of(users).label("account"))
    .select_from(sessions)
    .join(actors, actors.c.id == sessions.c.user_id)
    .join(users, users.c.id == bindparam("user_id"))
    .where(
        sessions.c.id == bindparam("session_id"),
        IS_LIVE,
        actors.c.id == bindparam("actor_id"),
        may_sign_in(actors),
        may_sign_in(users),
    )
)
BY_ID = select(sessions).where(sessions.c.id == bindparam("session_id"))
FIND = core_statement(BY_ID)
LOCK = core_statement(BY_ID.with_for_update())
LIST = core_statement(
    select(sessions)
    .where(OWN, sessions.c.expires_at > func.now())
    .order_by(*NEWEST)
    .limit(MAX_SESSIONS_PER_USER)
)
ADD = core_statement(insert(sessions))
ROTATION = ["generation", "token_hash", "previous_hash", "rotated_at", "expires_at"]
SAVE = core_statement(
    update(sessions).where(sessions.c.id == bindparam("session_id")), columns=ROTATION
)
PROVE = core_statement(
    update(sessions)
    .where(sessions.c.id == bindparam("session_id"))
    .values(
        proved_at=bindparam("at"),
        second_factor=or_(sessions.c.second_factor, bindparam("with_factor", type_=Boolean)),
    )
)
END = core_statement(
    delete(sessions).where(sessions.c.id == bindparam("session_id"), OWN).returning(sessions.c.id)
)
END_ALL = core_statement(
    delete(sessions).where(OWN, sessions.c.id.is_distinct_from(bindparam("but")))
)
AT = bindparam("at", type_=sessions.c.expires_at.type)
SURPLUS = (
    select(sessions.c.id)
    .where(OWN, sessions.c.expires_at > AT)
    .order_by(*NEWEST)
    .offset(MAX_SESSIONS_PER_USER - 1)
)
PRUNE = core_statement(
    delete(sessions).where(and_(OWN, or_(sessions.c.expires_at <= AT, sessions.c.id.in_(SURPLUS))))
)


@dataclass(frozen=True, slots=True)
class PostgresSessions(SessionReader, SessionRepository, UserSessionStore, SessionProofStore):
    """Reads and writes sessions; the tokens of a deleted one are not found."""

    executor: Executor

    async def check(self, claims: TokenClaims) -> Principal | None:
        row = await self.executor.by_key(CHECK, claims.session_id)
        if row is None or row["user_id"] != claims.user_id:
            return None
        return Principal(
            claims.user_id,
            claims.session_id,
            is_admin=row["is_superuser"],
            proved_at=row["proved_at"],
            rights=parse_rights(row["rights"]),
            second_factor=row["second_factor"],
        )

    async def acting_rights(self, claims: TokenClaims) -> ActingRights | None:
        ids = {"user_id": claims.user_id, "actor_id": claims.actor_id}
        row = await self.executor.first(ACTING, session_id=claims.session_id, **ids)
        if row is None:
            return None
        return ActingRights(parse_rights(row["actor"]), parse_rights(row["account"]))

    async def find(self, session_id: SessionId, *, lock: bool = False) -> Session | None:
        row = await self.executor.first(LOCK if lock else FIND, session_id=session_id)
        return None if row is None else _session(row)

    async def list_for(self, user_id: UserId) -> Sequence[Session]:
        return [_session(row) for row in await self.executor.all(LIST, user_id=user_id)]

    async def add(self, session: Session) -> None:
        client = {"ip": session.client.ip, "user_agent": session.client.user_agent}
        names = set(sessions.c.keys()) - client.keys()
        await self.executor.run(ADD, **{n: getattr(session, n) for n in names}, **client)

    async def save(self, session: Session) -> None:
        values = {name: getattr(session, name) for name in ROTATION}
        await self.executor.run(SAVE, session_id=session.id, **values)

    async def prove(
        self, session_id: SessionId, *, at: datetime, second_factor: bool = False
    ) -> None:
        await self.executor.run(PROVE, session_id=session_id, at=at, with_factor=second_factor)

    async def end(self, session_id: SessionId, *, user_id: UserId) -> bool:
        return await self.executor.first(END, session_id=session_id, user_id=user_id) is not None

    async def end_all(self, user_id: UserId, *, but: SessionId | None = None) -> None:
        await self.executor.run(END_ALL, user_id=user_id, but=but)

    async def prune(self, user_id: UserId, *, now: datetime) -> None:
        await self.executor.run(PRUNE, user_id=user_id, at=now)


def _session(row: Record) -> Session:
    names = set(Session.__dataclass_fields__) - {"client"}
    client = ClientInfo(row["ip"], row["user_agent"])
    return Session(client=client, **{name: row[name] for name in names})
