"""Accounts as commands name them, and text that is safe to print."""

from jubilee.commands.refusal import CommandRefused
from jubilee.domain.services import Services
from jubilee.domain.text import printable
from jubilee.domain.users.user import User, UserNotFound


async def find_account(services: Services, who: str) -> User:
    """Find an account by id, e-mail address or username; raises CommandRefused."""
    try:
        return await services.users.find(who)
    except UserNotFound:
        raise CommandRefused(
            f"there is no account with the e-mail, username or id {who!r}"
        ) from None


def plain(text: str) -> str:
    """Replace characters that a terminal would interpret."""
    return printable(text, "\ufffd")
