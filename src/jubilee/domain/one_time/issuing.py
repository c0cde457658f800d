"""Issues one-time links."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from jubilee.domain.clock import Clock
from jubilee.domain.identity import NewId, UserId
from jubilee.domain.one_time.link import (
    LIFETIMES,
    LinkPurpose,
    OneTimeLink,
    OneTimeTransaction,
)
from jubilee.domain.one_time.secrets import LinkSecrets

MAX_LINKS_PER_HOUR = 5
"""Of one purpose to one account; more requests send no mail."""


@dataclass(frozen=True, slots=True)
class LinkIssuer:
    """Issues links by which an account proves that it reads its mail.

    Enqueue the mail of a link in the same transaction, by `account_mail(..., link_id=link.id)`;
    the worker derives token and code from the link.
    """

    secrets: LinkSecrets
    clock: Clock
    new_id: NewId

    async def issue(
        self,
        tx: OneTimeTransaction,
        purpose: LinkPurpose,
        user_id: UserId,
        recipient: str,
        *,
        expires_at: datetime | None = None,
    ) -> OneTimeLink:
        """Store a new link, which ends the live one of this account and purpose.

        It expires after the lifetime of its purpose, or at `expires_at`. The caller holds the lock
        of the account.
        """
        link_id, now = self.new_id(), self.clock()
        token, code = self.secrets.hashes(link_id)
        link = OneTimeLink(
            id=link_id,
            user_id=user_id,
            purpose=purpose,
            recipient=recipient,
            token_hash=token,
            code_hash=code,
            created_at=now,
            expires_at=expires_at or now + LIFETIMES[purpose],
        )
        await tx.one_time.add(link)
        return link

    async def may_issue(
        self, tx: OneTimeTransaction, purpose: LinkPurpose, user_id: UserId
    ) -> bool:
        """Return whether the account has had few enough mails of this purpose."""
        since = self.clock() - timedelta(hours=1)
        return await tx.one_time.count(user_id, purpose, since=since) < MAX_LINKS_PER_HOUR
