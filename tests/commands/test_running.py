"""Errors of a command: one line and an exit code."""

import pytest

from jubilee.bootstrap.errors import BadConfiguration
from jubilee.commands.refusal import CommandRefused
from jubilee.commands.running import run
from jubilee.domain.errors import Unavailable
from jubilee.domain.users.user import EmailTaken
from jubilee.entrypoints.exit_codes import BAD_CONFIGURATION


async def fail(error: Exception) -> None:
    raise error


async def answer() -> int:
    return 42


def test_the_result_is_returned() -> None:
    assert run(answer()) == 42


@pytest.mark.parametrize(
    ("error", "said", "code"),
    [
        (BadConfiguration("PORT: too high"), "PORT: too high", BAD_CONFIGURATION),
        (
            Unavailable(reason="connection refused"),
            "PostgreSQL cannot be used: connection refused",
            1,
        ),
        (Unavailable("Redis is away"), "Redis is away", 1),
        (EmailTaken(), str(EmailTaken()), 1),
    ],
)
def test_an_error_is_refused_in_one_line(error: Exception, said: str, code: int) -> None:
    with pytest.raises(CommandRefused) as refused:
        run(fail(error))
    assert (str(refused.value), refused.value.exit_code) == (said, code)
    assert refused.value.__suppress_context__


def test_an_error_of_the_system_names_its_file() -> None:
    with pytest.raises(CommandRefused, match="/nowhere"):
        run(fail(FileNotFoundError(2, "No such file or directory", "/nowhere")))


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        run(fail(ZeroDivisionError()))
