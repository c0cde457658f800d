"""How a server is named in spans, by its URL."""

import pytest

from jubilee.urls.parts import server_attributes


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgresql://u:p@db.test:5433/jubilee",
            {"server.address": "db.test", "server.port": 5433, "db.namespace": "jubilee"},
        ),
        ("postgresql:///?host=/run/pg", {"server.address": "/run/pg"}),
        ("redis://:p@cache.test:6380/1", {"server.address": "cache.test", "server.port": 6380}),
        ("redis://cache.test", {"server.address": "cache.test"}),
        ("redis://a:1,b:2/0", {"server.address": "a:1,b:2"}),
    ],
)
def test_a_span_names_address_port_and_database(url: str, expected: dict[str, object]) -> None:
    assert server_attributes(url) == expected
