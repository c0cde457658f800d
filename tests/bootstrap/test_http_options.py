"""What the HTTP application and its server take from the settings."""

from types import SimpleNamespace
from typing import Any, cast

from jubilee.bootstrap.http import BODY_REFUSAL_S, http_options, listen_options
from jubilee.entrypoints.http.app import HttpOptions
from jubilee.settings import Settings

TELEMETRY = SimpleNamespace(http="http", exposition="metrics", traced="traced", connections="open")


def options(**given: object) -> HttpOptions:
    application = SimpleNamespace(telemetry=TELEMETRY, cursor_keys=(b"c",), rate_limiter=None)
    return http_options(Settings.model_validate(given), cast("Any", application))


def test_addresses_are_published_as_they_are_set_and_are_empty_without() -> None:
    url, change = "https://jubilee.test/api", "https://app.jubilee.test/password"
    found = options(public_url=url, change_password_url=change)
    assert (found.public.url, found.public.change_password_url) == (url, change)
    assert (options().public.url, options().public.change_password_url) == ("", "")


def test_a_slow_body_is_refused_by_the_application_before_its_connection_ends() -> None:
    found = options(body_timeout=7, max_connections=9, max_body_bytes=2048, request_timeout=11)
    assert (found.limits.body_seconds, found.limits.body_bytes) == (7, 2048)
    assert found.connections.body_s == 7 + BODY_REFUSAL_S
    assert found.connections.connections == 9


def test_metrics_are_served_by_the_api_unless_they_have_a_port_of_their_own() -> None:
    assert options().exposition is not None
    assert options(metrics_port=9464).exposition is None


def test_proxies_are_trusted_as_set() -> None:
    assert options(trusted_proxies="10.0.0.0/8").edge.proxies is not None
    assert options().edge.proxies is None


def test_a_server_listens_and_stops_as_set() -> None:
    settings = Settings.model_validate(
        {"host": "127.0.0.9", "port": 8123, "drain_delay": 3, "shutdown_timeout": 20}
    )
    found = listen_options(settings, (5, 6))
    assert (found.host, found.port, found.listeners) == ("127.0.0.9", 8123, (5, 6))
    assert found.delay == 3
    assert found.timeout == 20
