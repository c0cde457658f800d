"""Runbooks of failing and slow requests, and of the error budgets that they burn."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import chain

import httpx2
import pytest

from jubilee.adapters.postgres.statement import Driver
from tests.monitoring.promql import SELECTOR
from tests.support.api import (
    PASSWORD,
    Api,
    Starter,
    bearer,
    held_open,
    sign_up,
    starter,
    wait_for_lock_wait,
)
from tests.support.outages import OwnServers
from tests.support.receiver import Receiver, receiver
from tests.support.running import USUAL_HASH, eventually
from tests.system.alert_metrics import Growth, narrowed, panel, rules, selectors
from tests.system.database_states import LOCK_BIRTHDAYS, killed_server
from tests.system.following import comes_true, logged
from tests.system.runbooks import code_of, others_of, panels_of

ROUTE = "/hello/{username}"
REQUESTS = 20
SETTINGS = {
    "LOG_FORMAT": "json",
    "RATE_LIMITS": "off",
    "OTEL_BSP_SCHEDULE_DELAY": "100",
    "OTEL_METRICS_EXPORTER": "none",
    "OTEL_LOGS_EXPORTER": "none",
}
FAULT = """
    CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {} RETURN NEW; END $$;
    CREATE TRIGGER fault BEFORE INSERT OR UPDATE ON {} FOR EACH ROW EXECUTE FUNCTION fault();
