"""Parking greetings after a restored backup."""

from collections.abc import Coroutine
from datetime import UTC, datetime

import pytest

from jubilee.commands import restored
from tests.commands.conftest import Jubilee

MOMENT = "2026-11-20T09:00:00+00:00"


@pytest.fixture(autouse=True)
def parked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Park three greetings, without a database."""

    def run(work: Coroutine[object, object, int]) -> int:
        work.close()
        return 3

    monkeypatch.setattr(restored, "run", run)


def test_the_number_of_greetings_is_printed(jubilee: Jubilee) -> None:
    printed = jubilee("restored", "--until", MOMENT)
    assert (printed.code, printed.error) == (0, "")
    assert printed.out == f"greetings that may have been sent before {MOMENT}: 3\n"


def test_without_a_moment_it_is_now(jubilee: Jubilee) -> None:
    before = datetime.now(UTC)
    moment = jubilee("restored").out.removeprefix("greetings that may have been sent before ")
    assert before <= datetime.fromisoformat(moment.partition(": ")[0]) <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("until", "problem"),
    [
        ("yesterday", "--until is not a time: yesterday"),
        ("2026-11-20T09:00:00", "a time of the past with its zone"),
        ("2999-01-01T00:00:00Z", "a time of the past with its zone"),
    ],
)
def test_another_moment_is_refused(jubilee: Jubilee, until: str, problem: str) -> None:
    refused = jubilee("restored", "--until", until)
    assert refused.code != 0
    assert problem in refused.error
