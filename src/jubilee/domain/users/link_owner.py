"""The account of a one-time link."""

from jubilee.domain.one_time.link import InvalidLink, OneTimeLink
from jubilee.domain.users.ports import UserTransaction
from jubilee.domain.users.user import User, UserNotFound


async def locked_account(tx: UserTransaction, link: OneTimeLink) -> User:
    """Return the account of the link, locked; raise InvalidLink if it is gone."""
    try:
        return await tx.users.get(link.user_id, lock=True)
    except UserNotFound:
        raise InvalidLink from None
