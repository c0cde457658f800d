"""One-time links in memory."""

from collections.abc import Container, MutableMapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from jubilee.domain.identity import UserId, name_key
from jubilee.domain.one_time.link import LinkPurpose, OneTimeLink, OneTimeLinkRepository
from tests.fakes.rows import FakeUnitOfWork, unique_violation


@dataclass(frozen=True, slots=True)
class FakeOneTimeLinks(OneTimeLinkRepository):
    """Links in a dict."""

    rows: MutableMapping[UUID, OneTimeLink]
    owners: Container[UserId]
    unit: FakeUnitOfWork

    async def add(self, link: OneTimeLink) -> None:
        self.unit.check(link)
        self.unit.require_lock("user", link.user_id)
        self.unit.require_row(self.owners, link.user_id, "fk_one_time_links_user_id")
        if any(known.token_hash == link.token_hash for known in self.rows.values()):
            raise self.unit.fail(unique_violation("uq_one_time_links_token_hash"))
        for known in list(self.rows.values()):
            same = (known.user_id, known.purpose) == (link.user_id, link.purpose)
            if link.purpose.is_per_recipient:
                same = same and name_key(known.recipient) == name_key(link.recipient)
            if same and known.ended_at is None:
                await self.unit.hold("link", known.id)
                self.rows[known.id] = replace(known, ended_at=link.created_at)
        self.rows[link.id] = link

    async def get(self, link_id: UUID) -> OneTimeLink | None:
        return self.rows.get(link_id)

    async def find_by_token(self, purpose: LinkPurpose, token_hash: bytes) -> OneTimeLink | None:
        found = [link for link in self.rows.values() if link.token_hash == token_hash]
        return next((link for link in found if link.purpose is purpose), None)

    async def find_by_recipient(self, purpose: LinkPurpose, recipient: str) -> OneTimeLink | None:
        self.unit.check(recipient)
        found = [
            link
            for link in self.rows.values()
            if name_key(link.recipient) == name_key(recipient)
            and link.purpose is purpose
            and link.ended_at is None
        ]
        return max(found, key=lambda link: (link.created_at, link.id), default=None)

    async def end(self, link_id: UUID, *, now: datetime) -> bool:
        await self.unit.hold("link", link_id)
        link = self.rows.get(link_id)
        if link is None or not link.is_live(now):
            return False
        self.rows[link_id] = replace(link, ended_at=now)
        return True

    async def end_all(
        self, user_id: UserId, *, now: datetime, but: LinkPurpose | None = None
    ) -> None:
        for link in list(self.rows.values()):
            if link.user_id == user_id and link.ended_at is None and link.purpose is not but:
                await self.unit.hold("link", link.id)
                self.rows[link.id] = replace(link, ended_at=now)

    async def count(self, user_id: UserId, purpose: LinkPurpose, *, since: datetime) -> int:
        await self.unit.read("user", user_id, lock=False)
        found = [link for link in self.rows.values() if link.user_id == user_id]
        return sum(link.purpose is purpose and link.created_at > since for link in found)
