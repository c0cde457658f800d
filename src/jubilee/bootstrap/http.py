"""Options of the HTTP application and of its server, from the settings."""

from jubilee.bootstrap.application import Application
from jubilee.domain.outbound.address_policy import AllowedHost
from jubilee.entrypoints.http.app import HttpOptions
from jubilee.entrypoints.http.connections.limits import ConnectionLimits
from jubilee.entrypoints.http.connections.server import ListenOptions
from jubilee.entrypoints.http.framework.client_address import TrustedProxies
from jubilee.entrypoints.http.framework.context import BodyLimits, PublicInfo
from jubilee.entrypoints.http.framework.cors import CorsHeaders
from jubilee.entrypoints.http.framework.edge import EdgeRules
from jubilee.entrypoints.shutdown import ShutdownBudget
from jubilee.settings import Settings

BODY_REFUSAL_S = 1.0
"""Seconds past BODY_TIMEOUT in which the application refuses a slow body itself."""


def http_options(settings: Settings, application: Application) -> HttpOptions:
    """Limits, keys and observers of the HTTP application."""
    telemetry = application.telemetry
    return HttpOptions(
        limits=BodyLimits(settings.max_body_bytes, settings.body_timeout, settings.request_timeout),
        cursor_keys=application.cursor_keys,
        edge=_edge_rules(settings),
        hosts=[AllowedHost.parse(host) for host in settings.accepted_hosts],
        public=PublicInfo(
            settings.public_url or "",
            settings.change_password_url or "",
            settings.security_contact,
            settings.security_txt_expires,
            settings.token_issuer,
        ),
        meter=telemetry.http,
        exposition=telemetry.exposition if settings.api_metrics_port is None else None,
        trace=telemetry.traced,
        connections=ConnectionLimits(
            settings.max_connections, body_s=settings.body_timeout + BODY_REFUSAL_S
        ),
        connection_observer=telemetry.connections,
        rate_limiter=application.rate_limiter,
    )


def _edge_rules(settings: Settings) -> EdgeRules:
    return EdgeRules(
        TrustedProxies(settings.trusted_proxies) if settings.trusted_proxies else None,
        CorsHeaders(settings.cors_origins, credentials=settings.cors_allow_credentials),
    )


def listen_options(settings: Settings, listeners: tuple[int, ...] = ()) -> ListenOptions:
    """Where the API listens, and how long it takes to stop.

    `listeners` are descriptors of sockets that listen there already.
    """
    budget = ShutdownBudget(drain_s=settings.shutdown_timeout)
    delay = settings.drain_delay
    return ListenOptions(settings.host, settings.port, budget.drain_s, delay, listeners)
