"""Run a coroutine from the command line."""

from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import uvloop

from jubilee.bootstrap.errors import BadConfiguration
from jubilee.commands.reading import refusal_of
from jubilee.commands.refusal import CommandRefused
from jubilee.domain.errors import DomainError, Unavailable
from jubilee.entrypoints.exit_codes import BAD_CONFIGURATION

T = TypeVar("T")


def run(work: Awaitable[T]) -> T:
    """Run `work` on uvloop to its end; raises CommandRefused for errors that fit one line."""

    async def main() -> T:
        return await work

    with errors_as_refusals():
        return uvloop.run(main())


@contextmanager
def errors_as_refusals() -> Iterator[None]:
    """Raise CommandRefused for errors that fit one line."""
    try:
        yield
    except BadConfiguration as error:
        raise CommandRefused(str(error), BAD_CONFIGURATION) from None
    except OSError as error:
        raise refusal_of(error) from None
    except Unavailable as error:
        said = f"PostgreSQL cannot be used: {error.reason}" if error.reason else str(error)
        raise CommandRefused(said) from None
    except DomainError as error:
        raise CommandRefused(str(error)) from None
