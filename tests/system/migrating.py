"""What the tests of migrations ask a database and know of the revisions."""

import asyncio

import asyncpg
from alembic.script import ScriptDirectory

from jubilee.adapters.postgres.schema_state import migrations_folder

SCRIPTS = ScriptDirectory(str(migrations_folder()))

REVISIONS = [script.revision for script in SCRIPTS.walk_revisions()][::-1]


def ask(url: str, question: str) -> object:
    """Return the first value of the first row."""

    async def work() -> object:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(question)
        finally:
            await connection.close()

    with asyncio.Runner() as runner:
        return runner.run(work())


VERSION = "SELECT version_num FROM alembic_version"
