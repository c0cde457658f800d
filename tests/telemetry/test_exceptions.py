"""Logged exceptions: one fingerprint per fault, and no data of requests."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from jubilee.adapters.telemetry.exceptions import MAX_MESSAGE_CHARS, fingerprint, kind_of, stack
from jubilee.domain.errors import Unavailable
from jubilee.domain.jobs.kinds import PermanentFailure

MARKER = "marker"

PLAIN = """
def ask(answer):
    return int(answer)

def serve():
    ask("what the client sent")
"""

CHAINED = """
def ask(answer):
    return int(answer)

def serve():
    try:
        ask("what the client sent")
    except ValueError as error:
        raise RuntimeError("it cannot be served") from error
"""

UNCHAINED = CHAINED.replace("from error", "from None")

OTHERS = {
    "function": PLAIN.replace("ask(", "inquire("),
    "class": PLAIN.replace("int(answer)", "{}[answer]"),
    "way": PLAIN.replace("def serve():", "def serve():\n    forward()\n\ndef forward():"),
    "chain": CHAINED,
    "end of a chain": UNCHAINED,
}

OTHER_PROCESS = """
import sys
from jubilee.adapters.telemetry.exceptions import fingerprint
try:
    names = {"__name__": "jubilee.sample"}
    exec(sys.argv[1], names)
    names["serve"]()
except Exception as error:
    print(fingerprint(error))
"""


class Form(BaseModel):
    """A form."""

    age: int


def caught(call: Callable[[], object]) -> BaseException:
    """Return the exception that the call raises."""
    try:
        call()
    except Exception as error:
        return error
    raise AssertionError("it raises nothing")


def raised(source: str, module: str = "jubilee.sample") -> BaseException:
    """Return what `serve` of the source raises, run as this module."""
    names: dict[str, Any] = {"__name__": module}
    exec(compile(source, "sample.py", "exec"), names)
    return caught(names["serve"])


def raise_postgres_error() -> None:
    """Raise the driver's error, whose detail quotes a row."""
    raise asyncpg.PostgresError.new({"C": "23505", "M": MARKER, "D": f"Key ({MARKER}) is there"})


def raise_with_note() -> None:
    error = RuntimeError(MARKER)
    error.add_note(MARKER)
    raise error


def raise_domain_error() -> None:
    try:
        int(MARKER)
    except ValueError as error:
        raise Unavailable(MARKER) from error


QUOTING: Mapping[str, Callable[[], object]] = {
    "ValueError": lambda: int(MARKER),
    "KeyError": lambda: dict[str, str]()[MARKER],
    "PostgresError": raise_postgres_error,
    "ValidationError": lambda: Form.model_validate({"age": MARKER}),
    "one with a note": raise_with_note,
    "ours": raise_domain_error,
}


@pytest.mark.parametrize("call", QUOTING.values(), ids=QUOTING)
def test_messages_that_may_quote_data_are_hidden_unless_whole(call: Callable[[], object]) -> None:
    error = caught(call)
    assert MARKER in stack(error, whole=True)
    assert MARKER not in stack(error, whole=False)


def test_messages_of_the_operating_system_are_always_shown() -> None:
    error = caught(Path("/nowhere/at/all").read_bytes)
    last = "FileNotFoundError: [Errno 2] No such file or directory: '/nowhere/at/all'"
    for whole in (True, False):
        assert stack(error, whole=whole).splitlines()[-1] == last


def test_a_stack_starts_with_the_first_exception_of_the_chain() -> None:
    first, last = stack(raised(CHAINED), whole=False).split("\nwhich led to\n")
    assert first.splitlines()[-1] == "ValueError"
    assert '  File "sample.py", line 3, in ask\n' in first
    assert last.splitlines()[-1] == "RuntimeError"
    assert "which led to" not in stack(raised(UNCHAINED), whole=False)


def test_a_cyclic_chain_of_exceptions_ends() -> None:
    first, second = ValueError(), KeyError()
    first.__cause__, second.__cause__ = second, first
    assert stack(first, whole=True) == "KeyError\nwhich led to\nValueError"
    assert fingerprint(first) != fingerprint(second)


@given(st.text(min_size=1))
def test_a_message_is_truncated(message: str) -> None:
    long = message * MAX_MESSAGE_CHARS
    assert stack(ValueError(long), whole=True) == f"ValueError: {long[:MAX_MESSAGE_CHARS]}"


@pytest.mark.parametrize(
    "source", [PLAIN, CHAINED, UNCHAINED], ids=["plain", "a chain", "end of a chain"]
)
def test_a_fingerprint_stays_the_same_when_lines_move(source: str) -> None:
    moved = "import json\n\n" + source.replace("def serve", "# moved\n\n\ndef serve")
    assert stack(raised(moved), whole=False) != stack(raised(source), whole=False)
    assert fingerprint(raised(moved)) == fingerprint(raised(source))


def test_a_fingerprint_does_not_depend_on_the_data() -> None:
    other = PLAIN.replace("what the client sent", "something else")
    assert fingerprint(raised(other)) == fingerprint(raised(PLAIN))


@pytest.mark.parametrize("seed", ["1", "2"])
def test_a_fingerprint_is_the_same_in_every_process(seed: str) -> None:
    command = (sys.executable, "-c", OTHER_PROCESS, CHAINED)
    env = {"PYTHONHASHSEED": seed}
    ended = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == fingerprint(raised(CHAINED))


@pytest.mark.parametrize("source", OTHERS.values(), ids=OTHERS)
def test_another_fault_has_another_fingerprint(source: str) -> None:
    assert fingerprint(raised(source)) != fingerprint(raised(PLAIN))


def test_a_fingerprint_uses_only_functions_of_this_package() -> None:
    assert fingerprint(raised(PLAIN, "jubilee.other")) != fingerprint(raised(PLAIN))
    inquiring = OTHERS["function"]
    assert fingerprint(raised(PLAIN, "library")) == fingerprint(raised(inquiring, "library"))


def test_the_kind_of_an_error_is_its_code_or_its_class() -> None:
    assert kind_of(Unavailable()) == Unavailable.code
    assert kind_of(PermanentFailure(MARKER)) == PermanentFailure.code
    assert kind_of(ValueError(MARKER)) == "ValueError"
    assert kind_of(caught(raise_postgres_error)) == "asyncpg.exceptions.UniqueViolationError"
