"""The command line: help, misspelt words and options."""

import re
import signal

import pytest

from jubilee import __version__
from jubilee.commands import line
from jubilee.commands.parser import command_parser
from tests.commands.conftest import Jubilee


def test_help_names_every_command(jubilee: Jubilee) -> None:
    printed = jubilee("--help")
    assert printed.code == 0
    for name in ("up", "api", "migrate", "rollback", "migration", "admin", "openapi", "config"):
        assert re.search(rf"^    {name}\b", printed.out, re.MULTILINE)


def test_help_has_examples_that_can_be_run(jubilee: Jubilee) -> None:
    examples = jubilee("--help").out.partition("examples:")[2]
    written = re.findall(r"^  jubilee (.+?)(?:   |$| the first)", examples, re.MULTILINE)
    assert len(written) >= 5
    for words in written:
        assert command_parser().parse_args(words.split()).run, words


def test_the_help_of_a_command_says_what_it_does_and_its_options(jubilee: Jubilee) -> None:
    up = jubilee("up", "--help").out
    assert "Run servers without a configured URL, migrations, the API, a worker." in up
    for option in ("--port PORT", "--host HOST", "--data-dir DIR"):
        assert option in up


def test_the_version_is_printed(jubilee: Jubilee) -> None:
    assert jubilee("--version").out == f"jubilee {__version__}\n"


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (("statsu",), "status"),
        (("migrat",), "migrate"),
        (("admin", "creat"), "create"),
        (("user", "promot"), "promote"),
    ],
    ids=str,
)
def test_a_misspelt_command_gets_a_suggestion(
    jubilee: Jubilee, given: tuple[str, ...], meant: str
) -> None:
    refused = jubilee(*given)
    assert (refused.code, refused.out) == (2, "")
    assert f"invalid choice: '{given[-1]}'; did you mean {meant}?" in refused.error


@pytest.mark.parametrize(
    "words", [(), ("admin",), ("user",), ("jobs",), ("up", "--po", "1"), ("user", "show")], ids=str
)
def test_missing_words_and_abbreviated_options_are_refused(
    jubilee: Jubilee, words: tuple[str, ...]
) -> None:
    refused = jubilee(*words)
    assert (refused.code, "usage: jubilee" in refused.error) == (2, True)


@pytest.mark.parametrize(
    ("until", "reason"),
    [
        ("yesterday", "--until is not a time: yesterday"),
        ("2026-01-01T00:00:00", "must be a time of the past with its zone"),
        ("2999-01-01T00:00:00Z", "must be a time of the past with its zone"),
    ],
)
def test_a_restore_needs_a_time_of_the_past(jubilee: Jubilee, until: str, reason: str) -> None:
    refused = jubilee("restored", "--until", until)
    assert (refused.code, reason in refused.error) == (1, True)


def test_a_command_that_is_interrupted_ends_by_the_signal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[tuple[object, ...]] = []

    def interrupt(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(line, "load_command", lambda _, __: interrupt)
    monkeypatch.setattr(signal, "signal", lambda *change: calls.append(change))
    monkeypatch.setattr(signal, "raise_signal", lambda number: calls.append((number,)))
    line.main(["openapi"])
    assert calls == [(signal.SIGINT, signal.SIG_DFL), (signal.SIGINT,)]
