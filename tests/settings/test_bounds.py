"""The smallest and the largest value of settings that are numbers."""

import pytest
from pydantic import ValidationError

from jubilee.settings import Settings

BOUNDS = {
    "port": (1, 65535),
    "postgres_port": (1, 65535),
    "redis_port": (1, 65535),
    "metrics_port": (0, 65535),
    "worker_metrics_port": (1, 65535),
    "replica_max_lag": (1, 300),
    "password_min_length": (8, 128),
    "password_hash_time_cost": (1, 20),
    "password_hash_threads": (1, 64),
    "lease_seconds": (1, 3600),
    "web_concurrency": (1, 256),
    "worker_concurrency": (1, 256),
    "greeting_hour": (0, 23),
    "account_deletion_grace_days": (0, 365),
}
AT_LEAST = {
    "password_hash_memory_kib": 8192,
    "drain_delay": 0,
    "hello_max_anonymous": 0,
    "database_pool_size": 1,
    "max_body_bytes": 1,
    "max_connections": 1,
    "job_max_crashes": 1,
    "worker_system_slots": 1,
    "worker_user_slots": 1,
    "worker_read_limit": 1,
    "tasks_live_per_user": 1,
}
LEAST = {**{name: least for name, (least, _) in BOUNDS.items()}, **AT_LEAST}
SECONDS = ("database_timeout", "redis_timeout", "body_timeout", "request_timeout", "job_timeout")


@pytest.mark.parametrize(("name", "value"), LEAST.items())
def test_the_smallest_value_is_accepted_and_one_less_refused(name: str, value: int) -> None:
    assert getattr(Settings.model_validate({name: value}), name) == value
    with pytest.raises(ValidationError, match=name):
        Settings.model_validate({name: value - 1})


@pytest.mark.parametrize(("name", "value"), [(name, most) for name, (_, most) in BOUNDS.items()])
def test_the_largest_value_is_accepted_and_one_more_refused(name: str, value: int) -> None:
    assert getattr(Settings.model_validate({name: value}), name) == value
    with pytest.raises(ValidationError, match=name):
        Settings.model_validate({name: value + 1})


@pytest.mark.parametrize("name", SECONDS)
def test_a_time_is_longer_than_nothing(name: str) -> None:
    assert getattr(Settings.model_validate({name: 0.5}), name) == 0.5
    with pytest.raises(ValidationError, match=name):
        Settings.model_validate({name: 0})
