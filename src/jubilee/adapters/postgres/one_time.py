"""One-time links and codes of accounts."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from asyncpg import Record
from sqlalchemy import and_, bindparam, func, insert, select, update

from jubilee.adapters.postgres.core_statement import core_statement
from jubilee.adapters.postgres.documents import encode
from jubilee.adapters.postgres.statement import Executor
from jubilee.adapters.postgres.tables import one_time_links as links
from jubilee.domain.identity import UserId, name_key
from jubilee.domain.one_time.link import LinkPurpose, OneTimeLink, OneTimeLinkRepository

PURPOSE = links.c.purpose == bindparam("purpose")
LIVE = links.c.ended_at.is_(None)
OF_ACCOUNT = and_(links.c.user_id == bindparam("owner"), PURPOSE)
NOW = bindparam("now", type_=links.c.expires_at.type)

ADD = core_statement(insert(links), columns=[column.name for column in links.c])
OF_RECIPIENT = links.c.recipient_key == bindparam("recipient_key")
REPLACE = core_statement(update(links).where(OF_ACCOUNT, LIVE).values(ended_at=NOW))
REPLACE_SAME = core_statement(
    update(links).where(OF_ACCOUNT, LIVE, OF_RECIPIENT).values(ended_at=NOW)
)
END_ALL = core_statement(
    update(links)
    .where(links.c.user_id == bindparam("owner"), LIVE, links.c.purpose != bindparam("kept"))
    .values(ended_at=NOW)
)
GET = core_statement(select(links).where(links.c.id == bindparam("link_id")))
BY_TOKEN = core_statement(
    select(links).where(links.c.token_hash == bindparam("token_hash"), PURPOSE)
)
BY_RECIPIENT = core_statement(
    select(links)
    .where(OF_RECIPIENT, PURPOSE, LIVE)
    .order_by(links.c.created_at.desc(), links.c.id.desc())
    .limit(1)
)
END = core_statement(
    update(links)
    .where(links.c.id == bindparam("link_id"), LIVE, links.c.expires_at > NOW)
    .values(ended_at=NOW)
    .returning(links.c.id)
)
COUNT = core_statement(
    select(func.count().label("links")).where(
        OF_ACCOUNT, links.c.created_at > bindparam("since", type_=links.c.created_at.type)
    )
)


@dataclass(frozen=True, slots=True)
class PostgresOneTimeLinks(OneTimeLinkRepository):
    """Reads and writes links; the lock of a row decides between parallel uses."""

    executor: Executor

    async def add(self, link: OneTimeLink) -> None:
        values = {name: getattr(link, name) for name in OneTimeLink.__dataclass_fields__}
        values |= {"purpose": link.purpose.value, "payload": encode(link.payload)}
        values |= {"recipient_key": name_key(link.recipient)}
        replace = REPLACE_SAME if link.purpose.is_per_recipient else REPLACE
        await self.executor.run(replace, owner=link.user_id, now=link.created_at, **values)
        await self.executor.run(ADD, **values)

    async def get(self, link_id: UUID) -> OneTimeLink | None:
        return _link(await self.executor.first(GET, link_id=link_id))

    async def find_by_token(self, purpose: LinkPurpose, token_hash: bytes) -> OneTimeLink | None:
        values = {"purpose": purpose.value, "token_hash": token_hash}
        return _link(await self.executor.first(BY_TOKEN, **values))

    async def find_by_recipient(self, purpose: LinkPurpose, recipient: str) -> OneTimeLink | None:
        values = {"purpose": purpose.value, "recipient_key": name_key(recipient)}
        return _link(await self.executor.first(BY_RECIPIENT, **values))

    async def end(self, link_id: UUID, *, now: datetime) -> bool:
        return await self.executor.first(END, link_id=link_id, now=now) is not None

    async def end_all(
        self, user_id: UserId, *, now: datetime, but: LinkPurpose | None = None
    ) -> None:
        await self.executor.run(END_ALL, owner=user_id, now=now, kept=but.value if but else "")

    async def count(self, user_id: UserId, purpose: LinkPurpose, *, since: datetime) -> int:
        values = {"owner": user_id, "purpose": purpose.value, "since": since}
        row = await self.executor.first(COUNT, **values)
        return 0 if row is None else int(row["links"])


def _link(row: Record | None) -> OneTimeLink | None:
    if row is None:
        return None
    names = set(OneTimeLink.__dataclass_fields__) - {"purpose"}
    return OneTimeLink(purpose=LinkPurpose(row["purpose"]), **{name: row[name] for name in names})
