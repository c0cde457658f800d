"""Undocumented behaviour of uvicorn and httptools that `BoundedProtocol` relies on."""

import hashlib
import inspect
import tomllib
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import httptools
import pytest
from uvicorn.protocols.http import flow_control, httptools_impl

from jubilee.entrypoints.http.connections.protocol import BoundedProtocol

SOURCES = {
    httptools_impl: "1d4e1c579df41684",
    flow_control: "d39d16560df512f3",
}
"""Hashes of the sources that the protocol overrides."""


@pytest.mark.parametrize("module", SOURCES, ids=lambda module: module.__name__)
def test_the_overridden_sources_of_uvicorn_are_unchanged(module: ModuleType) -> None:
    source = inspect.getsource(module)
    found = hashlib.sha256(source.encode()).hexdigest()[:16]
    assert found == SOURCES[module], (
        "uvicorn's protocol has changed: compare it with entrypoints/http/connections/protocol.py "
        f"method by method, then write {found} here"
    )


def test_no_other_minor_version_of_uvicorn_is_installed() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    (requirement,) = (text for text in project["dependencies"] if text.startswith("uvicorn"))
    major, minor = version("uvicorn").split(".")[:2]
    assert requirement == f"uvicorn>={major}.{minor},<{major}.{int(minor) + 1}"


@pytest.mark.parametrize("name", [n for n in vars(BoundedProtocol) if n.startswith("on_")])
def test_every_callback_exists_in_uvicorn(name: str) -> None:
    assert name in vars(httptools_impl.HttpToolsProtocol)


class HeadCounter:
    """Count the parsed heads."""

    def __init__(self) -> None:
        self.count = 0

    def on_headers_complete(self) -> None:
        self.count += 1


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\n", b"\n\r\n", b"\r\r\n\n"])
def test_the_parser_ends_a_head_only_by_two_crlf(end: bytes) -> None:
    heads = HeadCounter()
    parser = httptools.HttpRequestParser(heads)
    with pytest.raises(httptools.HttpParserError):
        parser.feed_data(b"GET / HTTP/1.1\r\nHost: x" + end + b"GET / HTTP/1.1\r\n\r\n")
    assert heads.count == 0
