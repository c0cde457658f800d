"""Connections that the service ends: each is counted, a line says how many."""

import logging

import pytest

from jubilee.entrypoints.http.connections import ends
from jubilee.entrypoints.http.connections.ends import LOG_INTERVAL_S, EndedConnections
from jubilee.observation.requests import EndReason
from tests.http.sockets import RecordingObserver


def test_ended_connections_are_counted_and_logged_once_an_interval(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = 0.0
    monkeypatch.setattr(ends, "monotonic", lambda: now)
    observer = RecordingObserver()
    ended = EndedConnections(observer)
    ended.sample(7)
    assert (observer.open, caplog.records) == (7, [])
    for reason in (EndReason.LIMIT, EndReason.LIMIT, EndReason.HEAD_TIMEOUT):
        ended.add(reason)
    with caplog.at_level(logging.WARNING):
        ended.sample(4)
        ended.add(EndReason.BODY_TIMEOUT)
        now = LOG_INTERVAL_S - 0.1
        ended.sample(3)
        assert len(caplog.records) == 1
        now = LOG_INTERVAL_S
        ended.sample(3)
    first, second = map(vars, caplog.records)
    assert first["message"] == "connections ended by the service"
    assert (first["limit"], first["head_timeout"], "body_timeout" in first) == (2, 1, False)
    assert (second["body_timeout"], "limit" in second) == (1, False)
    assert observer.ended == {"limit": 2, "head_timeout": 1, "body_timeout": 1}
