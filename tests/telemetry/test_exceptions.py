"""Exceptions as operators see them: one fingerprint a fault, and nothing of what was sent."""

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

MARKER = "tell nobody"

PLAIN = """
def ask(answer):
    return int(answer)

def serve():
    ask("what somebody sent")
"""

CHAINED = """
def ask(answer):
    return int(answer)

def serve():
    try:
        ask("what somebody sent")
    except ValueError as error:
        raise RuntimeError("it cannot be served") from error
"""

UNCHAINED = CHAINED.replace("from error", "from None")

OTHERS = {
    "function": PLAIN.replace("ask(", "inquire("),
    "class": PLAIN.replace("int(answer)", "{}[answer]"),
    "way": PLAIN.replace("def serve():", "def serve():\n    hand_on()\n\ndef hand_on():"),
    "chain": CHAINED,
    "end of a chain": UNCHAINED,
}

ELSEWHERE = """
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
    """What somebody fills in."""

    age: int


def caught(call: Callable[[], object]) -> BaseException:
    """What the call raises."""
    try:
        call()
    except Exception as error:
        return error
    raise AssertionError("it raises nothing")


def raised(source: str, module: str = "jubilee.sample") -> BaseException:
    """What `serve` raises, as if the source were that module."""
    names: dict[str, Any] = {"__name__": module}
    exec(compile(source, "sample.py", "exec"), names)
    return caught(names["serve"])


def of_postgres() -> None:
    """What the driver makes of a message of the server, which quotes a row."""
    raise asyncpg.PostgresError.new({"C": "23505", "M": MARKER, "D": f"Key ({MARKER}) is there"})


def with_a_note() -> None:
    error = RuntimeError(MARKER)
    error.add_note(MARKER)
    raise error


def of_ours() -> None:
    try:
        int(MARKER)
    except ValueError as error:
        raise Unavailable(MARKER) from error


QUOTING: Mapping[str, Callable[[], object]] = {
    "ValueError": lambda: int(MARKER),
    "KeyError": lambda: dict[str, str]()[MARKER],
    "PostgresError": of_postgres,
    "ValidationError": lambda: Form.model_validate({"age": MARKER}),
    "one with a note": with_a_note,
    "ours": of_ours,
}


@pytest.mark.parametrize("call", QUOTING.values(), ids=QUOTING)
def test_what_may_quote_somebody_is_shown_only_where_all_is(call: Callable[[], object]) -> None:
    error = caught(call)
    assert MARKER in stack(error, whole=True)
    assert MARKER not in stack(error, whole=False)


def test_what_the_system_says_is_always_shown() -> None:
    error = caught(Path("/nowhere/at/all").read_bytes)
    last = "FileNotFoundError: [Errno 2] No such file or directory: '/nowhere/at/all'"
    for whole in (True, False):
        assert stack(error, whole=whole).splitlines()[-1] == last


def test_a_stack_has_every_link_the_first_one_first() -> None:
    first, last = stack(raised(CHAINED), whole=False).split("\nwhich led to\n")
    assert first.splitlines()[-1] == "ValueError"
    assert '  File "sample.py", line 3, in ask\n' in first
    assert last.splitlines()[-1] == "RuntimeError"
    assert "which led to" not in stack(raised(UNCHAINED), whole=False)


def test_a_chain_that_bites_its_own_tail_has_an_end() -> None:
    first, second = ValueError(), KeyError()
    first.__cause__, second.__cause__ = second, first
    assert stack(first, whole=True) == "KeyError\nwhich led to\nValueError"
    assert fingerprint(first) != fingerprint(second)


@given(st.text(min_size=1))
def test_what_is_shown_of_a_message_is_bounded(message: str) -> None:
    long = message * MAX_MESSAGE_CHARS
    assert stack(ValueError(long), whole=True) == f"ValueError: {long[:MAX_MESSAGE_CHARS]}"


@pytest.mark.parametrize(
    "source", [PLAIN, CHAINED, UNCHAINED], ids=["plain", "a chain", "end of a chain"]
)
def test_a_fingerprint_stays_the_same_when_lines_move(source: str) -> None:
    moved = "import json\n\n" + source.replace("def serve", "# moved\n\n\ndef serve")
    assert stack(raised(moved), whole=False) != stack(raised(source), whole=False)
    assert fingerprint(raised(moved)) == fingerprint(raised(source))


def test_a_fingerprint_does_not_depend_on_what_was_sent() -> None:
    other = PLAIN.replace("what somebody sent", "something else")
    assert fingerprint(raised(other)) == fingerprint(raised(PLAIN))


@pytest.mark.parametrize("seed", ["1", "2"])
def test_a_fingerprint_is_the_same_in_every_process(seed: str) -> None:
    command = (sys.executable, "-c", ELSEWHERE, CHAINED)
    env = {"PYTHONHASHSEED": seed}
    ended = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == fingerprint(raised(CHAINED))


@pytest.mark.parametrize("source", OTHERS.values(), ids=OTHERS)
def test_another_fault_has_another_fingerprint(source: str) -> None:
    assert fingerprint(raised(source)) != fingerprint(raised(PLAIN))


def test_only_functions_of_ours_count() -> None:
    assert fingerprint(raised(PLAIN, "jubilee.other")) != fingerprint(raised(PLAIN))
    inquiring = OTHERS["function"]
    assert fingerprint(raised(PLAIN, "library")) == fingerprint(raised(inquiring, "library"))


def test_a_kind_is_a_code_of_ours_or_a_class() -> None:
    assert kind_of(Unavailable()) == Unavailable.code
    assert kind_of(PermanentFailure(MARKER)) == PermanentFailure.code
    assert kind_of(ValueError(MARKER)) == "ValueError"
    assert kind_of(caught(of_postgres)) == "asyncpg.exceptions.UniqueViolationError"
