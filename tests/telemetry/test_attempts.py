"""Metrics of attempts at passwords, and the lines about locks."""

from typing import Any

import pytest

from jubilee.adapters.ids import new_id
from jubilee.adapters.telemetry.attempts import AttemptTelemetry
from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.domain.attempts.attempt import AttemptOutcome, LockEnd
from jubilee.domain.identity import UserId

Line = tuple[str, str, dict[str, Any]]
ZOE = UserId(new_id())


@pytest.fixture
def instruments() -> Instruments:
    return Instruments("1")


@pytest.fixture
def lines() -> list[Line]:
    return []


@pytest.fixture
def telemetry(instruments: Instruments, lines: list[Line]) -> AttemptTelemetry:
    def write_line(event: str, *, level: str, **fields: Any) -> None:
        lines.append((level, event, fields))

    return AttemptTelemetry(instruments, write_line)


def test_attempts_are_counted_by_outcome_from_zero(
    telemetry: AttemptTelemetry, instruments: Instruments
) -> None:
    telemetry.attempt_ended(AttemptOutcome.WRONG)
    found = {
        outcome: instruments.registry.get_sample_value(
            "password_attempts_total", {"outcome": outcome}
        )
        for outcome in AttemptOutcome
    }
    assert found == dict.fromkeys(AttemptOutcome, 0) | {AttemptOutcome.WRONG: 1}


def test_locks_are_counted_and_logged(
    telemetry: AttemptTelemetry, instruments: Instruments, lines: list[Line]
) -> None:
    telemetry.account_locked(ZOE, 900)
    telemetry.account_unlocked(ZOE, LockEnd.LIFTED)
    telemetry.address_locked("192.0.2.1", 900)
    assert lines == [
        ("warning", "account locked", {"account": str(ZOE), "seconds": 900}),
        ("info", "account lock ended", {"account": str(ZOE), "reason": "lifted"}),
        ("warning", "address locked", {"client": "192.0.2.1", "seconds": 900}),
    ]
    assert instruments.registry.get_sample_value("account_locks_total") == 1
