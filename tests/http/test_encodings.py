"""Negotiation of gzip."""

import pytest
from starlette.datastructures import Headers

from jubilee.entrypoints.http.framework.encodings import accepts_gzip


def accepts(*lines: str) -> bool:
    return accepts_gzip(Headers(raw=[(b"accept-encoding", line.encode()) for line in lines]))


@pytest.mark.parametrize(
    "line",
    [
        *("gzip", "GZIP", "x-gzip", "*", "gzip, deflate, br, zstd", "br;q=1.0, gzip;q=0.001"),
        *("gzip ; q=1", "gzip;Q=0.5,identity;q=0.5", "identity;q=0, *;q=0.1", "*;q=0, gzip"),
        "gzip;q=1, identity",
    ],
)
def test_gzip_is_sent_to_a_client_that_accepts_it(line: str) -> None:
    assert accepts(line)


@pytest.mark.parametrize(
    "line",
    [
        *("", "br", "identity", "gzip;q=0", "gzip;q=0.000", "*;q=0", "gzip;q=0, *"),
        *("identity, gzip;q=0.5", "gzip;q=high", "gzip;level=9", "gzipped", "gzip br"),
    ],
)
def test_gzip_is_not_sent_to_other_clients(line: str) -> None:
    assert not accepts(line)


def test_the_header_may_be_repeated_or_missing() -> None:
    assert accepts("br", "gzip;q=0.5")
    assert not accepts()
