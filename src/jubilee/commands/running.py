"""Runs what is awaited, from the command line."""

from collections.abc import Awaitable
from typing import TypeVar

import uvloop

from jubilee.adapters.telemetry.bad_export import BadExport
from jubilee.bootstrap.metrics_listener import NoMetricsListener
from jubilee.bootstrap.servers import NoServer
from jubilee.commands.reading import refusal_of
from jubilee.commands.refusal import CommandRefused
from jubilee.domain.errors import DomainError
from jubilee.entrypoints.exit_codes import BAD_CONFIGURATION

T = TypeVar("T")


def run(work: Awaitable[T]) -> T:
    """To its end; raises Refused."""

    async def main() -> T:
        return await work

    try:
        return uvloop.run(main())
    except (NoServer, NoMetricsListener, BadExport) as error:
        raise CommandRefused(str(error), BAD_CONFIGURATION) from None
    except OSError as error:
        raise refusal_of(error) from None
    except DomainError as error:
        raise CommandRefused(str(error)) from None
