"""Runs migrations over one direct connection, one process at a time.

`jubilee migrate` passes the URL; Alembic's own command reads the same settings as Jubilee does.
"""

import asyncio
import time
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from alembic import context
from alembic.operations import MigrationScript
from alembic.runtime.migration import MigrationContext, MigrationInfo
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from jubilee.adapters.postgres.connector import Connector
from jubilee.adapters.postgres.ownership import Ownership
from jubilee.adapters.postgres.schema import DATED, revision_name
from jubilee.adapters.postgres.tables import users
from jubilee.bootstrap.servers import NoServer, migration_url
from jubilee.commands.reading import read_settings
from jubilee.commands.refusal import CommandRefused

metadata = users.metadata  # of all tables
LOCK = 0x6A7562696C6565  # the letters of the project's name
TURN_TIMEOUT_S = 60.0  # for another process that migrates
LOCK_TIMEOUT = "1s"  # for the lock of a table: requests that use it wait for as long
MAX_ATTEMPTS = 40
PAUSE_S = 0.5  # between two attempts, for the requests that waited
LOCK_NOT_AVAILABLE = "55P03"
CONNECT_TIMEOUT_S = 60.0
OWNED = Ownership.read(Path(__file__).parent / "versions", metadata)


def configured_url() -> str:
    """Raises CommandError, which Alembic prints as one line, where no server is configured."""
    try:
        return migration_url(read_settings())
    except (CommandRefused, NoServer) as error:
        raise CommandError(str(error)) from None


def name_revision(
    _: MigrationContext, __: str | Iterable[str | None], directives: list[MigrationScript]
) -> None:
    """Name what `alembic revision` writes as `jubilee migration` does."""
    for script in directives:  # `alembic check` passes one without a message
        if script.message and not DATED.match(script.rev_id or ""):
            head = ScriptDirectory.from_config(context.config).get_current_head()
            script.rev_id = revision_name(head, script.message)


def migrate(connection: Connection) -> None:
    connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
    # Tables never land in a schema of the role's name, such as that of the producers' function.
    connection.execute(text("SET search_path = public"))
    connection.commit()
    take_turn(connection)
    try:
        migrate_patiently(connection)
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK})
        connection.commit()


def take_turn(connection: Connection) -> None:
    """Wait for other processes that migrate; the server raises its error when it takes too long.

    No statement waits for the lock: an index that another process creates concurrently would wait
    for that statement to end. It is a session's lock, as a migration may commit in between.
    """
    deadline = time.monotonic() + TURN_TIMEOUT_S
    while time.monotonic() < deadline:
        has_turn = connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": LOCK})
        connection.commit()
        if has_turn:
            return
        time.sleep(PAUSE_S)
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK})
    connection.commit()


def migrate_patiently(connection: Connection) -> None:
    """Apply the migrations; start again with one that gets no lock, rather than wait for long.

    Every request for the table would wait behind a migration that waits.
    """
    for attempt in range(1, MAX_ATTEMPTS + 1):
        try:
            apply_migrations(connection)
        except DBAPIError as error:
            state = getattr(error.orig, "sqlstate", None)
            if state != LOCK_NOT_AVAILABLE or attempt == MAX_ATTEMPTS:
                raise
            connection.rollback()
            time.sleep(PAUSE_S)
        else:
            return


def apply_migrations(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        transaction_per_migration=True,
        # Other programs have tables in this database, too: they are not compared.
        include_name=OWNED.name,
        include_object=OWNED.object,
        process_revision_directives=name_revision,
        on_version_apply=limit_locks,
    )
    with context.begin_transaction():
        context.run_migrations()


def limit_locks(
    ctx: MigrationContext,
    step: MigrationInfo,  # noqa: ARG001  # Alembic passes all of them by name
    heads: Collection[Any],  # noqa: ARG001
    run_args: Mapping[str, Any],  # noqa: ARG001
) -> None:
    """Undo what a migration did to its own limit, such as one that creates an index."""
    assert ctx.connection is not None
    ctx.connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))


async def main(url: str) -> None:
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=Connector(url, timeout=CONNECT_TIMEOUT_S).open,
        poolclass=NullPool,
    )
    async with engine.connect() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()


if context.is_offline_mode():
    context.configure(dialect_name="postgresql", target_metadata=metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    asyncio.run(main(context.config.attributes.get("url") or configured_url()))
