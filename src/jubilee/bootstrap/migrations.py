"""Run Alembic on the configured database."""

from collections.abc import Callable

from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from jubilee.adapters.postgres import schema
from jubilee.adapters.postgres.application_name import named
from jubilee.adapters.postgres.errors import AWAY
from jubilee.adapters.postgres.outages import connection_failure
from jubilee.bootstrap.servers import migration_url
from jubilee.settings import Settings


class MigrationFailed(Exception):
    """The schema was not changed; the message is one line."""


def upgrade(settings: Settings) -> None:
    """Migrate to the newest revision; raises MigrationFailed or NoServer."""
    _run(settings, "migrate", schema.upgrade)


def downgrade(settings: Settings) -> None:
    """Undo the last migration; raises MigrationFailed or NoServer."""
    _run(settings, "rollback", schema.downgrade)


def create_migration(settings: Settings, name: str) -> None:
    """Write a migration from the differences between the tables and the database."""
    _run(settings, "migration", lambda url: schema.revise(url, name))


def _run(settings: Settings, command: str, change: Callable[[str], None]) -> None:
    url = named(migration_url(settings), f"jubilee-{command}")
    try:
        change(url)
    except schema.NothingToUndo as error:
        raise MigrationFailed(str(error)) from None
    except (DBAPIError, *AWAY, CommandError) as error:
        raise MigrationFailed(f"the schema was not changed: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    if reason := connection_failure(error):
        return f"PostgreSQL cannot be used: {reason}"
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    return (str(cause).splitlines() or [type(cause).__name__])[0]
