"""The schema, brought forward and back."""

from argparse import Namespace
from collections.abc import Callable

from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from jubilee.adapters.postgres import schema
from jubilee.bootstrap.logs import start_logging
from jubilee.bootstrap.servers import NoServer, database_url
from jubilee.commands.reading import read_settings, refusal_of
from jubilee.commands.refusal import CommandRefused
from jubilee.entrypoints.exit_codes import BAD_CONFIGURATION


def migrate(_: Namespace) -> int:
    """Bring the schema to the head."""
    return _alembic(schema.upgrade)


def rollback(_: Namespace) -> int:
    """Take the last migration back."""
    return _alembic(schema.downgrade)


def migration(chosen: Namespace) -> int:
    """Write a migration from what differs between the tables and the database."""
    return _alembic(lambda url: schema.revise(url, chosen.name))


def _alembic(change: Callable[[str], None]) -> int:
    settings = read_settings()
    start_logging(settings)
    try:
        change(database_url(settings))
    except NoServer as error:
        raise CommandRefused(str(error), BAD_CONFIGURATION) from None
    except (NotADirectoryError, FileExistsError) as error:
        raise refusal_of(error) from None
    except schema.NothingToTakeBack as error:
        raise CommandRefused(str(error)) from None
    except (DBAPIError, OSError, CommandError) as error:
        raise CommandRefused(f"the schema stays as it was: {_first_line(error)}") from None
    return 0


def _first_line(error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    return (str(cause).splitlines() or [type(cause).__name__])[0]
