"""The first admin, whom nobody can appoint over HTTP."""

import sys
from argparse import Namespace
from getpass import getpass
from typing import cast

from pydantic import ValidationError

from jubilee.bootstrap.services import open_services
from jubilee.commands.reading import read_settings, reasons
from jubilee.commands.refusal import Refused
from jubilee.commands.running import run
from jubilee.domain.health import Schema
from jubilee.domain.users import Profile
from jubilee.entrypoints.http.user_models import Registration


def create(chosen: Namespace) -> int:
    """Register an admin."""
    password = _password(from_stdin=chosen.password_stdin)
    settings = read_settings()
    try:
        form = Registration(email=chosen.email, username=chosen.username, password=password)
    except ValidationError as error:
        raise Refused(reasons(error)) from None

    async def register() -> int:
        profile = cast("Profile", form.model_dump(exclude={"password"}))
        async with open_services(settings) as opened:
            services = opened.services
            _check_schema(await services.health.schema())
            await services.users.register({**profile, "is_superuser": True}, password)
        return 0

    return run(register())


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise Refused("there is no terminal to ask on: use --password-stdin")
    password = getpass("Password: ")
    if getpass("Once more: ") != password:
        raise Refused("the two passwords differ")
    return password


def _check_schema(found: Schema | None) -> None:
    if found is None:
        raise Refused("PostgreSQL does not answer")
    if found is Schema.BEHIND:
        raise Refused("the schema is behind this version: run `jubilee migrate` first")
