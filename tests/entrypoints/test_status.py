"""The texts of `jubilee status`."""

import json
from dataclasses import replace

import pytest

from jubilee.domain.health import ConnectionBudget, Health, SchemaStatus
from jubilee.domain.jobs.backlog import Backlog
from jubilee.entrypoints.status import Status, as_json, as_text

BACKLOG = Backlog(
    jobs={("system", "queued"): 2, ("system", "dead"): 1, ("user", "running"): 3},
    oldest_due={"system": 61.5, "user": 0.0},
    overdue=1,
    oldest_event=0.0,
    greetings={"sent": 5, "uncertain": 0},
    greetings_missing=0,
    greetings_planned_until=0.0,
    workers=4,
    workers_silent=0,
    without_worker={"report.monthly": 3, "sms.send": 1, "echo": 0},
)
WELL = Health(schema=SchemaStatus.CURRENT, redis=True, mail=True)


def test_people_read_what_waits_and_who_works() -> None:
    text = as_text(Status(WELL, BACKLOG))
    assert "workers     4 alive" in text
    assert "system      2 queued, 1 dead; the oldest waits 62 s" in text
    assert "user        3 running" in text
    assert "leases      1 ran out" in text
    assert "greetings   5 sent" in text
    assert "no worker   3 report.monthly, 1 sms.send: no live worker knows these kinds" in text


@pytest.mark.parametrize(
    ("health", "lines"),
    [
        (WELL, ["service     ready", "postgres    ok", "schema      current", "redis       ok"]),
        (
            Health(schema=SchemaStatus.BEHIND, redis=False, mail=True),
            ["service     NOT READY", "postgres    ok", "schema      behind", "redis       away"],
        ),
        (
            Health(schema=None, redis=True, mail=True, outage="no answer"),
            [
                *("service     NOT READY", "postgres    unavailable (no answer)"),
                *("schema      unknown", "redis       ok"),
            ],
        ),
    ],
)
def test_without_a_backlog_the_dependencies_alone_are_told(
    health: Health, lines: list[str]
) -> None:
    assert as_text(Status(health)).splitlines() == lines
    found = json.loads(as_json(Status(health)))
    assert found == {"ready": health.ready, **dict(line.split(maxsplit=1) for line in lines[1:])}


def test_people_read_how_many_workers_are_silent_and_that_no_greeting_is_planned() -> None:
    quiet = replace(BACKLOG, overdue=0, workers_silent=2, greetings={"sent": 0})
    text = as_text(Status(WELL, quiet))
    assert "workers     4 alive, 2 silent" in text
    assert "greetings   none this year" in text
    assert "leases" not in text


@pytest.mark.parametrize(("seconds", "said"), [(0.9, ""), (1.0, "; the oldest waits 1 s")])
def test_a_wait_is_said_from_one_second_on(seconds: float, said: str) -> None:
    text = as_text(Status(WELL, replace(BACKLOG, oldest_due={"user": seconds})))
    assert f"user        3 running{said}" in text.splitlines()


def test_nothing_is_said_of_without_worker_where_there_are_none() -> None:
    text = as_text(Status(WELL, replace(BACKLOG, without_worker={"echo": 0})))
    assert "no worker" not in text


def test_machines_read_the_same() -> None:
    assert json.loads(as_json(Status(WELL, BACKLOG))) == {
        "ready": True,
        "postgres": "ok",
        "schema": "current",
        "redis": "ok",
        "connections": {},
        "workers": 4,
        "workers_silent": 0,
        "lanes": {
            "system": {"oldest_due_seconds": 61.5, "queued": 2, "dead": 1},
            "user": {"oldest_due_seconds": 0.0, "running": 3},
        },
        "leases_overdue": 1,
        "without_worker": {"report.monthly": 3, "sms.send": 1},
        "greetings": {"sent": 5, "uncertain": 0},
        "greetings_missing": 0,
    }


def test_pools_that_do_not_fit_into_postgresql_are_a_line_of_their_own() -> None:
    assert "connections" not in as_text(Status(WELL, BACKLOG, ConnectionBudget(6, 90, 40, 97)))
    few = Status(WELL, BACKLOG, ConnectionBudget(7, 105, 40, 97))
    assert "connections TOO FEW: the pools of 7 instances may open 105, PostgreSQL has 97" in (
        as_text(few)
    )
    assert json.loads(as_json(few))["connections"] == {
        "instances": 7, "pooled": 105, "opened": 40, "usable": 97, "fits": False,
    }  # fmt: skip
