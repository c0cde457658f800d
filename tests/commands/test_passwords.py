"""Passwords of the commands, read from standard input or typed twice on the terminal."""

import io
import signal

import pytest

from jubilee.commands import passwords
from jubilee.commands.passwords import read_password
from jubilee.commands.refusal import CommandRefused


class Terminal(io.StringIO):
    """Standard input of a person."""

    def isatty(self) -> bool:
        return True


def type_in(monkeypatch: pytest.MonkeyPatch, *typed: str) -> None:
    """Answer the prompts of the terminal; Ctrl-C raises meanwhile."""
    answers = iter(typed)

    def answer(prompt: str) -> str:
        assert prompt.endswith(": ")
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        return next(answers)

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr(passwords, "getpass", answer)


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_line_of_standard_input_is_the_password(
    monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f" an engine {end}"))
    assert read_password(from_stdin=True) == " an engine "


def test_without_a_terminal_the_option_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(CommandRefused, match="--password-stdin"):
        read_password(from_stdin=False)


def test_a_password_is_typed_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        type_in(monkeypatch, "an engine", "an engine")
        assert read_password(from_stdin=False) == "an engine"
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        type_in(monkeypatch, "an engine", "an ingine")
        with pytest.raises(CommandRefused, match="differ"):
            read_password(from_stdin=False)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
