"""Producers as real processes, in a role with only the documented grants."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
import pytest
from sqlalchemy import Connection, make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import Session

from jubilee.adapters.embedded.errors import ServerFailed
from jubilee.adapters.embedded.wheels import postgres_program
from jubilee.adapters.postgres.connection import connection_arguments
from jubilee.adapters.postgres.jobs.due_jobs import PostgresDueJobs
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.schema import check
from jubilee.adapters.postgres.statement import Driver

DOCUMENT = Path(__file__).parents[2] / "deploy" / "producers.md"
KEYS = "SELECT key FROM jobs ORDER BY key"
TABLES = "SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
RIGHTS = "SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER"

Place: TypeAlias = Callable[[Session | Connection, int], None]


def examples() -> dict[tuple[str, str], str]:
    """Return the code blocks of the document by heading and language."""
    found, heading = {}, ""
    for number, part in enumerate(DOCUMENT.read_text().split("```")):
        if number % 2:
            language, _, code = part.partition("\n")
            found[heading, language] = code
        else:
            heading = [heading, *re.findall(r"^#+ (.+)$", part, re.MULTILINE)][-1]
    return found


EXAMPLES = examples()
GRANTS = ("The grants", "sql")
SCHEMA = ("Tables of a producer", "sql")
ORDERS = ("Tables of a producer", "postgresql")
WHEEL = ("Python", "console")
SIGNATURE = ("Asking for work from other programs", "text")
SCRIPTS = {
    ("psql", "sh"): ["shop/order/42"],
    ("A trigger", "sql"): ["shop/order/42", "shop/order/43"],
    ("SQLAlchemy with asyncio", "python"): ["shop/order/42"],
    ("psycopg 3", "python"): ["shop/order/42"],
    ("asyncpg", "python"): ["shop/order/42"],
}
FUNCTION = ("SQLAlchemy", "python")
STATEMENTS = [("Other languages", language) for language in ("js", "go", "java")]


@pytest.fixture
async def admin(session_url: str) -> AsyncIterator[Driver]:
    """A connection of the database's owner."""
    connection = await asyncpg.connect(session_url)
    yield connection
    await connection.close()


@pytest.fixture
async def shop_url(session_url: str, admin: Driver) -> AsyncIterator[str]:
    """The URL of the documented role, which has only the documented grants."""
    await admin.execute(EXAMPLES[GRANTS])
    await admin.execute(EXAMPLES[SCHEMA])
    url = make_url(session_url).set(username="shop", password="choose-your-own")
    yield url.render_as_string(hide_password=False)
    await admin.execute("DROP OWNED BY shop CASCADE")
    await admin.execute("DROP ROLE shop")


@pytest.fixture
async def shop(shop_url: str) -> AsyncIterator[Driver]:
    """A connection of the shop, whose table of orders exists."""
    connection = await asyncpg.connect(shop_url)
    await connection.execute(EXAMPLES[ORDERS])
    yield connection
    await connection.close()


def psql_program() -> Path:
    """Return psql of the embedded server, else the system's."""
    try:
        return postgres_program("psql")
    except ServerFailed:
        found = shutil.which("psql")
        assert found is not None, "these tests need psql"
        return Path(found)


