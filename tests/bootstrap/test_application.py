"""What an application does beside its requests."""

import pytest

from jubilee.bootstrap import application
from jubilee.domain import calendar


async def test_the_files_of_all_time_zones_are_read_after_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(application, "READ_ZONES_AFTER_S", 0)
    calendar._zone.cache_clear()
    await application._read_time_zones("Europe/Vienna")
    assert calendar._zone.cache_info().currsize == len(calendar.zone_names())
