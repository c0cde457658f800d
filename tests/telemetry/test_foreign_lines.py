"""Lines of libraries and of the interpreter, and commands whose output is data."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.servers import Servers, fresh_database
from tests.support.api import NO_REDIS, NOWHERE, run

Line: TypeAlias = dict[str, Any]

MARKER = "marker"
SECRET_KEY = "a key of brass, 32 bytes at least: 0123456789"
FINGERPRINT = re.compile(r"[0-9a-f]{16}")

CHILD = f"""
import asyncio, gc, logging, threading, warnings
import sqlalchemy, uvloop
from jubilee.bootstrap.logs import start_logging
from jubilee.bootstrap.telemetry import ProcessInfo, open_telemetry
from jubilee.bootstrap.servers import server_urls
from jubilee.settings import Settings

class FailingFinalizer:
    def __del__(self):
        raise ValueError("{MARKER}")

def fail(what):
    raise ValueError(what)

async def fail_later():
    fail("{MARKER}")

async def main():
    async with open_telemetry(settings, server_urls(settings), ProcessInfo("child", None, logs)):
        loop = asyncio.get_running_loop()
        asyncio.create_task(fail_later())
        loop.call_soon(fail, "{MARKER}")
        loop.call_exception_handler({{"message": "the event loop complains"}})
        await asyncio.sleep(0.01)
        gc.collect()

settings = Settings()
logs = start_logging(settings)
uvloop.run(main())
thread = threading.Thread(target=fail, args=("{MARKER}",), name="a thread")
thread.start()
thread.join()
threading.Thread(target=exit).start()
FailingFinalizer()
asyncio.new_event_loop()
gc.collect()
warnings.warn("this is old")
logging.getLogger("library").debug("hidden")
logging.getLogger("jubilee.part").debug("visible")
logging.getLogger("sqlalchemy.pool").error("a pool of %s", "SQLAlchemy")
logging.getLogger("sqlalchemy.engine").info("SELECT '{MARKER}'")
logging.getLogger("arq.worker").error("a worker of ARQ")
logging.getLogger("arq.worker").warning("hidden job line")
fail("{MARKER}")
"""

Child: TypeAlias = "subprocess.CompletedProcess[str]"


def python(at: Path, script: str, **env: str) -> Child:
    """Run the script in the folder `at`, where only `env` is set."""
    return subprocess.run(
        (sys.executable, "-W", "default", "-c", script),
        cwd=at,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
def child(tmp_path_factory: Any) -> Child:
    """A process with unhandled errors, warnings and log lines of libraries."""
    env = {"LOG_FORMAT": "json", "LOG_LEVEL": "DEBUG"}
    urls = {"DATABASE_URL": NOWHERE, "REDIS_URL": NO_REDIS}
    return python(tmp_path_factory.mktemp("child"), CHILD, **env, **urls)


@pytest.fixture(scope="module")
def found(child: Child) -> list[Line]:
    """The log lines of the child process."""
    return [json.loads(line) for line in child.stdout.splitlines()]


def test_all_output_is_json_lines(child: Child, found: list[Line]) -> None:
    assert (child.returncode, child.stderr) == (1, "")
    assert all(list(line)[:3] == ["timestamp", "level", "event"] for line in found)


def test_no_line_contains_the_message_of_an_exception(child: Child) -> None:
    assert MARKER not in child.stdout


@pytest.mark.parametrize(
    ("event", "count"),
    [
        ("unhandled exception in background task", 2),
        ("unhandled exception in thread", 1),
        ("unraisable exception", 1),
        ("unhandled exception", 1),
    ],
)
def test_an_unhandled_exception_is_a_line_with_a_fingerprint(
    found: list[Line], event: str, count: int
) -> None:
    lines = [line for line in found if line["event"] == event and "cause" not in line]
    assert [line["error"] for line in lines] == ["ValueError"] * count
    assert all(FINGERPRINT.fullmatch(line["fingerprint"]) for line in lines)
    assert all("in fail" in line["exception"] or "__del__" in line["exception"] for line in lines)


def test_a_report_of_the_event_loop_without_an_exception_has_its_message(found: list[Line]) -> None:
    (line,) = (line for line in found if line.get("cause"))
    assert line["cause"] == "the event loop complains"


@pytest.mark.parametrize(
    ("logger", "level", "text"),
    [
        ("py.warnings", "warning", "UserWarning: this is old"),
        ("py.warnings", "warning", "ResourceWarning: unclosed event loop"),
        ("sqlalchemy.pool", "error", "a pool of SQLAlchemy"),
        ("arq.worker", "error", "a worker of ARQ"),
        ("jubilee.part", "debug", "visible"),
    ],
)
def test_libraries_and_warnings_log_in_the_same_format(
    found: list[Line], logger: str, level: str, text: str
) -> None:
    (line,) = (line for line in found if text in line["event"])
    assert (line["logger"], line["level"]) == (logger, level)


def test_debug_lines_of_libraries_are_hidden(found: list[Line]) -> None:
    loggers = {line.get("logger", "") for line in found}
    assert not loggers & {"library", "sqlalchemy.engine"}
    assert "hidden job line" not in {line["event"] for line in found}


async def test_migrations_log_in_the_same_format(servers: Servers, tmp_path: Path) -> None:
    async with fresh_database(servers) as empty:
        urls = {"DATABASE_URL": empty, "REDIS_URL": NO_REDIS}
        ended = run(tmp_path, "migrate", LOG_FORMAT="json", **urls)
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    assert (ended.returncode, ended.stderr) == (0, "")
    assert any(line["event"].startswith("Running upgrade") for line in lines)
    assert {line["logger"].partition(".")[0] for line in lines} == {"alembic"}


LOGGING_SCRIPT = """
import logging
from jubilee.bootstrap.logs import start_logging
from jubilee.settings import Settings
start_logging(Settings())
try:
    int("marker")
