"""`jubilee user`: an operator reads and changes accounts without their passwords."""

import json
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime

from pydantic import ValidationError

from jubilee.commands.accounts import find_account, plain
from jubilee.commands.opening import with_services
from jubilee.commands.pages import first_rows
from jubilee.commands.passwords import read_password
from jubilee.commands.reading import read_settings, reasons
from jubilee.commands.refusal import CommandRefused
from jubilee.domain.identity import OPERATOR
from jubilee.domain.paging import Page, Position
from jubilee.domain.passwords import PasswordChange
from jubilee.domain.services import Services
from jubilee.domain.tasks.task import Task
from jubilee.domain.users.user import LastAdmin, Profile, User
from jubilee.entrypoints.exit_codes import USAGE
from jubilee.entrypoints.http.account_locks import Lock


def list_users(chosen: Namespace) -> int:
    """Print the newest accounts, up to the limit."""

    async def read(services: Services) -> Sequence[User]:
        async def page(after: Position | None, limit: int) -> Page[User]:
            users, search = services.users, chosen.search
            return await users.list(search=search, by=OPERATOR, after=after, limit=limit)

        return await first_rows(page, limit=chosen.limit)

    users = with_services(read_settings(), read, command="user")
    _print(json.dumps([_json(user) for user in users]) if chosen.json else _table(users))
    return 0


def show(chosen: Namespace) -> int:
    """Print one account."""

    async def read(services: Services) -> dict[str, object]:
        found = await find_account(services, chosen.who)
        user = await services.users.get(found.id, by=OPERATOR)
        roles = await services.roles.get(found.id, by=OPERATOR)
        return {**_json(user), "roles": " ".join(sorted(roles.names))}

    rows = with_services(read_settings(), read, command="user")
    _print(json.dumps(rows) if chosen.json else _aligned(rows))
    return 0


def promote(chosen: Namespace) -> int:
    """Make an admin of the account."""
    return _change(chosen, {"is_superuser": True})


def demote(chosen: Namespace) -> int:
    """Take the admin role from the account."""
    return _change(chosen, {"is_superuser": False})


def enable(chosen: Namespace) -> int:
    """Let the account sign in again."""
    return _change(chosen, {"is_active": True})


def disable(chosen: Namespace) -> int:
    """Keep the account from signing in, and end its sessions."""
    return _change(chosen, {"is_active": False})


def lock(chosen: Namespace) -> int:
    """Refuse the sign-ins of the account, and end its sessions."""
    try:
        form = Lock(reason=chosen.reason, until=chosen.until)
    except ValidationError as error:
        raise CommandRefused(reasons(error), USAGE) from None

    async def put(services: Services) -> User:
        user = await find_account(services, chosen.who)
        locks = services.account_locks
        with _last_admin(user):
            await locks.lock(user.id, by=OPERATOR, reason=form.reason, until=form.until)
        return await services.users.get(user.id, by=OPERATOR)

    _print(_table([with_services(read_settings(), put, command="user")]))
    return 0


def unlock(chosen: Namespace) -> int:
    """End every lock of the account."""

    async def lift(services: Services) -> User:
        user = await find_account(services, chosen.who)
        if not await services.account_locks.unlock(user.id, by=OPERATOR):
            raise CommandRefused(f"{plain(user.email)} is not locked")
        return user.unlocked()

    _print(_table([with_services(read_settings(), lift, command="user")]))
    return 0


def reset_mfa(chosen: Namespace) -> int:
    """Remove the second factors of the account."""

    async def reset(services: Services) -> User:
        user = await find_account(services, chosen.who)
        await services.factors.reset(user.id, by=OPERATOR)
        return user

    _print(_table([with_services(read_settings(), reset, command="user")]))
    return 0


def export(chosen: Namespace) -> int:
    """Queue the archive of everything about the account, which gets a link to it by mail."""

    async def request(services: Services) -> Task:
        user = await find_account(services, chosen.who)
        return await services.exports.request_for(user.id, by=OPERATOR)

    _print(f"queued as task {with_services(read_settings(), request, command='user').id}")
    return 0


def password(chosen: Namespace) -> int:
    """Give the account a new password, and end its sessions."""
    return _change(chosen, {}, PasswordChange(new=read_password(from_stdin=chosen.password_stdin)))


def _change(chosen: Namespace, profile: Profile, passwords: PasswordChange | None = None) -> int:
    async def change(services: Services) -> User:
        user = await find_account(services, chosen.who)
        with _last_admin(user):
            return await services.users.change(
                user.id, profile, passwords or PasswordChange(), by=OPERATOR
            )

    _print(_table([with_services(read_settings(), change, command="user")]))
    return 0


@contextmanager
def _last_admin(user: User) -> Iterator[None]:
    try:
        yield
    except LastAdmin:
        raise CommandRefused(
            f"{plain(user.email)} is the last active admin: promote another account first"
        ) from None


def _json(user: User) -> dict[str, object]:
    shown = {name: value for name, value in asdict(user).items() if name != "password_hash"}
    return {
        name: value if isinstance(value, bool | tuple | None) else str(value)
        for name, value in shown.items()
    }


def _table(users: Sequence[User]) -> str:
    return "\n".join(
        f"{user.id}  {plain(user.email)}  {plain(user.username or '-')}{_marks(user)}"
        for user in users
    )


def _marks(user: User) -> str:
    marks = [
        ("admin", user.is_superuser),
        ("disabled", not user.is_active),
        ("locked", user.is_locked(datetime.now(UTC))),
    ]
    return "".join(f"  {word}" for word, holds in marks if holds)


def _aligned(rows: dict[str, object]) -> str:
    return "\n".join(
        f"{name:<20}{'-' if value is None else plain(str(value))}" for name, value in rows.items()
    )


def _print(text: str) -> None:
    if text:
        sys.stdout.write(f"{text}\n")
