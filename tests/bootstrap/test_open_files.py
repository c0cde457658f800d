"""The limit on open files, which connections of clients need."""

import logging
import resource

import pytest

from jubilee.bootstrap.open_files import OTHER_OPEN_FILES, allow_connections

NO_LIMIT = resource.RLIM_INFINITY
NEEDED = 900 + OTHER_OPEN_FILES


@pytest.mark.parametrize(
    ("limits", "raised", "warned"),
    [
        ((NO_LIMIT, NO_LIMIT), None, False),
        ((NEEDED, NEEDED), None, False),
        ((NEEDED - 1, NO_LIMIT), (NEEDED, NO_LIMIT), False),
        ((256, 4096), (NEEDED, 4096), False),
        ((256, NEEDED), (NEEDED, NEEDED), False),
        ((256, NEEDED - 1), (NEEDED - 1, NEEDED - 1), True),
    ],
)
def test_the_limit_is_raised_as_far_as_connections_need_it(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    limits: tuple[int, int],
    raised: tuple[int, int] | None,
    warned: bool,
) -> None:
    chosen: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _, to: chosen.append(to))
    with caplog.at_level(logging.WARNING):
        allow_connections(900)
    assert chosen == ([raised] if raised else [])
    assert [vars(record)["needed"] for record in caplog.records] == ([NEEDED] if warned else [])
