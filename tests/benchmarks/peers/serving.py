"""Run an ASGI application as the peers do: uvicorn with uvloop and httptools, no access log."""

import sys
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn

PORT, DATABASE_URL = 1, 2  # arguments of each peer


def serve(app: Callable[..., Awaitable[None]] | Any) -> None:  # frameworks' own types
    """Serve until a signal."""
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[PORT]),
        log_level="warning",
        access_log=False,
        loop="uvloop",
        http="httptools",
    )
