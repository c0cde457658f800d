"""What the command line can do: each command reads the settings, runs, and gives an exit code."""

import json
import logging
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar, cast

import uvloop
from alembic.util import CommandError
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from jubilee.adapters.postgres import schema
from jubilee.adapters.telemetry.exporting import BadExport
from jubilee.bootstrap.logs import start_logging
from jubilee.bootstrap.mail import mail_is_configured
from jubilee.bootstrap.memory import settle
from jubilee.bootstrap.servers import NoServer, server_urls
from jubilee.bootstrap.services import http_options, listening, open_services
from jubilee.bootstrap.telemetry import Process
from jubilee.bootstrap.worker import open_worker
from jubilee.domain.errors import DomainError
from jubilee.domain.health import Schema
from jubilee.domain.users import Profile
from jubilee.entrypoints.api import BAD_CONFIGURATION, serve
from jubilee.entrypoints.http.openapi import document
from jubilee.entrypoints.http.registry import ENDPOINTS
from jubilee.entrypoints.http.user_models import Registration
from jubilee.entrypoints.status import as_json, as_text, look
from jubilee.entrypoints.supervisor import supervise
from jubilee.entrypoints.worker import work
from jubilee.household import household
from jubilee.settings import Settings

T = TypeVar("T")

logger = logging.getLogger(__name__)


class Refused(Exception):
    """A command cannot be run, for a reason that fits a line."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        """`exit_code` is the process's."""
        super().__init__(message)
        self.exit_code = exit_code


def read_settings() -> Settings:
    """From the environment and `.env`; says every setting that is wrong, but not its value."""
    try:
        return Settings()
    except ValidationError as error:
        raise Refused(f"bad settings: {_reasons(error)}", BAD_CONFIGURATION) from None


def _reasons(error: ValidationError) -> str:
    reasons = []
    for details in error.errors(include_url=False, include_input=False):
        name = "/".join(str(part) for part in details["loc"]).upper()
        message = details["msg"].removeprefix("Value error, ")
        reasons.append(f"{name}: {message}" if name else message)
    return "; ".join(reasons)


def _run(work: Awaitable[T]) -> T:
    async def main() -> T:
        return await work

    try:
        return uvloop.run(main())
    except (NoServer, BadExport) as error:
        raise Refused(str(error), BAD_CONFIGURATION) from None
    except DomainError as error:
        raise Refused(str(error)) from None


def up() -> int:
    """Run it all, until a signal."""
    return supervise(household(read_settings()))


def api() -> int:
    """Serve the API."""
    settings = read_settings()
    process = Process("api", settings.metrics_port, start_logging(settings))
    _warn_of_mail(settings)

    async def work() -> int:
        async with open_services(settings, process=process) as opened:
            options = http_options(settings, opened.telemetry)
            settle()
            return await serve(opened.services, options, listening(settings))

    return _run(work())


def worker() -> int:
    """Run jobs."""
    settings = read_settings()
    process = Process("worker", settings.worker_metrics_port, start_logging(settings))
    _warn_of_mail(settings)

    async def run() -> int:
        async with open_worker(settings, process=process) as plan:
            settle()
            return await work(plan)

    return _run(run())


def _warn_of_mail(settings: Settings) -> None:
    if not mail_is_configured(settings):
        logger.warning("mail is not configured: it waits until SMTP_URL is set")


def migrate() -> int:
    """Bring the schema to the head."""
    return _alembic(schema.upgrade)


def rollback() -> int:
    """Take the last migration back."""
    return _alembic(schema.downgrade)


def migration(name: str) -> int:
    """Write a migration from what differs between the tables and the database."""
    return _alembic(lambda url: schema.revise(url, name))


def _alembic(change: Callable[[str], None]) -> int:
    settings = read_settings()
    start_logging(settings)
    try:
        change(server_urls(settings).postgres)
    except NoServer as error:
        raise Refused(str(error), BAD_CONFIGURATION) from None
    except (DBAPIError, OSError, CommandError) as error:
        raise Refused(f"the schema stays as it was: {_first_line(error)}") from None
    return 0


def _first_line(error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    return (str(cause).splitlines() or [type(cause).__name__])[0]


def create_admin(email: str, username: str | None, password: str) -> int:
    """Register an admin."""
    settings = read_settings()
    try:
        form = Registration(email=email, username=username, password=password)
    except ValidationError as error:
        raise Refused(_reasons(error)) from None

    async def work() -> int:
        profile = cast("Profile", form.model_dump(exclude={"password"}))
        async with open_services(settings) as opened:
            services = opened.services
            _check_schema(await services.health.schema())
            await services.users.register({**profile, "is_superuser": True}, password)
        return 0

    return _run(work())


def _check_schema(found: Schema | None) -> None:
    if found is None:
        raise Refused("PostgreSQL does not answer")
    if found is Schema.BEHIND:
        raise Refused("the schema is behind this version: run `jubilee migrate` first")


def status(*, for_machines: bool) -> int:
    """Print how it is, for people or as JSON; 0 where it can serve."""
    settings = read_settings()

    async def work() -> int:
        async with open_services(settings) as opened:
            found = await look(opened.services, opened.backlog)
        sys.stdout.write((as_json if for_machines else as_text)(found) + "\n")
        return found.exit_code

    return _run(work())


def openapi() -> int:
    """Print the OpenAPI document."""
    sys.stdout.write(json.dumps(document(ENDPOINTS), indent=2) + "\n")
    return 0


def config() -> int:
    """Print the settings in effect, secrets masked."""
    for name, value in read_settings().masked().items():
        sys.stdout.write(f"{name}={value}\n")
    return 0


@dataclass(frozen=True, slots=True)
class Commands:
    """All that the command line can call."""

    up: Callable[[], int]
    api: Callable[[], int]
    worker: Callable[[], int]
    migrate: Callable[[], int]
    rollback: Callable[[], int]
    migration: Callable[[str], int]
    create_admin: Callable[[str, str | None, str], int]
    status: Callable[[bool], int]
    openapi: Callable[[], int]
    config: Callable[[], int]


COMMANDS = Commands(
    up=up,
    api=api,
    worker=worker,
    migrate=migrate,
    rollback=rollback,
    migration=migration,
    create_admin=create_admin,
    status=lambda for_machines: status(for_machines=for_machines),
    openapi=openapi,
    config=config,
)
