"""HAProxy before both colours: one backend whose servers are named blue1, blue2, …, green1, ….

Requests are moved by its runtime API, which needs no reload and breaks no connection. Requests and
errors are HAProxy's own counters, which include connections that an API refuses; latency comes from
the histograms of the APIs.
"""

import csv
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from deploy.bluegreen.colours import Colour, NotReadable, other
from deploy.bluegreen.figures import Reading, Series, latency_of

TIMEOUT_S = 5.0
CLASSES = ("hrsp_1xx", "hrsp_2xx", "hrsp_3xx", "hrsp_4xx", "hrsp_5xx")
ERRORS = ("hrsp_5xx", "econ")
NO_ADDRESS = "MAINT"


@dataclass(frozen=True, slots=True)
class Server:
    """A line of `show stat`."""

    name: str
    status: str
    check: str
    address: str
    requests: int
    errors: int

    @property
    def exists(self) -> bool:
        """Whether an API has this place: the name of the colour resolves to its address."""
        return bool(self.address) and not self.status.startswith(NO_ADDRESS)

    @property
    def is_healthy(self) -> bool:
        """Whether its last check passed; a drained server is checked, too."""
        return self.exists and self.check.endswith("L7OK")

    @property
    def serves(self) -> bool:
        """Whether it gets requests."""
        return self.is_healthy and self.status.startswith("UP")


class HaproxyRouter:
    """Routes requests through a running HAProxy, and reads what each colour did with them."""

    def __init__(self, admin: Path, backend: str, metrics_port: int) -> None:
        """Use the admin socket; a `metrics_port` of 0 is the port that an API serves."""
        self._admin, self._backend, self._metrics_port = admin, backend, metrics_port

    def serving(self) -> Colour:
        """Return the colour that gets requests; raises NotReadable where both or none do."""
        colours = {_colour(server) for server in self._servers() if server.serves}
        if len(colours) != 1:
            raise NotReadable(f"{' and '.join(sorted(colours)) or 'no colour'} gets the requests")
        return colours.pop()

    def hold(self, colour: Colour) -> None:
        """Give it no requests, from before its containers start."""
        self._set(colour, "drain")

    def is_ready(self, colour: Colour) -> bool:
        """Return whether all APIs of it are healthy, and at least as many as of the other."""
        there = [server for server in self._servers(colour) if server.exists]
        wanted = sum(server.serves for server in self._servers(other(colour)))
        return len(there) >= wanted and all(server.is_healthy for server in there) and bool(there)

    def switch(self, colour: Colour) -> None:
        """Send new requests to this colour; those that run end where they are."""
        self._set(colour, "ready")
        self._set(other(colour), "drain")

    def read(self, colour: Colour) -> Reading:
        """Read the counters of a colour; raises NotReadable."""
        found: dict[Series, float] = {}
        for server in self._servers(colour):
            found[Series("requests", server.name)] = server.requests
            found[Series("errors", server.name)] = server.errors
            if server.is_healthy:
                found |= self._latency(server)
        return found

    def _latency(self, server: Server) -> dict[Series, float]:
        host, _, port = server.address.rpartition(":")
        url = f"http://{host}:{self._metrics_port or port}/metrics"
        try:
            with urlopen(url, timeout=TIMEOUT_S) as answer:
                return latency_of(server.name, answer.read().decode())
        except OSError as error:
            raise NotReadable(f"{server.name}: {url}: {error}") from error

    def _set(self, colour: Colour, state: str) -> None:
        names = [server.name for server in self._servers(colour)]
        commands = [f"set server {self._backend}/{name} state {state}" for name in names]
        if refused := self._ask("; ".join(commands)).strip():
            raise NotReadable(f"HAProxy: {refused}")

    def _servers(self, colour: Colour | None = None) -> list[Server]:
        lines = self._ask(f"show stat {self._backend} 4 -1").removeprefix("# ").splitlines()
        servers = (_server(row) for row in csv.DictReader(lines) if row["pxname"] == self._backend)
        return [server for server in servers if colour is None or _colour(server) == colour]

    def _ask(self, command: str) -> str:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as admin:
                admin.settimeout(TIMEOUT_S)
                admin.connect(str(self._admin))
                admin.sendall(command.encode() + b"\n")
                return _all(admin.recv).decode()
        except OSError as error:
            raise NotReadable(f"HAProxy at {self._admin}: {error}") from error


def _server(row: dict[str, str]) -> Server:
    return Server(
        row["svname"],
        row["status"],
        row["check_status"],
        row["addr"],
        _sum(row, CLASSES),
        _sum(row, ERRORS),
    )


def _sum(row: dict[str, str], columns: Iterable[str]) -> int:
    return sum(int(row[column] or 0) for column in columns)


def _colour(server: Server) -> Colour:
    return Colour(server.name.rstrip("0123456789"))


def _all(receive: Callable[[int], bytes]) -> bytes:
    return b"".join(iter(lambda: receive(65536), b""))
