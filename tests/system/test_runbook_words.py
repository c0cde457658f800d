"""Each command, call, setting, query, panel and word of the runbooks exists."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import pytest
from redis.asyncio import Redis

import jubilee
from jubilee.adapters.postgres.statement import Driver
from jubilee.adapters.postgres.tables import users
from jubilee.commands.parser import command_parser
from jubilee.domain.jobs.kinds import JobQueueName
from jubilee.entrypoints.http.framework.edge import MOUNTS
from jubilee.entrypoints.http.registry import ENDPOINTS
from jubilee.entrypoints.http.task_models import TaskReply
from tests.monitoring.dashboards import panels
from tests.servers import Servers
from tests.system.runbooks import OTHER, PANEL, SETTING, kind_of, printed, sections

ROOT = Path(__file__).parents[2]
SOURCES = "".join(path.read_text() for path in Path(jubilee.__file__).parent.rglob("*.py"))
EXAMPLE = (ROOT / ".env.example").read_text()
SETTINGS = set(re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", EXAMPLE, re.MULTILINE))
SQL = {
    "pg_stat_activity": "SELECT count(*) FROM pg_stat_activity",
    "max_connections": "SHOW max_connections",
    "pg_terminate_backend": "SELECT pg_terminate_backend(0)",
    "ANALYZE": "ANALYZE jobs",
    "VACUUM": "VACUUM jobs",
    "pg_stat_user_tables": "SELECT n_dead_tup, last_vacuum FROM pg_stat_user_tables",
    "wait_event": "SELECT wait_event FROM pg_stat_activity",
    "SyncRep": "SELECT 1 / count(*) FROM pg_wait_events WHERE name = 'SyncRep'",
    "synchronous_standby_names": "SHOW synchronous_standby_names",
    "EXPLAIN (ANALYZE, BUFFERS)": "EXPLAIN (ANALYZE, BUFFERS) SELECT id FROM jobs",
}
"""Words of PostgreSQL."""
OTHERS = {"maxmemory", "too many clients", "ss -tn", "dmesg"}
"""A setting of Redis, a message of PostgreSQL, and tools of the system."""
ITS_OWN = {*users.metadata.tables, *TaskReply.model_fields, *(lane.value for lane in JobQueueName)}


def pieces(kind: str) -> list[str]:
    """Return all distinct pieces of code of this kind."""
    return [code for code in dict.fromkeys(code for _, code in printed()) if kind_of(code) == kind]


def followed() -> Iterator[str]:
    """Iterate over the alerts whose entries tests follow: marked whole or by a parameter."""
    for path in Path(__file__).parent.glob("test_runbooks*.py"):
        tests = vars(import_module(f"tests.system.{path.stem}")).items()
        own = [test for name, test in tests if name.startswith("test_")]
        marks = [mark for test in own for mark in getattr(test, "pytestmark", ())]
        given = [value for mark in marks if mark.name == "parametrize" for value in mark.args[1]]
        marks += [mark for value in given for mark in getattr(value, "marks", ())]
        yield from (alert for mark in marks if mark.name == "follows" for alert in mark.args)


@pytest.mark.parametrize("code", pieces("command"))
def test_a_printed_command_is_accepted(code: str) -> None:
    for part in code.split(" | "):
        words = part.removeprefix("xargs ").replace("ID", str(UUID(int=1))).split()[1:]
        given = [*words, str(UUID(int=1))] if part.startswith("xargs ") else words
        module, _, name = command_parser().parse_args(given).run.partition(":")
        assert callable(getattr(import_module(f"jubilee.commands.{module}"), name))


@pytest.mark.parametrize("code", pieces("call"))
def test_a_printed_call_is_an_endpoint(code: str) -> None:
    method, _, target = code.rpartition(" ")
    url = urlsplit(target)
    path = next((url.path.removeprefix(m) for m in MOUNTS if url.path.startswith(m)), url.path)
    paths = {path, path.replace("{id}", "{task_id}")}
    (endpoint,) = [e for e in ENDPOINTS if e.method == (method or "GET") and e.path in paths]
    fields = endpoint.query.model_fields if endpoint.query else {}
    assert {name for name, _ in parse_qsl(url.query)} <= set(fields)


@pytest.mark.parametrize("code", pieces("setting"))
def test_a_printed_setting_exists(code: str) -> None:
    found = SETTING.fullmatch(code)
    assert found is not None
    assert found[1] in SETTINGS


@pytest.mark.parametrize("code", pieces("query"))
async def test_a_printed_query_runs(driver: Driver, code: str) -> None:
    assert isinstance(await driver.fetch(code), list)


@pytest.mark.parametrize("code", pieces("word"))
async def test_a_printed_word_belongs_to_the_service_or_its_servers(
    driver: Driver, code: str
) -> None:
    if code in SQL:
        await driver.execute(SQL[code])
        return
    parts = code.removesuffix("_total").split(": ")  # an event, member: value, or a counter
    said = f'"{code}"' in SOURCES or all(f'"{part}"' in SOURCES for part in parts)
    kinds = code.endswith(".*") and f'"{code[:-1]}' in SOURCES
    assert said or kinds or code in ITS_OWN | OTHERS or f"class {code}(" in SOURCES


async def test_redis_knows_the_printed_setting(servers: Servers) -> None:
    redis = Redis.from_url(servers.redis_url)
    assert set(await redis.config_get("maxmemory")) == {"maxmemory"}
    await redis.aclose()


@pytest.mark.parametrize("alert", sections())
def test_named_panels_and_entries_exist(alert: str) -> None:
    text = sections()[alert]
    titles = [panel.title for panel in panels()]
    for panel in PANEL.findall(text):
        assert any(re.match(rf"{re.escape(panel)}(, | of |$)", title) for title in titles), panel
    for other in OTHER.findall(text):
        assert other in sections(), other


def test_each_entry_is_followed_by_a_test() -> None:
    assert sorted({*followed()} ^ {*sections()}) == []
