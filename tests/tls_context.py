"""One TLS context for all clients of the tests, which hardly ever use it.

Making one reads the system's certificates and takes 30 ms of CPU time. The tests make thousands of
clients for plain HTTP, one for each question whether a server is ready.
"""

from functools import cache

import httpcore2
import pytest


def pytest_configure() -> None:
    """Let every client that is given no context have the same one."""
    shared = cache(httpcore2.default_ssl_context)
    pytest.MonkeyPatch().setattr(httpcore2, "default_ssl_context", shared)
