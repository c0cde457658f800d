"""uvicorn's configuration, and what the protocol needs beside it."""

from dataclasses import dataclass

import uvicorn

from jubilee.entrypoints.http.connections.ends import EndedConnections
from jubilee.entrypoints.http.connections.limits import ConnectionLimits
from jubilee.entrypoints.http.connections.refusals import Refusals


@dataclass(frozen=True, slots=True)
class ConnectionRules:
    """The same for every connection of a server."""

    limits: ConnectionLimits
    refusals: Refusals
    ended: EndedConnections


class BoundedConfig(uvicorn.Config):
    """For `BoundedProtocol`; uvicorn hands it to each connection."""

    rules: ConnectionRules
