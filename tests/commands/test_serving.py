"""`jubilee api` and `jubilee worker`: what they check before they start."""

import socket
from argparse import Namespace

import pytest

from jubilee.commands import serving


def test_an_api_whose_port_is_taken_ends_with_a_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("PORT", str(port))
        monkeypatch.setattr(serving, "start_logging", lambda _: None)
        assert serving.api(Namespace()) == 1
    assert str(port) in caplog.messages[-1]
