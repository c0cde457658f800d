"""Request metrics and their exposition."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest

from jubilee.adapters.telemetry.http import HttpTelemetry
from jubilee.adapters.telemetry.instruments import Instruments
from jubilee.adapters.telemetry.samplers import exposition
from jubilee.domain.services import Services
from jubilee.entrypoints.http.app import HttpOptions, build_app
from jubilee.entrypoints.http.framework.context import BodyLimits, InFlightRequests


@pytest.fixture
def instruments() -> Instruments:
    return Instruments("1.2.3")


@asynccontextmanager
async def calling(
    services: Services, instruments: Instruments, *, exposed: bool = True
) -> AsyncIterator[httpx2.AsyncClient]:
    """Client of an API with metrics."""

    async def text() -> bytes:
        return exposition(instruments)

    options = HttpOptions(
        limits=BodyLimits(1000, 5),
        cursor_keys=(b"c" * 32,),
        meter=HttpTelemetry(instruments, None),
        exposition=text if exposed else None,
    )
    transport = httpx2.ASGITransport(build_app(services, options, InFlightRequests()))
    async with httpx2.AsyncClient(transport=transport, base_url="http://api.test") as client:
        yield client


def count(instruments: Instruments, name: str, **labels: str) -> float | None:
    return instruments.registry.get_sample_value(name, labels)


async def test_requests_are_counted_by_template_for_every_mount(
    services: Services, instruments: Instruments
) -> None:
    async with calling(services, instruments) as client:
        for mount in ("", "/api", "/v1/api"):
            await client.get(f"{mount}/hello/Zoe")
        await client.get("/hello/Zoe/")
        await client.get("/hello/Zoe1")
    route = {"method": "GET", "endpoint": "/hello/{username}"}
    assert count(instruments, "http_requests_total", **route, status="404") == 4
    assert count(instruments, "http_requests_total", **route, status="422") == 1
    assert (
        count(instruments, "http_request_duration_seconds_count", **route, status_class="4xx") == 5
    )


async def test_unknown_paths_and_methods_share_one_label(
    services: Services, instruments: Instruments
) -> None:
    async with calling(services, instruments) as client:
        for path in ("/nope", "/nope/1", "/items/not-an-id"):
            await client.request("BREW", path)
    labels = {"method": "OTHER", "endpoint": "unmatched", "status": "404"}
    assert count(instruments, "http_requests_total", **labels) == 3


async def test_body_sizes_are_measured(services: Services, instruments: Instruments) -> None:
    async with calling(services, instruments) as client:
        answer = await client.post("/auth/token", json={"username": "zoe", "password": "x"})
    route = {"method": "POST", "endpoint": "/auth/token"}
    sent = len(answer.request.content)
    assert count(instruments, "http_request_size_bytes_sum", **route) == sent
    assert count(instruments, "http_response_size_bytes_sum", **route) == len(answer.content)
    assert count(instruments, "http_requests_in_flight") == 0


async def test_metrics_are_exposed_as_prometheus_text(
    services: Services, instruments: Instruments
) -> None:
    async with calling(services, instruments) as client:
        answer = await client.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    for name in ("process_cpu_seconds_total", "python_gc_collections_total", "python_info"):
        assert f"\n{name}" in answer.text
    assert 'jubilee_build_info{version="1.2.3"} 1.0' in answer.text


async def test_check_44_metrics_with_their_own_listener_are_not_served_by_the_api(
    services: Services, instruments: Instruments
) -> None:
    async with calling(services, instruments, exposed=False) as client:
        answer = await client.get("/metrics")
    assert (answer.status_code, answer.json()["code"]) == (404, "path_not_found")


def test_a_process_without_jobs_exposes_no_job_metrics() -> None:
    api, worker = Instruments("1", runs_jobs=False), Instruments("1")
    for gauge in (api.workers_alive, api.relay_success, api.oldest_event, api.jobs_running):
        gauge.set(1)
    exposed = exposition(api).decode()
    families = {family.name for family in worker.registry.collect()}
    only_worker = families - {family.name for family in api.registry.collect()}
    assert {"workers_alive", "jobs_state", "relay_last_success_timestamp_seconds"} <= only_worker
    assert not any(name in exposed for name in only_worker)
    assert "jobs_enqueued" in exposed