except ValueError:
    logging.getLogger("jubilee").exception("hello", extra={"to": "an operator"})
"""


@pytest.mark.parametrize(
    ("environment", "given", "is_json", "is_whole"),
    [
        ("development", {}, False, True),
        ("development", {"LOG_FORMAT": "json"}, True, False),
        ("staging", {}, True, False),
        ("production", {}, True, False),
        ("production", {"LOG_FORMAT": "text"}, False, False),
    ],
)
def test_the_environment_chooses_the_format_unless_it_is_set(
    tmp_path: Path, environment: str, given: dict[str, str], *, is_json: bool, is_whole: bool
) -> None:
    env = {"ENVIRONMENT": environment, "SECRET_KEY": SECRET_KEY, **given}
    found = python(tmp_path, LOGGING_SCRIPT, **env).stdout
    assert found.startswith('{"timestamp":') is is_json
    assert re.search(r"\] hello +" if not is_json else '"event":"hello"', found)
    assert ("ValueError: invalid literal" in found) is is_whole
    assert (MARKER in found) is is_whole


@pytest.mark.parametrize("arguments", [("status", "--json"), ("openapi",)])
def test_json_output_of_commands_has_no_log_lines(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    urls = {"DATABASE_URL": NOWHERE, "REDIS_URL": NO_REDIS}
    printed = run(tmp_path, *arguments, LOG_FORMAT="json", LOG_LEVEL="DEBUG", **urls)
    assert isinstance(json.loads(printed.stdout), dict)
    assert "event" not in json.loads(printed.stdout)


def test_the_config_command_prints_no_log_lines(tmp_path: Path) -> None:
    printed = run(tmp_path, "config", LOG_FORMAT="json", LOG_LEVEL="DEBUG")
    assert all(re.match(r"[A-Z_]+=", line) for line in printed.stdout.splitlines())
    assert "LOG_FORMAT=json  # environment\n" in printed.stdout
    assert printed.stderr == ""
