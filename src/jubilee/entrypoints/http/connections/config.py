"""Configuration of uvicorn, with the rules of `BoundedProtocol`."""

from dataclasses import dataclass

import uvicorn

from jubilee.entrypoints.http.connections.ends import EndedConnections
from jubilee.entrypoints.http.connections.limits import ConnectionLimits
from jubilee.entrypoints.http.connections.refusals import Refusals


@dataclass(frozen=True, slots=True)
class ConnectionRules:
    """Limits and observers shared by all connections of a server."""

    limits: ConnectionLimits
    refusals: Refusals
    ended: EndedConnections


class BoundedConfig(uvicorn.Config):
    """Configuration that uvicorn passes to each `BoundedProtocol`."""

    rules: ConnectionRules