async def run(url: str, *command: str, given: str = "") -> str:
    """Run a program, which must succeed, and return its output."""
    path = f"{psql_program().parent}:{os.environ['PATH']}"
    done = await asyncio.to_thread(
        subprocess.run,
        command,
        input=given.encode(),
        capture_output=True,
        env={
            "PATH": path,
            "DATABASE_URL": url,
            "PSQLRC": os.devnull,
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        },
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


async def psql(url: str, script: str) -> str:
    """Run psql and return its output without formatting."""
    options = ("-qAt", "-v", "ON_ERROR_STOP=1")
    return (await run(url, str(psql_program()), *options, url, given=script)).strip()


async def test_a_job_committed_by_psql_is_found_by_workers(shop_url: str, session_url: str) -> None:
    answer = await psql(shop_url, "BEGIN; SELECT jubilee.enqueue('echo'); COMMIT;")
    pool = ConnectionPool(session_url, size=1, timeout=60)
    [found] = await PostgresDueJobs(pool).mark_due(["echo"], limit=10)
    await pool.close()
    assert str(found.reference.id) == answer


@pytest.mark.parametrize("end", ["ROLLBACK;", ""])
async def test_a_job_not_committed_by_psql_does_not_exist(
    shop_url: str, admin: Driver, end: str
) -> None:
    answer = await psql(shop_url, f"BEGIN; SELECT jubilee.enqueue('echo'); {end}")
    assert len(answer) == 36
    assert await admin.fetch(KEYS) == []


def test_every_example_is_run() -> None:
    others = {SIGNATURE, GRANTS, SCHEMA, ORDERS, WHEEL, FUNCTION}
    assert set(EXAMPLES) == {*others, *SCRIPTS, *STATEMENTS}


@pytest.fixture
def importable(producer_wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process and its children import `jubilee_producer`."""
    monkeypatch.syspath_prepend(producer_wheel)
    monkeypatch.setenv("PYTHONPATH", str(producer_wheel))


@pytest.mark.usefixtures("importable")
@pytest.mark.parametrize("example", SCRIPTS, ids="-".join)
async def test_an_example_creates_an_order_and_its_job(
    shop: Driver, shop_url: str, admin: Driver, example: tuple[str, str]
) -> None:
    match example:
        case (_, "sql"):
            await psql(shop_url, EXAMPLES[example])
        case (_, "sh"):
            await run(shop_url, "sh", "-ec", EXAMPLES[example])
        case _:
            await run(shop_url, sys.executable, "-W", "error", "-c", EXAMPLES[example])
    orders = await shop.fetch("SELECT id FROM orders ORDER BY id")
    keys = [row["key"] for row in await admin.fetch(KEYS)]
    assert keys == SCRIPTS[example] == [f"shop/order/{row['id']}" for row in orders]


def in_session(place: Place, connection: Connection) -> None:
    """Place an order through a Session."""
    with Session(connection) as session:
        place(session, 42)
        session.commit()


def in_connection(place: Place, connection: Connection) -> None:
    """Place an order through a Connection."""
    place(connection, 42)


@pytest.mark.usefixtures("importable")
@pytest.mark.parametrize("through", [in_session, in_connection])
async def test_the_example_for_sqlalchemy_serves_sessions_and_connections(
    shop: Driver, shop_url: str, admin: Driver, through: Callable[[Place, Connection], None]
) -> None:
    example: dict[str, Any] = {}
    exec(EXAMPLES[FUNCTION], example)
    engine = create_async_engine(
        "postgresql+asyncpg://", connect_args=connection_arguments(shop_url)
    )
    async with engine.begin() as connection:
        await connection.run_sync(partial(through, example["place_order"]))
    await engine.dispose()
    assert await shop.fetchval("SELECT count(*) FROM orders") == 1
    assert [row["key"] for row in await admin.fetch(KEYS)] == ["shop/order/42"]


@pytest.mark.parametrize("example", STATEMENTS, ids="-".join)
async def test_the_statement_for_another_language_works(
    shop: Driver, admin: Driver, example: tuple[str, str]
) -> None:
    [statement] = re.findall(r'"(SELECT .+?)"', EXAMPLES[example])
    places = count(1)
    statement = re.sub(r"\?", lambda _: f"${next(places)}", statement)  # as JDBC does
    job_id = await shop.fetchval(statement, "echo", '{"n": 1}', "shop/1")
    row = await admin.fetchrow("SELECT id::text, data FROM jobs WHERE key = 'shop/1'")
    assert row is not None
    assert (row["id"], row["data"]) == (str(job_id), '{"n": 1}')


async def test_the_grants_give_no_right_on_any_table(shop: Driver) -> None:
    may = f"SELECT count(*), bool_or(has_table_privilege(oid, '{RIGHTS}')) FROM ({TABLES}) AS t"
    tables, any_right = await shop.fetchrow(may) or (0, None)
    assert tables > 5
    assert any_right is False
    for forbidden in (
        "SELECT id FROM public.jobs",
        "DELETE FROM public.jobs",
        "CREATE TABLE jubilee.mine (id integer)",
        "DROP FUNCTION jubilee.enqueue",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await shop.execute(forbidden)


async def test_a_producers_table_is_ignored_by_migrations(shop: Driver, session_url: str) -> None:
    where = "SELECT schemaname, tableowner FROM pg_tables WHERE tablename = 'orders'"
    assert [tuple(row) for row in await shop.fetch(where)] == [("shop", "shop")]
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="schema public"):
        await shop.execute("CREATE TABLE public.orders (id integer)")
    await asyncio.to_thread(check, session_url)


async def test_a_role_with_createrole_can_run_the_documented_sql(
    admin: Driver, session_url: str
) -> None:
    name = await admin.fetchval("SELECT current_database()")
    await admin.execute("CREATE ROLE clerk CREATEROLE; GRANT ALL ON SCHEMA jubilee TO clerk")
    await admin.execute(f'GRANT CREATE ON DATABASE "{name}" TO clerk')
    await admin.execute(
        "ALTER FUNCTION jubilee.enqueue OWNER TO clerk; ALTER SCHEMA jubilee OWNER TO clerk"
    )
    try:
        await admin.execute(f"SET ROLE clerk; {EXAMPLES[GRANTS]} {EXAMPLES[SCHEMA]} RESET ROLE")
        assert await admin.fetchval("SELECT has_schema_privilege('shop', 'shop', 'CREATE')")
        assert await admin.fetchval("SELECT has_schema_privilege('shop', 'jubilee', 'USAGE')")
    finally:
        await admin.execute("RESET ROLE; REASSIGN OWNED BY clerk TO CURRENT_USER")
        await admin.execute("DROP OWNED BY shop, clerk CASCADE; DROP ROLE shop; DROP ROLE clerk")


async def test_enqueueing_without_the_grants_is_refused(admin: Driver) -> None:
    await admin.execute("SET ROLE pg_monitor")  # any role but the owner
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="schema jubilee"):
        await admin.execute("SELECT jubilee.enqueue('echo')")
    await admin.execute("RESET ROLE; GRANT USAGE ON SCHEMA jubilee TO pg_monitor")
    await admin.execute("SET ROLE pg_monitor")
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="function enqueue"):
        await admin.execute("SELECT jubilee.enqueue('echo')")


async def test_objects_of_a_producer_do_not_run_with_the_owners_rights(
    shop: Driver, admin: Driver
) -> None:
    for schema in ("shop", "pg_temp"):
        await shop.execute(f"CREATE TABLE {schema}.jobs (LIKE orders)")
        await shop.execute(f"CREATE DOMAIN {schema}.bytea AS pg_catalog.bytea CHECK (false)")
        await shop.execute(
            f"CREATE FUNCTION {schema}.octet_length(text) RETURNS integer LANGUAGE plpgsql"
            " AS $$ BEGIN RAISE 'as %', current_user; END $$"
        )
    await shop.execute("SET search_path = pg_temp, shop, pg_catalog")
    for trap, sprung in (("octet_length('a')", "as shop"), ("'a'::bytea", "check constraint")):
        with pytest.raises(asyncpg.PostgresError, match=sprung):
            await shop.execute(f"SELECT {trap}")
    await shop.execute("SELECT jubilee.enqueue('echo')")
    assert len(await admin.fetch(KEYS)) == 1
