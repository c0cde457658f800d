"""The account that a link belongs to, in the transaction that uses it."""

from jubilee.domain.identity import name_key
from jubilee.domain.one_time.link import InvalidLink, LinkPurpose, OneTimeLink
from jubilee.domain.users.ports import UserTransaction
from jubilee.domain.users.user import User, UserNotFound

TO_PRESENT_ADDRESS = (LinkPurpose.VERIFY_EMAIL, LinkPurpose.RESET_PASSWORD)
"""Purposes of links that are void once the account has another address."""


async def locked_owner(tx: UserTransaction, link: OneTimeLink) -> User:
    """Lock the account of the link; raise InvalidLink if it may not use it any more."""
    try:
        user = await tx.users.get(link.user_id, lock=True)
    except UserNotFound:
        raise InvalidLink from None
    moved = name_key(user.email) != name_key(link.recipient)
    if not user.is_active or (moved and link.purpose in TO_PRESENT_ADDRESS):
        raise InvalidLink
    return user