"""


@pytest.fixture(scope="module")
def collector() -> Iterator[Receiver]:
    """What receives the traces of the API."""
    with receiver() as collector:
        yield collector


@pytest.fixture(scope="module")
def api(
    pair: OwnServers, collector: Receiver, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Api]:
    """An API that answers each request, however long it takes."""
    settings = {**SETTINGS, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, **USUAL_HASH}
    for start in starter(tmp_path_factory.mktemp("api")):
        yield start(pair.database_url, pair.redis_url, **settings).ready()


@asynccontextmanager
async def fault(driver: Driver, table: str, statement: str) -> AsyncIterator[None]:
    """Have each change of a table run this statement: what a release has broken."""
    await driver.execute(FAULT.format(statement, table))
    try:
        yield
    finally:
        await driver.execute("DROP FUNCTION fault CASCADE")


async def statuses(api: Api, path: str = "/hello/Unknown", count: int = REQUESTS) -> Counter[int]:
    """Send requests at once and count their statuses."""
    async with httpx2.AsyncClient(base_url=api.url, timeout=60) as client:
        answers = await asyncio.gather(*(client.get(path) for _ in range(count)))
    return Counter(answer.status_code for answer in answers)


async def is_over(api: Api, *alerts: str) -> bool:
    """Return whether further requests keep the ratios of these alerts within their bounds."""
    growth = Growth(api.url)
    assert await statuses(api) == {404: REQUESTS}
    found = chain.from_iterable(growth.exceeded(alert).items() for alert in alerts)
    return not any(beyond for rule, beyond in found if ":ratio_" in rule)


@pytest.mark.follows("JubileeAvailabilityBurnsFast", "JubileeErrorRateHigh")
async def test_503s_lead_to_the_entry_of_the_database_and_end_with_its_outage(
    pair: OwnServers, api: Api, pair_driver: Driver
) -> None:
    fast, high, growth = "JubileeAvailabilityBurnsFast", "JubileeErrorRateHigh", Growth(api.url)
    async with killed_server(pair, pair_driver):
        assert await statuses(api) == {503: REQUESTS}
        assert all((growth.exceeded(fast) | growth.exceeded(high)).values())
        assert "jubilee:http_errors:ratio_rate1h" in panel(fast, "Error budget burnt")
        assert others_of(fast) == {high}
        (by_status,) = selectors(panel(high, "Answers by status"))
        assert growth.of(narrowed(by_status, status=503)) == REQUESTS
        (cause,) = others_of(high)
        assert growth.of(*selectors(rules()[cause])) > 0
    assert await asyncio.to_thread(eventually, api.is_ready)
    assert await is_over(api, fast, high)


@pytest.mark.follows("JubileeAvailabilityBurnsSlowly", "JubileeErrorRateHigh")
async def test_500s_lead_to_their_endpoint_fingerprint_and_trace_and_end_with_the_error(
    api: Api, pair_driver: Driver, collector: Receiver
) -> None:
    slow, high, growth = "JubileeAvailabilityBurnsSlowly", "JubileeErrorRateHigh", Growth(api.url)
    with api.client() as client:
        client.headers.update(bearer(sign_up(client, "zoe")))
        async with fault(pair_driver, "items", "RAISE EXCEPTION 'no room';"):
            answers = [client.post("/items", json={"title": "Engine"}) for _ in range(3)]
        assert all((growth.exceeded(slow) | growth.exceeded(high)).values())
        assert client.post("/items", json={"title": "Engine"}).status_code == 201
    (by_status,) = selectors(panel(slow, "Answers by status"))
    (by_endpoint,) = selectors(panel(high, "Requests by endpoint"))
    assert growth.of(narrowed(by_status, status=500)) == 3
    assert growth.of(narrowed(by_endpoint, endpoint="/items", status=500)) == 3
    lines = logged(api, code_of(high, "request failed"))
    name, value = code_of(high, "level").split(": ")
    assert [(line[name], line["request_id"]) for line in lines] == [
        (value, answer.json()["request_id"]) for answer in answers
    ]
    assert [*Counter(line[code_of(slow, "fingerprint")] for line in lines).values()] == [3]
    trace = lines[0]["trace_id"]
    assert eventually(lambda: "INSERT items" in failed_spans(collector, trace))
    assert await is_over(api, slow, high)


def failed_spans(collector: Receiver, trace: str) -> set[str]:
    """Return the names of the spans of a trace that have failed."""
    return {span.name for span in collector.of_trace(trace) if span.failed}


@pytest.mark.follows("JubileeLatencyHigh", "JubileeLatencyBurnsFast")
async def test_slow_answers_lead_to_their_statements_and_end_with_the_lock(
    pair: OwnServers, api: Api, pair_driver: Driver
) -> None:
    high, fast, growth = "JubileeLatencyHigh", "JubileeLatencyBurnsFast", Growth(api.url)
    async with held_open(pair.database_url, LOCK_BIRTHDAYS):
        asked = asyncio.create_task(statuses(api))
        await wait_for_lock_wait(pair_driver)
        await asyncio.sleep(1.1)
    assert await asked == {404: REQUESTS}
    assert growth.share_above(1.0, SELECTOR.findall(rules()[high])[0]) > 0.05
    assert all(growth.exceeded(fast).values())
    assert others_of(fast) == {high}
    assert "jubilee:http_slow:ratio_rate1h" in panel(fast, "Latency budget burnt")
    (by_endpoint,) = selectors(panel(fast, "Response time by endpoint"))
    assert growth.share_above(1.0, narrowed(by_endpoint, endpoint=ROUTE)) == 1
    first, then, *_ = panels_of(high)
    assert first == "Response time by endpoint"
    assert growth.share_above(1.0, *selectors(panel(high, then))) > 0
    assert "JubileeStatementsSlow" in others_of(high)
    assert await comes_true(lambda: is_over(api, fast))


@pytest.mark.follows("JubileeLatencyBurnsSlowly")
async def test_a_slower_endpoint_leads_to_its_statement_which_is_improved(
    api: Api, pair_driver: Driver
) -> None:
    alert, growth = "JubileeLatencyBurnsSlowly", Growth(api.url)
    with api.client() as client:
        async with fault(pair_driver, "birthdays", "PERFORM pg_sleep(0.6);"):
            body = {"dateOfBirth": "1990-02-28"}
            assert client.put("/hello/Mia", json=body).status_code == 204
    assert all(growth.exceeded(alert).values())
    (by_endpoint,) = selectors(panel(alert, "Response time by endpoint"))
    assert growth.share_above(0.3, narrowed(by_endpoint, endpoint=ROUTE, method="PUT")) == 1
    slow = [line["sql"] for line in logged(api, code_of(alert, "slow statement"))]
    assert any("INSERT INTO birthdays" in sql for sql in slow)
    assert await comes_true(lambda: is_over(api, alert))


@pytest.mark.follows("JubileeLatencyHigh")
async def test_a_burst_of_sign_ins_uses_cpu_and_leaves_the_event_loop_to_others(api: Api) -> None:
    alert, growth = "JubileeLatencyHigh", Growth(api.url)
    (cpu,) = {one for one in selectors(panel(alert, "CPU")) if one.startswith("process_")}
    with api.client() as client:
        sign_up(client, "ada")
    login = {"username": "ada", "password": PASSWORD}
    async with httpx2.AsyncClient(base_url=api.url, timeout=60) as other:
        burst = [asyncio.create_task(other.post("/auth/token", data=login)) for _ in range(25)]
        assert (await other.get("/health/live")).status_code == 200
        assert not all(each.done() for each in burst)
        assert {(await each).status_code for each in burst} == {200}
    assert growth.of(cpu) > 0.1


@pytest.mark.follows("JubileeLatencyHigh")
async def test_a_tighter_rate_limit_refuses_one_address_before_the_database_is_asked(
    pair: OwnServers, start_api: Starter
) -> None:
    alert = "JubileeLatencyHigh"
    tighter = {code_of(alert, "RATE_LIMITS"): "anonymous=5/3600", "LOG_FORMAT": "json"}
    api = start_api(pair.database_url, pair.redis_url, **tighter).ready()
    growth = Growth(api.url)
    assert await statuses(api) == {404: 5, 429: REQUESTS - 5}
    assert growth.of('db_client_operation_duration_seconds_count{operation="SELECT"}') <= 5

    def clients() -> Counter[str]:
        lines = [line for line in logged(api, code_of(alert, "request")) if line["route"] == ROUTE]
        return Counter(line[code_of(alert, "client")] for line in lines)

    assert await asyncio.to_thread(eventually, lambda: clients() == {"127.0.0.1": REQUESTS})
