"""The runbook of greetings, followed on a real API, real workers and a mail server."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from aiosmtpd.controller import Controller

from jubilee.adapters.postgres.statement import Driver
from tests.adapters.mail.smtp_server import Inbox
from tests.servers import Servers
from tests.support.api import NO_MAIL, PASSWORD, Api, Starter
from tests.support.running import eventually, free_port
from tests.support.workers import stop
from tests.system.following import reads
from tests.system.runbooks import code_of
from tests.system.watching import StartWorker, Watched, alerted, shown, watched

MISSING, UNPLANNED = "JubileeGreetingsMissing", "JubileeGreetingsUnplanned"
GREETING = "SELECT state FROM greetings"
HOURS_LATER = "UPDATE jobs SET run_at = now() WHERE status = 'queued'"
HOUR_BEFORE = """
    UPDATE counters SET value = value - 3600 WHERE name = 'greetings_planned_until'
    RETURNING value + 3600
"""
TWO_HOURS_AGO = """
    UPDATE counters SET value = extract(epoch FROM now()) - 7200
    WHERE name = 'greetings_planned_until'
"""
PLANNED_UNTIL = "SELECT value FROM counters WHERE name = 'greetings_planned_until'"


@pytest.fixture
def mail_server() -> Iterator[tuple[Inbox, str]]:
    """A mail server and its URL."""
    inbox, port = Inbox(), free_port()
    server = Controller(inbox, "127.0.0.1", port)
    server.start()
    yield inbox, f"smtp://127.0.0.1:{port}"
    server.stop()


@pytest.fixture
def api(start_api: Starter, servers: Servers, database_url: str) -> Api:
    """An API without mail, where one account has its birthday today, and its hour has passed."""
    api = start_api(database_url, servers.redis_url, SMTP_URL=None).ready()
    hours = 12 - datetime.now(UTC).hour  # from UTC to where it is noon
    there = datetime.now(UTC) + timedelta(hours=hours)
    zoe = {"email": "zoe@example.com", "username": "zoe", "password": PASSWORD}
    born = {"date_of_birth": f"{there.year - 32}-{there:%m-%d}"}
    with api.client() as client:
        form = {**zoe, **born, "time_zone": f"Etc/GMT{-hours:+}"}
        assert client.post("/users", json=form).status_code == 201
    return api


def greetings(inbox: Inbox) -> int:
    """Count the mails that are greetings."""
    return sum("Subject: Happy birthday" in str(one.content) for one in inbox.mail)


def lines(worker: Watched) -> list[str]:
    """Return the lines of the worker's log so far."""
    return worker.process.output.splitlines()


def missing(worker: Watched) -> float:
    """Return the number of missing greetings that the alert reads."""
    return sum(alerted(worker.metrics, MISSING).values())


@pytest.fixture
async def left(driver: Driver, start_worker: StartWorker, api: Api) -> Watched:
    """A worker without mail, after one whose mail server does not answer has planned a greeting."""
    assert api.process.poll() is None
    planner = watched(start_worker, SMTP_URL=NO_MAIL)
    assert await reads(driver, GREETING, "planned")
    failed, kind = code_of(MISSING, "job failed"), f"kind={code_of(MISSING, 'email.greeting')}"
    assert eventually(lambda: any(failed in line and kind in line for line in lines(planner)))
    stop(planner.process)
    return watched(start_worker, MAIL_DIR=None)


async def planned_again(driver: Driver, start_worker: StartWorker, url: str) -> Watched:
    """Return another worker, once it has planned the hour before again."""
    before = await driver.fetchval(HOUR_BEFORE)
    again = watched(start_worker, **{code_of(MISSING, "SMTP_URL"): url})
    assert await reads(driver, f"SELECT ({PLANNED_UNTIL}) >= {before}", expected=True)
    return again


@pytest.mark.follows("JubileeGreetingsMissing")
async def test_a_worker_with_mail_sends_what_is_missing_and_its_restart_sends_nothing(
    driver: Driver,
    start_worker: StartWorker,
    api: Api,
    left: Watched,
    mail_server: tuple[Inbox, str],
) -> None:
    assert missing(left) == 1
    name, value = code_of(MISSING, "mail: ").split(": ")
    assert api.ask(code_of(MISSING, "/health")).json()["checks"][name] == value
    assert shown(left.metrics, MISSING, "This year's greetings") == 1
    assert shown(left.metrics, MISSING, "Workers") == 1
    assert code_of(MISSING, "mail is not configured") in left.process.output
    inbox, url = mail_server
    await driver.execute(HOURS_LATER)
    restored = watched(start_worker, **{code_of(MISSING, "SMTP_URL"): url})
    assert await reads(driver, GREETING, "sent")
    stop(restored.process)
    assert missing(await planned_again(driver, start_worker, url)) == 0
    assert greetings(inbox) == 1


def unplanned_s(worker: Watched) -> float:
    """Return for how long greetings have not been planned, as the alert reads it."""
    return time.time() - sum(alerted(worker.metrics, UNPLANNED).values())


@pytest.mark.follows("JubileeGreetingsUnplanned")
async def test_a_worker_with_mail_plans_what_one_without_has_left(
    driver: Driver, start_worker: StartWorker
) -> None:
    await driver.execute(TWO_HOURS_AGO)
    left = watched(start_worker, MAIL_DIR=None)
    assert unplanned_s(left) > 3600
    assert shown(left.metrics, UNPLANNED, "Workers") == 1
    assert code_of(UNPLANNED, "mail is not configured") in left.process.output
    watched(start_worker, **{code_of(UNPLANNED, "SMTP_URL"): NO_MAIL})
    planned_now = f"SELECT ({PLANNED_UNTIL}) > extract(epoch FROM now()) - 60"
    assert await reads(driver, planned_now, expected=True)
    assert unplanned_s(watched(start_worker)) < 3600


@pytest.mark.follows("JubileeGreetingsUnplanned")
async def test_a_service_that_is_to_send_no_mail_any_more_is_not_waited_for(
    driver: Driver, start_worker: StartWorker
) -> None:
    await driver.execute(TWO_HOURS_AGO)
    await driver.execute(code_of(UNPLANNED, "UPDATE "))
    left = watched(start_worker, MAIL_DIR=None)
    assert sum(alerted(left.metrics, UNPLANNED).values()) == 0
