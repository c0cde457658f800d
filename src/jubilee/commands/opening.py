"""Open the services for one command."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from jubilee.bootstrap.application import open_application
from jubilee.commands.refusal import CommandRefused
from jubilee.commands.running import run
from jubilee.domain.health import ReadSchema, SchemaStatus
from jubilee.domain.services import Services
from jubilee.entrypoints.exit_codes import SCHEMA_BEHIND
from jubilee.settings import Settings

T = TypeVar("T")


def with_services(
    settings: Settings, use: Callable[[Services], Awaitable[T]], *, command: str
) -> T:
    """Call `use` with the services if the schema is current; raises CommandRefused.

    PostgreSQL shows the name of the `command`.
    """

    async def opened_for_use() -> T:
        async with open_application(settings, command=command) as application:
            await check_schema(application.services.health.schema)
            return await use(application.services)

    return run(opened_for_use())


async def check_schema(read_schema: ReadSchema) -> None:
    """Raise CommandRefused where the schema is behind."""
    if await read_schema() is SchemaStatus.BEHIND:
        raise CommandRefused(SCHEMA_BEHIND)
