"""`jubilee migrate`, `rollback` and `migration`."""

from argparse import Namespace
from collections.abc import Callable

from jubilee.bootstrap.errors import BadConfiguration
from jubilee.bootstrap.logs import start_logging
from jubilee.bootstrap.migrations import (
    MigrationFailed,
    create_migration,
    downgrade,
    upgrade,
)
from jubilee.commands.reading import read_settings, refusal_of
from jubilee.commands.refusal import CommandRefused
from jubilee.entrypoints.exit_codes import BAD_CONFIGURATION
from jubilee.settings import Settings


def migrate(_: Namespace) -> int:
    """Migrate the schema to the newest revision."""
    return _run(upgrade)


def rollback(_: Namespace) -> int:
    """Undo the last migration."""
    return _run(downgrade)


def migration(chosen: Namespace) -> int:
    """Write a migration from the differences between the tables and the database."""
    return _run(lambda settings: create_migration(settings, chosen.name))


def _run(change: Callable[[Settings], None]) -> int:
    settings = read_settings()
    start_logging(settings)
    try:
        change(settings)
    except BadConfiguration as error:
        raise CommandRefused(str(error), BAD_CONFIGURATION) from None
    except MigrationFailed as error:
        raise CommandRefused(str(error)) from None
    except OSError as error:
        raise refusal_of(error) from None
    return 0
