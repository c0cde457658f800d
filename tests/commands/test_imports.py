"""What processes import and build before they serve: each module takes a part of their start."""

import subprocess
import sys

import pytest

SERVICE = {"alembic", "opentelemetry", "redis", "sqlalchemy", "starlette"}
AT_USE = {
    "alembic",
    "email_validator",
    "httpcore2",
    "jubilee.adapters.telemetry.otlp_exports",
    "jubilee.adapters.telemetry.traced_requests",
    "opentelemetry.instrumentation",
    "sentry_sdk",
    "webauthn",
}
"""Modules of what a setting turns on, or a rare request is first to use."""

UNIMPORTED = {
    "up": SERVICE,
    "config": SERVICE,
    "status": {"sqlalchemy", "alembic", "arq", "starlette", "opentelemetry", "jinja2", "argon2"},
    "user": AT_USE | {"uvicorn", "jubilee.entrypoints.api", "jubilee.entrypoints.worker"},
    "api_process": AT_USE | {"jubilee.entrypoints.worker.process"},
    "worker_process": AT_USE | {"jubilee.entrypoints.http", "maxminddb", "uvicorn"},
}

BUILT = """
import gc
import jubilee.commands.api_process
from jubilee.adapters.postgres.statement import Statement
from jubilee.entrypoints.http.framework.endpoint import Model, ReplyModel
known = gc.get_objects()
models = [each for each in known if isinstance(each, type) and issubclass(each, Model | ReplyModel)]
statements = [each for each in known if isinstance(each, Statement)]
assert len(models) > 100 and len(statements) > 100
print(*sorted(each.__name__ for each in models if each.__pydantic_complete__))
print(*(each.sql for each in statements if "_made" in vars(each)))
"""
CONSTANTS = "HealthReply Nothing"
"""Models of which a module has an instance."""


def printed(code: str) -> str:
    return subprocess.check_output((sys.executable, "-c", code), text=True)


@pytest.mark.parametrize("command", UNIMPORTED)
def test_a_command_imports_only_what_it_uses(command: str) -> None:
    unimported = UNIMPORTED[command]
    code = f"import sys, jubilee.commands.{command}; print(sys.modules.keys() & {unimported})"
    assert printed(code) == "set()\n"


def test_validators_and_statements_are_built_when_they_are_used() -> None:
    assert printed(BUILT).splitlines() == [CONSTANTS, ""]
