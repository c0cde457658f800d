"""The account that a link belongs to, in the transaction that uses it."""

from datetime import datetime

from jubilee.domain.identity import name_key
from jubilee.domain.one_time.link import InvalidLink, LinkPurpose, OneTimeLink
from jubilee.domain.users.link_owner import locked_account
from jubilee.domain.users.pending_deletion import DeletionTransaction, cancel_deletion
from jubilee.domain.users.ports import UserTransaction
from jubilee.domain.users.user import User

TO_PRESENT_ADDRESS = (LinkPurpose.VERIFY_EMAIL, LinkPurpose.RESET_PASSWORD)
"""Purposes of links that are void once the account has another address."""


async def locked_owner(tx: UserTransaction, link: OneTimeLink) -> User:
    """Lock the account of the link; raise InvalidLink if it may not use it any more."""
    user = await locked_account(tx, link)
    moved = name_key(user.email) != name_key(link.recipient)
    if not user.is_active or (moved and link.purpose in TO_PRESENT_ADDRESS):
        raise InvalidLink
    return user


async def restored_owner(tx: DeletionTransaction, link: OneTimeLink, *, now: datetime) -> User:
    """Lock the account of the link, and undo its deletion if that waits for the end of its grace.

    An attacker who has replaced the address may have deleted the account. Raises InvalidLink if the
    account is disabled otherwise.
    """
    user = await locked_account(tx, link)
    restored = user if user.is_active else await cancel_deletion(tx, user, now=now)
    if restored is None:
        raise InvalidLink
    return restored
