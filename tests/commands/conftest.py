"""Run commands of `jubilee` in this process over the fakes."""

import io
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import pytest

from jubilee.commands import admin, audit, jobs, keys, token, user
from jubilee.commands.line import main
from jubilee.commands.running import run
from jubilee.domain.services import Services
from jubilee.settings import Settings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ended:
    """The exit code of a command, and what it printed."""

    code: object
    out: str
    error: str


class Jubilee(Protocol):
    """Runs a command; `stdin` is what it reads."""

    def __call__(self, *words: str, stdin: str = "") -> Ended: ...


@pytest.fixture
def jubilee(
    services: Services, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Jubilee:
    """Run commands that open the services."""

    def with_services(_: Settings, use: Callable[[Services], Awaitable[T]], *, command: str) -> T:
        assert command
        return run(use(services))

    for module in (admin, audit, jobs, keys, token, user):
        monkeypatch.setattr(module, "with_services", with_services)

    def command(*words: str, stdin: str = "") -> Ended:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as ended:
            main(words)
        printed = capsys.readouterr()
        return Ended(ended.value.code, printed.out, printed.err)

    return command
