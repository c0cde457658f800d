"""The API with a part of its telemetry, for `telemetry_cost`."""

import sys
from dataclasses import replace

import uvloop

from jubilee.bootstrap.logs import start_logging
from jubilee.bootstrap.services import Opened, http_options, listening, open_services
from jubilee.bootstrap.telemetry import Process
from jubilee.commands import read_settings
from jubilee.entrypoints.api import serve
from jubilee.entrypoints.http.app import HttpOptions
from jubilee.entrypoints.http.metering import UNMETERED
from jubilee.settings import Settings


def options(settings: Settings, opened: Opened, variant: str) -> HttpOptions:
    """What is not in the variant is taken out."""
    telemetry, whole = opened.telemetry, http_options(settings, opened.telemetry)
    if variant not in {"lines", "sent", "all"}:
        telemetry.http._access_log = None
    if variant not in {"metrics", "sent", "all"}:
        telemetry.http._count = _nothing  # type: ignore[method-assign]  # to see what it costs
        telemetry.http.came = _nothing  # type: ignore[method-assign]  # the same
        telemetry.database.lent = _nothing  # type: ignore[method-assign]  # the same
    if variant not in {"metrics", "traces", "sent", "all"}:
        telemetry.database.ran = _nothing  # type: ignore[method-assign]  # the same
    if variant not in {"traces", "all"}:
        whole = replace(whole, trace=lambda app: app)
    return replace(whole, meter=UNMETERED) if variant == "off" else whole


def _nothing(*_: object, **__: object) -> None:
    pass


async def main(variant: str) -> int:
    """Serve until a signal."""
    settings = read_settings()
    process = Process("api", None, start_logging(settings))
    async with open_services(settings, process=process) as opened:
        return await serve(opened.services, options(settings, opened, variant), listening(settings))


if __name__ == "__main__":
    sys.exit(uvloop.run(main(sys.argv[1])))
