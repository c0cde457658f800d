"""`python3 -m deploy.bluegreen`: the commands of a blue-green release; README.md describes them."""

import argparse
import signal
import sys
from dataclasses import Field, fields
from pathlib import Path
from types import FrameType
from typing import Any

from deploy.bluegreen.colours import FiguresReader, NotReadable, TrafficRouter, other
from deploy.bluegreen.gitops import GitRouter
from deploy.bluegreen.haproxy import HaproxyRouter
from deploy.bluegreen.prometheus import SELECTOR, PrometheusFigures
from deploy.bluegreen.release import Durations, NotReleased, Release
from deploy.bluegreen.verdict import Limits

METRICS_PORT = 9102


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return its exit code."""
    parsed = _parser().parse_args(arguments)
    try:
        parsed.run(parsed)
    except (NotReleased, NotReadable) as error:
        print(f"bluegreen: {error}", file=sys.stderr)
        return 1
    return 0


def idle(parsed: argparse.Namespace) -> None:
    """Print the colour that gets no requests, where the next version is to start."""
    router, _ = _adapters(parsed)
    colour = other(router.serving())
    if isinstance(router, HaproxyRouter):
        router.hold(colour)
    print(colour)


def pin(parsed: argparse.Namespace) -> None:
    """Commit the image that the idle colour is to run, in a GitOps clone."""
    router, _ = _adapters(parsed)
    if not isinstance(router, GitRouter):
        raise NotReadable("an image is pinned with --route alone")
    print(router.pin(parsed.digest))


def release(parsed: argparse.Namespace) -> None:
    """Switch to the idle colour and watch it."""
    signal.signal(signal.SIGTERM, _interrupted)
    signal.signal(signal.SIGINT, _interrupted)
    router, figures = _adapters(parsed)
    limits = Limits(**{field.name: getattr(parsed, field.name) for field in fields(Limits)})
    durations = Durations(
        **{field.name: getattr(parsed, field.name) for field in fields(Durations)}
    )
    Release(router, figures, limits, durations, lambda line: print(line, flush=True)).run()


def _interrupted(number: int, _: FrameType | None) -> None:
    raise NotReleased(f"ended by {signal.Signals(number).name}")


def _adapters(parsed: argparse.Namespace) -> tuple[TrafficRouter, FiguresReader]:
    if parsed.haproxy:
        haproxy = HaproxyRouter(parsed.haproxy, parsed.backend, parsed.metrics_port)
        return haproxy, haproxy
    if not parsed.prometheus:
        raise NotReadable("--route needs --prometheus")
    figures = PrometheusFigures(parsed.prometheus, parsed.selector)
    return GitRouter(parsed.route, figures), figures


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m deploy.bluegreen", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for run in (idle, pin, release):
        command = commands.add_parser(run.__name__, help=run.__doc__, description=run.__doc__)
        command.set_defaults(run=run)
        where = command.add_mutually_exclusive_group(required=True)
        where.add_argument("--haproxy", type=Path, help="its admin socket")
        where.add_argument("--route", type=Path, help="the HTTPRoute's file in a GitOps clone")
        command.add_argument("--backend", default="apis", help="HAProxy's, of both colours")
        command.add_argument("--metrics-port", type=int, default=METRICS_PORT, help="of the APIs")
        command.add_argument("--prometheus", help="the server's URL")
        command.add_argument("--digest", default="", help="sha256:…, for pin")
        command.add_argument("--selector", default=SELECTOR, help="of a colour's APIs there")
        for field in (*fields(Limits), *fields(Durations)) if run is release else ():
            _add_option(command, field)
    return parser


def _add_option(command: argparse.ArgumentParser, field: Field[Any]) -> None:
    option = f"--{field.name.replace('_', '-')}"
    command.add_argument(
        option, type=type(field.default), default=field.default, help="%(default)s"
    )


sys.exit(main())
